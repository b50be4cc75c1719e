export { compareChecksums } from './compare.ts';
export { type Exempt, exemptFiles } from './exempt.ts';
export { exitCodeFor, resultOf, unjudged } from './exit-code.ts';
export { alternative, type Evidence, expectedText, isSignature, judge, type Refused } from './judge.ts';
export { contentContext, contentSummary } from './judge-content.ts';
export { judgeListing, sizeDifferences } from './judge-listing.ts';
export { expectedSigners, signerText, tooFewSigners } from './judge-signature.ts';
export type { ListingEvidence, SignatureEvidence } from './judged.ts';
export { type LeftOutOf, leftOutFields } from './left-out.ts';
export {
  type ArtifactOutcome,
  type AttestedTree,
  allFailures,
  type Input,
  isVerified,
  type Measured,
  type ReceiptOutcome,
  type RequirementOutcome,
  type RunOutcome,
  type StoreOutcome,
  type VerificationResult,
} from './outcome.ts';
export { isEvidenceName, type UnlistedFile } from './unlisted.ts';
