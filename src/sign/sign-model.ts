import type { KeyObject } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import { IN_TOTO_TYPE, preAuthHead } from '../evidence/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { hashesFor, kindOfKey, pemHint } from '../trust/index.ts';
import type { PayloadToSign } from './model-payload.ts';

/** A multiple of three bytes is a whole number of letters in base64. */
const QUANTUM = 3;

/**
 * Makes a bundle with a local key, as OpenSSF Model Signing v1.0 has it.
 *
 * @returns JSON text
 * @throws WeighlockError `CONFIG_INVALID` for a key that the specification has no algorithm for
 */
export function signModel(payload: Buffer, privateKey: KeyObject): string {
  return [...bundlePieces({ length: payload.length, pieces: () => [payload] }, privateKey)].map(String).join('');
}

/**
 * The same in pieces, of which none is large: what is signed comes before the signature in them.
 *
 * @throws WeighlockError `CONFIG_INVALID` for a key that the specification has no algorithm for
 */
export function* bundlePieces({ length, pieces }: PayloadToSign, privateKey: KeyObject): Generator<Buffer> {
  const publicKey = nodeCrypto().createPublicKey(privateKey);
  const kind = kindOfKey(publicKey);
  const [hash] = kind === undefined ? [] : hashesFor(kind);
  if (hash === undefined || kind?.startsWith('P-') !== true) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `models are not signed with keys of this kind: ${kind ?? 'unknown'}`,
      remedy: 'use an ECDSA key (P-256, P-384 or P-521): weighlock keygen',
    });
  }
  const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  const material = { publicKey: { hint: pemHint(publicKey) }, tlogEntries: [] };
  const head = JSON.stringify({ mediaType, verificationMaterial: material });
  yield Buffer.from(`${head.slice(0, -1)},"dsseEnvelope":{"payload":"`);
  const signer = nodeCrypto().createSign(hash).update(preAuthHead(IN_TOTO_TYPE, length));
  let rest = Buffer.alloc(0);
  for (const piece of pieces()) {
    signer.update(piece);
    const all = Buffer.concat([rest, piece]);
    const whole = all.length - (all.length % QUANTUM);
    yield Buffer.from(all.toString('base64', 0, whole));
    rest = all.subarray(whole);
  }
  const signatures = JSON.stringify([{ sig: signer.sign(privateKey).toString('base64') }]);
  const tail = `"payloadType":${JSON.stringify(IN_TOTO_TYPE)},"signatures":${signatures}}}\n`;
  yield Buffer.from(`${rest.toString('base64')}",${tail}`);
}
