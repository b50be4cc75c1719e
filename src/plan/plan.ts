import type { VerdictTerms } from '../evidence/index.ts';
import type { PathBytes, StorageRules } from '../fs/index.ts';
import type { Hasher } from '../hash/index.ts';
import type { Platform, RegistrySettings } from '../registry/index.ts';
import type { Location } from '../source/index.ts';
import type { StoreSettings } from '../store/index.ts';
import type { Attestor } from '../trust/index.ts';
import type { ContentRequirement } from './content.ts';
import type { ReceiptSettings } from './receipt-settings.ts';

/** `Enforce` blocks on a violation, `Audit` reports it and lets the pod start. */
export const MODES = ['Enforce', 'Audit'] as const;
export type Mode = (typeof MODES)[number];

/**
 * What to do when a question cannot be answered (I/O, time-out): `Fail` blocks, `Ignore` reports
 * and lets start.
 */
export const FAILURE_POLICIES = ['Fail', 'Ignore'] as const;
export type FailurePolicy = (typeof FAILURE_POLICIES)[number];

/** One thing that must be true of an artifact. */
export type Requirement =
  /**
   * SHA-256 of the content: of the bytes for a file, the tree digest for a folder. 64 lower-case
   * hex digits.
   */
  | { readonly kind: 'sha256'; readonly digest: string; readonly origin: string }
  /** Exactly the content of an OCI artifact whose manifest (or index) has this SHA-256. */
  | { readonly kind: 'manifest'; readonly digest: string; readonly origin: string }
  /** Exactly the files of an archive that has this SHA-256 as it is sent. */
  | { readonly kind: 'archive'; readonly digest: string; readonly origin: string }
  /**
   * Exactly the files of a checksums file, which itself has the SHA-256 `digest`, or was signed.
   */
  | {
      readonly kind: 'checksums';
      readonly file: string;
      /** A digest, or whose signature it needs, in words. */
      readonly digest: string;
      readonly signature?: SignatureRequirement;
      readonly origin: string;
    }
  | SignatureRequirement
  /** Every file is of a format that is named, by its bytes, and sound. */
  | ContentRequirement
  /** At least one of these; never empty, and none of them another group. */
  | { readonly kind: 'anyOf'; readonly options: readonly Leaf[]; readonly origin: string };

/** A requirement that is no group. */
export type Leaf = Exclude<Requirement, { kind: 'anyOf' }>;

/** What a requirement comes down to: itself, or the alternatives of a group. */
export function leavesOf(requirement: Requirement): readonly Leaf[] {
  return requirement.kind === 'anyOf' ? requirement.options : [requirement];
}

/** Signatures, or attestations of one type, by people who are trusted. */
export interface SignatureRequirement {
  readonly kind: 'signature' | 'attestation';
  /** Whose signature counts; never empty. */
  readonly attestors: readonly Attestor[];
  /** How many different ones must have signed, at least 1. */
  readonly threshold: number;
  /**
   * Files with signatures, relative ones in or beside the artifact; empty for where the kind of
   * artifact has them.
   */
  readonly files: readonly string[];
  /** OCI repository that has the signatures, where it is not the artifact's own. */
  readonly repository?: string;
  /** URI of the predicate type, for an attestation. */
  readonly predicateType?: string;
  /** CEL, each of which must be true of an attestation. */
  readonly conditions: readonly string[];
  /**
   * Files and folders of an artifact that may be there without being signed, relative to its root.
   */
  readonly ignorePaths?: readonly PathBytes[];
  /** Takes model signatures of before OpenSSF Model Signing 1.0, too. */
  readonly allowLegacy?: true;
  /** Most milliseconds since the verified time of the signature. */
  readonly maxAge?: number;
  /** For an attestation that is a verdict: what it must say. */
  readonly verdict?: VerdictTerms;
  readonly origin: string;
}

/** One artifact, and everything that must be true of it. */
export interface ArtifactPlan {
  /** Unique within the plan; how reports call it. */
  readonly name: string;
  /** Where the bytes come from. */
  readonly source: Location;
  /**
   * Absolute path to publish a verified copy at; without it the artifact is verified where it lies.
   */
  readonly destination?: string;
  /** All must be met; never empty. */
  readonly requirements: readonly Requirement[];
  /** Names of the policies that require something of it. */
  readonly policies?: readonly string[];
  /** What the platform says about the storage that it lies on. */
  readonly storage?: StorageRules;
}

/** A digest of which the pod's author did not say what has it. */
export interface FloatingPin {
  readonly digest: string;
  readonly origin: string;
}

/** How a run may go about its work. */
export interface Limits {
  /** Most entries in one artifact. */
  readonly maxFiles: number;
  readonly allowSymlinks: boolean;
  /** Milliseconds for the whole run; 0 for no limit. */
  readonly timeout: number;
  /** Milliseconds without a single byte or entry of progress; 0 for no limit. */
  readonly idleTimeout: number;
  /** Most bytes to read per second; 0 for no limit. */
  readonly ioRate: number;
  /** Reads of volumes in flight; 0 for as many as pay. */
  readonly ioDepth: number;
}

/** How content is fetched that does not lie on a volume. */
export interface RemoteSettings {
  readonly registry: RegistrySettings;
  readonly stores: StoreSettings;
  readonly platform: Platform;
  readonly allowUnknownLayers: boolean;
  /** Put a verified copy in the place of what lies at a destination and does not verify. */
  readonly replace: boolean;
  /** Publish an archive that comes over HTTPS as the files in it. */
  readonly unpack: boolean;
  /** Most bytes to fetch, and to unpack to; what the volume has free where it is not given. */
  readonly maxBytes?: number;
}

/** What must be true of which artifact: everything a run needs to know, parsed and checked. */
export interface Plan {
  readonly mode: Mode;
  readonly failurePolicy: FailurePolicy;
  /** Never empty. */
  readonly artifacts: readonly ArtifactPlan[];
  /** Digests that at least one artifact must have, whichever. */
  readonly pins: readonly FloatingPin[];
  readonly limits: Limits;
  readonly hasher: Hasher;
  readonly remote: RemoteSettings;
  /** One of several parts of a verification, from 0: only its share is hashed. */
  readonly part?: { readonly index: number; readonly of: number };
  /** Where receipts of earlier verifications count. */
  readonly receipts?: ReceiptSettings;
  /** The digest of each artifact is asked for, however it was signed: a verdict is about it. */
  readonly needsDigests?: true;
  /** Worker threads. */
  readonly concurrency: number;
}
