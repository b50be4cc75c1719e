export type { Checksums } from './checksums.ts';
export { ChecksumsParser } from './checksums.ts';
export { type Condition, compileConditions } from './conditions.ts';
export { IN_TOTO_TYPE, preAuthEncoding } from './dsse.ts';
export { type LoadedChecksums, loadChecksums } from './load-checksums.ts';
export { proveStored, type StoredSignature } from './oci-signature.ts';
export type { Binding, Proof, Proofs, Rejected } from './proof.ts';
export { proveFiles, readSignatureFile, type SignatureFile } from './signature-file.ts';
export type { Signer } from './signer.ts';
