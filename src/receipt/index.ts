export { requirementsDigest } from './requirements-digest.ts';
export { type VerdictContext, verdictPayload } from './verdict-payload.ts';
