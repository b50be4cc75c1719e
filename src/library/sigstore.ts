export { bundleFromJSON } from '@sigstore/bundle';
export { ASN1Obj, ByteStream, EXTENSION_OID_SCT, X509Certificate, X509SCTExtension } from '@sigstore/core';
export { TrustedRoot } from '@sigstore/protobuf-specs';
export { toSignedEntity, toTrustMaterial } from '@sigstore/verify';
export { verifyTLogBody, verifyTLogInclusion } from '@sigstore/verify/dist/tlog/index.js';
export { default as publicGood } from './public-good.json' with { type: 'json' };
