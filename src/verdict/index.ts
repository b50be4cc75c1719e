export { exitCodeFor, resultOf } from './exit-code.ts';
export { alternative, type Evidence, expectedText, isSignature, judge, type Refused } from './judge.ts';
export { judgeListing, sizeDifferences } from './judge-listing.ts';
export { expectedSigners, signerText, tooFewSigners } from './judge-signature.ts';
export type { ListingEvidence, SignatureEvidence } from './judged.ts';
export {
  type ArtifactOutcome,
  allFailures,
  isVerified,
  type Measured,
  type RequirementOutcome,
  type RunOutcome,
  type VerificationResult,
} from './outcome.ts';
export type { UnlistedFile } from './unlisted.ts';
