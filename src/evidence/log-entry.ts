import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { invalidSignature } from './signer.ts';
import { Fields, parseStrictJson } from './strict-json.ts';

/**
 * The library holds the entry's signature and digest against the bundle's, but not the key (CVE-2026-22703, S3): an entry
 * of somebody else's signature over the same bytes would do.
 *
 * @throws EvidenceError
 */
export function requireSameKey(canonicalizedBody: Buffer, key: KeyObject): void {
  const keys = keysInEntry(canonicalizedBody);
  const same = keys.length > 0 && keys.every((one) => one?.equals(key) === true);
  if (!same) throw invalidSignature('the entry in the transparency log is of another key');
}

/** Every key that a Rekor entry names as that of its signature. */
function keysInEntry(canonicalizedBody: Buffer): (KeyObject | undefined)[] {
  const body = new Fields(parseStrictJson(canonicalizedBody, 'the log entry'), 'the log entry');
  const kind = body.text('kind');
  const version = body.text('apiVersion');
  const spec = body.object('spec');
  if (kind === 'hashedrekord' && version === '0.0.1')
    return [keyOf(spec.object('signature').object('publicKey').base64('content'))];
  if (kind === 'hashedrekord') {
    const { verifier } = { verifier: spec.object('hashedRekordV002').object('signature').object('verifier') };
    return [keyOfVerifier(verifier)];
  }
  if (kind === 'dsse' && version === '0.0.1')
    return spec.objects('signatures', 32).map((signature) => keyOf(signature.base64('verifier')));
  if (kind === 'dsse')
    return spec
      .object('dsseV002')
      .objects('signatures', 32)
      .map((signature) => keyOfVerifier(signature.object('verifier')));
  if (kind === 'intoto' && version === '0.0.1') return [keyOf(spec.base64('publicKey'))];
  if (kind === 'intoto') {
    const envelope = spec.object('content').object('envelope');
    return envelope.objects('signatures', 32).map((signature) => keyOf(signature.base64('publicKey')));
  }
  return [];
}

function keyOfVerifier(verifier: Fields): KeyObject | undefined {
  return keyOf(
    verifier.has('x509Certificate')
      ? verifier.object('x509Certificate').base64('rawBytes')
      : verifier.object('publicKey').base64('rawBytes'),
  );
}

/** A key out of PEM or DER: of itself, or of a certificate. */
function keyOf(bytes: Buffer): KeyObject | undefined {
  const isPem = bytes.includes('-----BEGIN ');
  const attempts = [
    () => new X509Certificate(bytes).publicKey,
    () => (isPem ? createPublicKey(bytes) : createPublicKey({ key: bytes, format: 'der', type: 'spki' })),
  ];
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch {
      // Then it is the other one.
    }
  }
  return undefined;
}
