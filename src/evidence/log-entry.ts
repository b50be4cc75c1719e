import type { KeyObject } from 'node:crypto';
import { nodeCrypto, sha256 } from '../library/index.ts';
import { invalidSignature } from './signer.ts';
import { StoredPayload } from './stored-payload.ts';
import { Fields, parseStrictJson } from './strict-json.ts';

/**
 * The library holds the entry's signature and digest against the bundle's, but not the key
 * (CVE-2026-22703, S3): an entry of somebody else's signature over the same bytes would do.
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
  if (kind === 'hashedrekord')
    return [keyOfVerifier(spec.object('hashedRekordV002').object('signature').object('verifier'))];
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
    () => new (nodeCrypto().X509Certificate)(bytes).publicKey,
    () =>
      isPem
        ? nodeCrypto().createPublicKey(bytes)
        : nodeCrypto().createPublicKey({ key: bytes, format: 'der', type: 'spki' }),
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

/** An entry that cosign made of attestations before 2023, and the library does not know. */
export function isOldAttestation({
  kindVersion,
}: {
  readonly kindVersion: { kind: string; version: string } | undefined;
}) {
  return kindVersion?.kind === 'intoto' && kindVersion.version === '0.0.1';
}

/**
 * Holds such an entry against the envelope: it has the digests of the envelope, byte for byte, and
 * of its payload (rekor, pkg/types/intoto/v0.0.1).
 *
 * @throws EvidenceError
 */
export function requireSameEnvelope(
  canonicalizedBody: Buffer,
  envelope: Buffer | undefined,
  payload: Buffer | StoredPayload,
): void {
  const body = new Fields(parseStrictJson(canonicalizedBody, 'the log entry'), 'the log entry');
  const isOld = body.text('kind') === 'intoto' && body.text('apiVersion') === '0.0.1';
  const content = body.object('spec').object('content');
  const same = (key: string, digest: Buffer | undefined) => {
    const hash = content.object(key);
    return hash.text('algorithm') === 'sha256' && hash.text('value') === digest?.toString('hex');
  };
  const payloadDigest = payload instanceof StoredPayload ? payload.sha256 : sha256(payload);
  if (!isOld || !same('hash', envelope && sha256(envelope)) || !same('payloadHash', payloadDigest))
    throw invalidSignature('the entry in the transparency log is of another attestation');
}
