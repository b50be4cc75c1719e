export { library } from './load.ts';

/** `node:crypto`, loaded when it is first needed: it would cost every start 4 ms. */
export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
