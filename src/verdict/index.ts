export { exitCodeFor, resultOf } from './exit-code.ts';
export { type Evidence, judge } from './judge.ts';
export {
  type ArtifactOutcome,
  allFailures,
  type Measured,
  type RequirementOutcome,
  type RunOutcome,
  type VerificationResult,
} from './outcome.ts';
