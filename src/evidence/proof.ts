import type { ErrorCode } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';
import type { HashName } from '../trust/index.ts';
import type { Digests } from './digests.ts';
import type { ModelManifest } from './model-signature.ts';
import type { Signer } from './signer.ts';
import type { Statement } from './statement.ts';

/** What a verified signature is about. */
export type Binding =
  /** The manifest of the OCI artifact that was asked for; that was compared already. */
  | { readonly kind: 'manifest' }
  /** One file that has one of these digests, in hex. */
  | { readonly kind: 'file'; readonly hash: HashName; readonly digests: readonly string[] }
  /** Exactly these files. */
  | { readonly kind: 'model'; readonly manifest: ModelManifest };

/** A signature that an attestor made, and what it is about. */
export interface Proof {
  readonly signer: Signer;
  readonly binding: Binding;
  /** What an attestation says, for conditions. */
  readonly statement?: Statement;
  /** Where it was found. */
  readonly where: string;
  /** SHA-256 of what it was found in, hex. */
  readonly sha256?: string;
}

/** A signature that does not count, and why. */
export interface Rejected {
  readonly where: string;
  readonly code: ErrorCode;
  readonly why: string;
}

/** All that was found for one requirement. */
export interface Proofs {
  readonly proofs: readonly Proof[];
  readonly rejected: readonly Rejected[];
}

/** A file of the artifact that evidence was read from: it cannot list itself. */
export interface EvidenceFile {
  /** Relative to the artifact's root. */
  readonly name: PathBytes;
  /** Of the bytes that were read, hex. */
  readonly sha256: string;
  readonly size: number;
  /** Names that it had when it was read. */
  readonly links: number;
}

/**
 * True for a signature of exactly this file: over a digest of it, or over a list that names it
 * alone.
 */
export function isOfFile(binding: Binding, digests: Digests): boolean {
  if (binding.kind === 'file') return binding.digests.includes(digests.get(binding.hash) ?? 'unknown');
  if (binding.kind !== 'model') return false;
  const { hash, method, files } = binding.manifest;
  const [only, ...more] = files.size === 1 ? [...files] : [];
  return hash === 'sha256' && method === 'files' && more.length === 0 && only?.[1] === digests.get('sha256');
}
