export { applyPolicies, pathOf, strictest } from './apply.ts';
export { explainNodeImagePolicy, explainPolicy } from './explain.ts';
export { imageName } from './image-pattern.ts';
export { loadPolicies, type PolicyFlags } from './load.ts';
export {
  type ImageRule,
  NODE_IMAGE_POLICY_KIND,
  type NodeImagePolicy,
  parseNodeImagePolicy,
  readNodeImagePolicy,
} from './node-image-policy.ts';
export type { Policy } from './policy.ts';
export { parsePolicy } from './read-policy.ts';
export { PolicyError } from './value.ts';
