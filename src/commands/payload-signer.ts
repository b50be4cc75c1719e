import type { Environment } from '../plan/index.ts';
import { bundlePieces, type PayloadToSign, readPrivateKey, readToken, signKeyless, signModel } from '../sign/index.ts';
import { type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';

/** Asked for before anything is hashed: a key that cannot be read should not cost an hour first. */
export async function signerFor(
  values: RawValues,
  environment: Environment,
): Promise<(payload: PayloadToSign) => Promise<Iterable<Uint8Array>>> {
  const key = textOf(values, 'key');
  const given = textOf(values, 'identity-token') ?? environment['SIGSTORE_ID_TOKEN'];
  if (key !== undefined) {
    if (textOf(values, 'identity-token') !== undefined)
      throw usage('--key and --identity-token exclude each other', 'give one of them');
    const privateKey = await readPrivateKey(key, environment['COSIGN_PASSWORD']);
    // What is wrong with the key is said now, too.
    signModel(Buffer.alloc(0), privateKey);
    return async (payload) => bundlePieces(payload, privateKey);
  }
  const isInCi = environment['ACTIONS_ID_TOKEN_REQUEST_URL'] !== undefined;
  if (given === undefined && !isInCi) {
    throw usage(
      'nobody was named to sign',
      'add --key FILE (weighlock keygen makes one), or an OIDC token: --identity-token, SIGSTORE_ID_TOKEN',
    );
  }
  const token = given === undefined ? undefined : readToken(given);
  const timestampUrl = textOf(values, 'timestamp-server-url');
  return async ({ pieces }) => {
    const bundle = await signKeyless(Buffer.concat([...pieces()]), {
      token,
      fulcioUrl: textOf(values, 'fulcio-url') ?? '',
      rekorUrl: textOf(values, 'rekor-url') ?? '',
      ...(timestampUrl === undefined ? {} : { timestampUrl }),
    });
    return [Buffer.from(bundle)];
  };
}
