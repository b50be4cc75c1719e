export { applyPolicies, pathOf, strictest } from './apply.ts';
export { explainPolicy } from './explain.ts';
export { loadPolicies, type PolicyFlags } from './load.ts';
export type { Policy } from './policy.ts';
export { parsePolicy } from './read-policy.ts';
export { PolicyError } from './value.ts';
