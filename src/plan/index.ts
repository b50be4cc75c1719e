export { buildPlan, type VerifyRequest } from './build.ts';
export { parseDuration } from './duration.ts';
export type { Environment } from './environment.ts';
export { parsePin } from './pin.ts';
export {
  type ArtifactPlan,
  FAILURE_POLICIES,
  type FailurePolicy,
  type Limits,
  MODES,
  type Mode,
  type Plan,
  type RemoteSettings,
  type Requirement,
  type SignatureRequirement,
} from './plan.ts';
export { parsePlatform, type RegistryFlags, registrySettings } from './registry-settings.ts';
export { predicateTypeOf, signatureRequirement, type TrustFlags } from './trust-settings.ts';
