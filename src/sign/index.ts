export {
  type AttestedSubject,
  attestationPayload,
  folderSubjects,
  MAX_PREDICATE_BYTES,
  MOST_PREDICATE_VALUES,
} from './attestation-payload.ts';
export { type ModelToSign, modelPayload, type PayloadToSign } from './model-payload.ts';
export { newKeyPair, readPrivateKey } from './private-key.ts';
export { readToken, signKeyless } from './sign-keyless.ts';
export { bundlePieces, signModel } from './sign-model.ts';
