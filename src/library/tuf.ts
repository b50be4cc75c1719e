// The Update Framework's checks (signatures, versions, expiry, hashes), without the library's own
// network and disk.
export { TrustedMetadataStore } from 'tuf-js/dist/store.js';
export { default as publicGoodRoot } from './public-good-tuf.json' with { type: 'json' };
