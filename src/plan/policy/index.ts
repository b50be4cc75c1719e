export { applyPolicies, strictest } from './apply.ts';
export { explainPolicy } from './explain.ts';
export { loadPolicies, type PolicyFlags } from './load.ts';
export type { Policy, PolicyArtifact, PolicyRequirement } from './policy.ts';
export { parsePolicy, readPolicy } from './read-policy.ts';
export { PolicyError } from './value.ts';
