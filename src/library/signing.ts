export { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
export { bundleToJSON } from '@sigstore/bundle';
export { CIContextProvider, DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } from '@sigstore/sign';
