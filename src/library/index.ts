export { library } from './load.ts';

/** `node:crypto`, loaded when it is first needed: it would cost every start 4 ms. */
export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}

/** SHA-256 of something small; what is large goes through an engine (src/hash). */
export function sha256(bytes: string | Uint8Array): Buffer {
  return nodeCrypto().createHash('sha256').update(bytes).digest();
}
