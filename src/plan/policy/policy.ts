import type { StorageRules } from '../../fs/index.ts';
import type { Hasher } from '../../hash/index.ts';
import type { Patterns } from '../../store/index.ts';
import type { ContentRequirement } from '../content.ts';
import type { FailurePolicy, Mode, SignatureRequirement } from '../plan.ts';
import type { ReceiptTerms } from '../receipt-settings.ts';

/** A digest that stands in the policy, or in a variable that the pod's author sets. */
export type PinSource = { readonly digest: string } | { readonly fromEnv: string };

/** One thing that a policy requires. */
export type PolicyRequirement = PolicyLeaf | { readonly kind: 'anyOf'; readonly options: readonly PolicyLeaf[] };

/** A requirement that is no group. */
export type PolicyLeaf =
  | { readonly kind: 'sha256'; readonly pin: PinSource }
  | {
      readonly kind: 'checksums';
      readonly file: string;
      readonly pin?: PinSource;
      readonly signature?: SignatureRequirement;
    }
  | { readonly kind: 'signature'; readonly requirement: SignatureRequirement }
  | ContentRequirement;

/** One artifact that a policy names, or all that an injecting policy mounted. */
export interface PolicyArtifact {
  readonly name: string;
  readonly subject:
    | { readonly kind: 'each-target' }
    | { readonly kind: 'one'; readonly source?: string; readonly path?: string; readonly files?: Patterns };
  /** All must be met; never empty. */
  readonly require: readonly PolicyRequirement[];
  /** What is no part of it, and where its links may lead. */
  readonly storage?: StorageRules;
}

/** A policy that was read and checked. */
export interface Policy {
  readonly name: string;
  /** SHA-256, hex, of its text and of the files that it takes trust from (`policyDigest`). */
  readonly sha256: string;
  readonly mode: Mode;
  readonly failurePolicy: FailurePolicy;
  readonly artifacts: readonly PolicyArtifact[];
  /** The engine that hashes, where nobody asks for another one: what is computed is the same. */
  readonly hasher?: Hasher;
  /** Whether a run may verify a part, for others to verify the rest. */
  readonly allowsParts?: true;
  /** Whether receipts of earlier verifications count. */
  readonly receipts?: ReceiptTerms;
  /** The policy itself, and every file that it takes trust from. */
  readonly files: readonly string[];
}
