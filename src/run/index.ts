export { type DigestResult, DigestRun, measureStore, resolveReference } from './digest.ts';
export { stopWithin, unlessAborted } from './interruption.ts';
export { VerifyRun } from './verify.ts';
export { type ImageVerdict, verifyImage } from './verify-image.ts';
export type { Observer, RunProgress } from './watchdog.ts';
