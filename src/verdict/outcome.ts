import type { ContentFound } from '../content/index.ts';
import type { ExitCode, Failure } from '../error/index.ts';
import type { Signer } from '../evidence/index.ts';
import type { FileTable, LeftOutEntry, PathBytes } from '../fs/index.ts';
import type { EngineChoice, Kernel } from '../hash/index.ts';
import type { ArtifactPlan, Leaf, Plan, Requirement } from '../plan/index.ts';
import type { Evidence } from './judge.ts';
import type { UnlistedFile } from './unlisted.ts';

/**
 * In the terms of SLSA's Verification Summary Attestation, plus `UNEVALUATED` for a question
 * without an answer.
 */
export type VerificationResult = 'PASSED' | 'FAILED' | 'UNEVALUATED';

/** Evidence that was read, as in-toto names it. */
export interface Input {
  readonly uri: string;
  readonly digest: { readonly sha256: string };
}

/** One requirement, and what was found. */
export interface RequirementOutcome {
  readonly kind: Requirement['kind'];
  /** Where it was asked for: a variable, a flag, later a policy. */
  readonly origin: string;
  readonly expected: string;
  /** Hex digest that was measured; absent when nothing could be measured. */
  readonly found?: string;
  readonly met: boolean;
  /** Who signed, for a signature or an attestation that counts. */
  readonly signers?: readonly Signer[];
  /** Files with the signatures that count. */
  readonly inputs?: readonly Input[];
  /**
   * Files that are there although what was listed or signed does not name them, and why that is let
   * pass.
   */
  readonly unlisted?: readonly UnlistedFile[];
}

/** What a folder is when some of its files are left out: what an attestation in it can be about. */
export interface AttestedTree {
  /** Tree digest of the others, hex. */
  readonly digest: string;
  /** What is left out, and why it may be. */
  readonly unlisted: readonly UnlistedFile[];
}

/** What was measured of an artifact. */
export interface Measured {
  readonly kind: 'file' | 'folder';
  readonly files: FileTable;
  /**
   * SHA-256 of the file, or the folder's tree digest, in hex; absent when something could not be
   * listed or hashed, or was hashed in shards.
   */
  readonly digest?: string;
  /**
   * Digests that a signature was made over where those are not SHA-256 of whole files: by name,
   * shard by shard.
   */
  readonly second?: ReadonlyMap<PathBytes, readonly string[]>;
  /**
   * Tree digests without the attestations that lie in the folder, and what the platform ignores, by
   * what asks for them.
   */
  readonly attested?: ReadonlyMap<Leaf, readonly AttestedTree[]>;
  /** What its files are, where that was asked for. */
  readonly content?: {
    readonly found: ContentFound;
    /** Conditions that are not true, by what asks for them. */
    readonly faults: ReadonlyMap<Leaf, readonly string[]>;
  };
  /** Only a share of the files was hashed; others hash the rest. */
  readonly isPart?: true;
  /**
   * Entries (as text) that were refused or could not be read: what they hold is unknown, not
   * missing.
   */
  readonly unknown: readonly string[];
}

/** Whether digests were taken from a receipt, and otherwise why everything was hashed. */
export type ReceiptOutcome =
  | { readonly isUsed: true; readonly startedAt: Date; readonly files: number }
  | { readonly isUsed: false; readonly why: string };

/**
 * What a store says of the files that were fetched from it: never a reason to let anything pass.
 */
export interface StoreOutcome {
  /** The commit that a branch or tag was resolved to. */
  readonly revision?: string;
  /** Patterns of the files that are wanted, and of those that are not. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly files: ReadonlyMap<PathBytes, StoredVersion>;
}

/** Which version of a file of a store was fetched. */
export interface StoredVersion {
  /** As the store calls it. */
  readonly version?: string;
  /** Entity tag that every part of it had. */
  readonly etag?: string;
  /** What the store says of its content, and what it was found to be. */
  readonly promised?: { readonly algorithm: string; readonly digest: string };
  /** What the store says of its content by a weak hash, in base64: not checked. */
  readonly checksums?: { readonly md5?: string; readonly crc32c?: string };
}

/** The verdict on one artifact, with everything it rests on. */
export interface ArtifactOutcome {
  readonly artifact: ArtifactPlan;
  readonly result: VerificationResult;
  readonly measured?: Measured;
  /** Digest of the manifest that was resolved, for an OCI artifact. */
  readonly manifest?: string;
  /**
   * Whether the content is exactly that of this manifest; what lay there already may have met
   * something else.
   */
  readonly isOfManifest?: boolean;
  readonly store?: StoreOutcome;
  readonly requirements: readonly RequirementOutcome[];
  readonly failures: readonly Failure[];
  /**
   * What is no part of the artifact, because the platform says so: it was not read, and nothing is
   * known of it.
   */
  readonly leftOut?: readonly LeftOutEntry[];
  /** Where the bytes were read: the destination when it already held the artifact. */
  readonly path: string;
  /**
   * Of a verification in parts: only this one's share was hashed, and nothing is known of the rest.
   */
  readonly part?: { readonly index: number; readonly of: number };
  /** What that part was held against. */
  readonly evidence?: Evidence;
  /** What became of an earlier verification's receipt, where receipts are in use. */
  readonly receipt?: ReceiptOutcome;
  /** True when a verified copy was made visible at the destination. */
  readonly published: boolean;
}

/** The verdict on a run. */
export interface RunOutcome extends Pick<Plan, 'mode' | 'failurePolicy'> {
  /**
   * One of many, beside a workload that may be running: the exit code keeps nothing from starting.
   */
  readonly isRound?: true;
  readonly result: VerificationResult;
  readonly exitCode: ExitCode;
  readonly artifacts: readonly ArtifactOutcome[];
  /** What went wrong outside any one artifact, e.g. the time limit. */
  readonly failures: readonly Failure[];
  readonly engine?: EngineChoice;
  /** What computed the digests: `auto` and `wasm` say less. */
  readonly kernels: readonly Kernel[];
  /** Why the multi-buffer kernel was this one, where there was a choice. */
  readonly kernelReason?: string;
  readonly workers: number;
  /** Bytes and files that were hashed. */
  readonly bytes: number;
  readonly files: number;
  readonly startedAt: Date;
  /** Wall-clock seconds. */
  readonly seconds: number;
}

/**
 * The one condition under which something is published: it was measured, nothing failed, and every
 * single requirement is met, of which there is at least one.
 */
export function isVerified(
  measured: Measured | undefined,
  requirements: readonly Pick<RequirementOutcome, 'met'>[],
  failures: readonly Failure[],
): measured is Measured {
  return (
    measured !== undefined && failures.length === 0 && requirements.length > 0 && requirements.every(({ met }) => met)
  );
}

/** Every failure of a run, each with its artifact's name. */
export function allFailures(outcome: Pick<RunOutcome, 'artifacts' | 'failures'>): Failure[] {
  const own = outcome.artifacts.flatMap(({ artifact, failures }) =>
    failures.map((failure) => ({ ...failure, artifact: artifact.name })),
  );
  return [...outcome.failures, ...own];
}
