import type { Failure } from '../error/index.ts';
import type { Checksums, EvidenceFile, ModelManifest, Proof, Proofs } from '../evidence/index.ts';
import type { RequirementOutcome } from './outcome.ts';

/** Signatures that were verified, and what they are to be held against. */
export interface SignatureEvidence extends Proofs {
  /** The files of the manifest that was signed, for an artifact of a registry. */
  readonly promised?: Checksums;
  /** Where in the artifact the signatures lie that count. */
  readonly files: readonly EvidenceFile[];
  /** Lists of files that those who attest signed too: their root digests say nothing of names. */
  readonly models?: readonly Proof[];
}

/** What else counts for an artifact, whichever requirement it was loaded for. */
export interface Scope {
  /** Evidence in the artifact. */
  readonly files: readonly EvidenceFile[];
  /** Lists of its files that somebody signed who is trusted with that. */
  readonly models: readonly ModelManifest[];
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
