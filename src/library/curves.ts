export { eddsa } from '@noble/curves/abstract/edwards.js';
export { ed25519 } from '@noble/curves/ed25519.js';
export { p256, p384, p521 } from '@noble/curves/nist.js';
