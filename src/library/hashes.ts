import blake2b from 'hash-wasm/dist/blake2b.umd.min.js';
import blake3 from 'hash-wasm/dist/blake3.umd.min.js';
import sha256 from 'hash-wasm/dist/sha256.umd.min.js';
import sha384 from 'hash-wasm/dist/sha384.umd.min.js';
import sha512 from 'hash-wasm/dist/sha512.umd.min.js';

export const { createBLAKE2b } = blake2b;
export const { createBLAKE3 } = blake3;
export const { createSHA256 } = sha256;
export const { createSHA384 } = sha384;
export const { createSHA512 } = sha512;
