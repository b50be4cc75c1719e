export { buildPlan } from './build.ts';
export { type ContentRequirement, contentFromFlags, matcherOf } from './content.ts';
export type { VerifyRequest } from './draft.ts';
export { parseDuration } from './duration.ts';
export type { Environment } from './environment.ts';
export { givenCredential } from './given-credential.ts';
export { ignoredPaths } from './ignored-paths.ts';
export { parsePin } from './pin.ts';
export { type Output, requireOutputsOutside } from './places.ts';
export {
  type ArtifactPlan,
  FAILURE_POLICIES,
  type FailurePolicy,
  type FloatingPin,
  type Leaf,
  type Limits,
  leavesOf,
  MODES,
  type Mode,
  type Plan,
  type RemoteSettings,
  type Requirement,
  type SignatureRequirement,
} from './plan.ts';
export {
  explainNodeImagePolicy,
  explainPolicy,
  type ImageRule,
  imageName,
  loadPolicies,
  NODE_IMAGE_POLICY_KIND,
  type NodeImagePolicy,
  type Policy,
  PolicyError,
  type PolicyFlags,
  parseNodeImagePolicy,
  parsePolicy,
  readNodeImagePolicy,
  strictest,
} from './policy/index.ts';
export { predicateTypeOf } from './predicate-type.ts';
export { type ReceiptFlags, type ReceiptSettings, receiptSettings } from './receipt-settings.ts';
export { parsePlatform, type RegistryFlags, registrySettings } from './registry-settings.ts';
export { placesOf } from './require-artifact.ts';
export { type StorageFlags, storageRules } from './storage-settings.ts';
export { readTrust } from './trust-files.ts';
export { signatureRequirement, type TrustFlags } from './trust-settings.ts';
export { keyAttestor, type VerdictFlags, verdictRequirement } from './verdict-settings.ts';
