export { newKeyPair, readPrivateKey } from './private-key.ts';
export { readToken, signKeyless } from './sign-keyless.ts';
export { modelPayload, signModel } from './sign-model.ts';
