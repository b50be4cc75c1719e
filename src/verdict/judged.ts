import type { Failure } from '../error/index.ts';
import type { Checksums, EvidenceFile, Proofs } from '../evidence/index.ts';
import type { RequirementOutcome } from './outcome.ts';

/** Signatures that were verified, and what they are to be held against. */
export interface SignatureEvidence extends Proofs {
  /** The files of the manifest that was signed, for an artifact of a registry. */
  readonly promised?: Checksums;
  /** Where in the artifact the signatures lie that count. */
  readonly files: readonly EvidenceFile[];
}

/** Digests by name that are trusted, and where in the artifact they lie. */
export interface ListingEvidence {
  readonly checksums: Checksums;
  readonly files: readonly EvidenceFile[];
}

/** The verdict on one requirement. */
export interface Judged {
  readonly outcome: RequirementOutcome;
  readonly failures: readonly Failure[];
}
