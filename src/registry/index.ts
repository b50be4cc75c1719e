export type { ArtifactSource, BlobTask, Fetched, Referrers, WrongContent } from './artifact-source.ts';
export { childOf } from './child.ts';
export { Repository } from './client.ts';
export { mayReceive } from './credential-scope.ts';
export { type Digest, digestOf, hexOf, parseDigest } from './digest.ts';
export { type AuthEntry, normalise } from './docker-config.ts';
export { decodedUser, networkFault, showUrl, unavailable } from './faults.ts';
export type { Notice, RegistrySettings } from './hosts.ts';
export type { CredentialSources } from './keychain.ts';
export {
  MAX_BEGINNINGS,
  MAX_ERROR_BYTES,
  MAX_MANIFEST_BYTES,
  MAX_REFERRERS,
  MAX_SIGNATURE_BYTES,
  MAX_SIGNATURES,
  MAX_SIGNATURES_BYTES,
  MAX_TRIES_MISSING,
} from './limits.ts';
export { nextLink } from './link.ts';
export {
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA,
  type Platform,
  parseJson,
  parseManifest,
  parseReferrers,
} from './manifest.ts';
export type { Download, Move, Room } from './move.ts';
export { proxySettings } from './proxy.ts';
export { type ContentRange, contentRangeFault, parseContentRange } from './range.ts';
export { credentialKey, isDockerHub, parseReference, type Reference, referenceText } from './reference.ts';
export { refusalOf } from './refusal.ts';
export { isRetryableStatus, type Patience, type Sleep, setPace, sleep, withRetries } from './retry.ts';
export { Retryable } from './retryable.ts';
export {
  type Answer,
  encodingOf,
  headerOf,
  readBody,
  Transport,
  type TransportSettings,
  versionOf,
} from './transport.ts';
