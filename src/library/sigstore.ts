export { bundleFromJSON } from '@sigstore/bundle';
export { X509Certificate } from '@sigstore/core';
export { TrustedRoot } from '@sigstore/protobuf-specs';
export { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
export { verifyTLogInclusion } from '@sigstore/verify/dist/tlog/index.js';
export { default as publicGood } from './public-good.json' with { type: 'json' };
