export { newKeyPair, readPrivateKey } from './private-key.ts';
export { signModel } from './sign-model.ts';
