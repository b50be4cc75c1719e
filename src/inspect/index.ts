export { bundleClaim, type Claim, claimOf } from './claims.ts';
export { cyclonedx } from './cyclonedx.ts';
export { type HeadersFound, type Readable, readAllHeaders } from './headers.ts';
export { type Inspection, inspectionOf } from './inspection.ts';
export { openArtifact, openStored, openUrl } from './remote.ts';
export { inspectionText } from './text.ts';
export { openVolume } from './volume.ts';
