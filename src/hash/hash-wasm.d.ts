// One algorithm each; hash-wasm describes its index only.
declare module 'hash-wasm/dist/sha256.umd.min.js' {
  const hashWasm: Pick<typeof import('hash-wasm'), 'createSHA256'>;
  export default hashWasm;
}
declare module 'hash-wasm/dist/sha384.umd.min.js' {
  const hashWasm: Pick<typeof import('hash-wasm'), 'createSHA384'>;
  export default hashWasm;
}
declare module 'hash-wasm/dist/sha512.umd.min.js' {
  const hashWasm: Pick<typeof import('hash-wasm'), 'createSHA512'>;
  export default hashWasm;
}
declare module 'hash-wasm/dist/blake2b.umd.min.js' {
  const hashWasm: Pick<typeof import('hash-wasm'), 'createBLAKE2b'>;
  export default hashWasm;
}
declare module 'hash-wasm/dist/blake3.umd.min.js' {
  const hashWasm: Pick<typeof import('hash-wasm'), 'createBLAKE3'>;
  export default hashWasm;
}
