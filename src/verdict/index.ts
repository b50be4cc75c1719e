export { exitCodeFor, resultOf } from './exit-code.ts';
export { type Evidence, isSignature, judge } from './judge.ts';
export { expectedSigners, signerText, tooFewSigners } from './judge-signature.ts';
export type { SignatureEvidence } from './judged.ts';
export {
  type ArtifactOutcome,
  allFailures,
  type Measured,
  type RequirementOutcome,
  type RunOutcome,
  type VerificationResult,
} from './outcome.ts';
