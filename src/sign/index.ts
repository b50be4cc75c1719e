export { newKeyPair, readPrivateKey } from './private-key.ts';
export { modelPayload, signModel } from './sign-model.ts';
