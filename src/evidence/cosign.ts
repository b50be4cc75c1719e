import { sha256 } from '../library/index.ts';
import { type Bundle, readBundle } from './bundle.ts';
import { certificatesIn } from './certificate.ts';
import { REKOR_SHAPE, requireShape } from './shape.ts';
import type { SignedPayload } from './signed-payload.ts';
import { decodeBase64, Fields, type Json, type JsonObject, MalformedError, parseStrictJson } from './strict-json.ts';

/**
 * Annotations of a layer that cosign wrote (cosign, specs/SIGNATURE_SPEC.md and pkg/oci/static).
 */
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const CHAIN = 'dev.sigstore.cosign/chain';
const REKOR = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/** Digests, a signature and a certificate; entries of attestations have these and no payload. */
const MAX_BODY_BYTES = 128 << 10;

/** What a plain image signature says (sigstore, pkg/signature/payload). */
const SIMPLE_TYPE = 'cosign container image signature';

/** A new-style plain signature: a statement of this type (cosign v3). */
export const COSIGN_SIGN_TYPE = 'https://sigstore.dev/cosign/sign/v1';

/**
 * A layer of a `.sig` or `.att` image as a bundle of version 0.1, which carries the same.
 *
 * @param bytes - the layer: what is signed, or an envelope
 * @throws MalformedError; an annotation that is there and cannot be read is never "not there" (S9)
 */
export function legacyBundle(
  kind: 'simplesigning' | 'envelope',
  bytes: Buffer,
  annotations: Readonly<Record<string, string>>,
): Bundle {
  const certificate = annotations[CERTIFICATE];
  const timestamp = annotations[TIMESTAMP];
  const rekor = annotations[REKOR];
  const stamps = timestamp === undefined || timestamp === '' ? [] : [readTimestamp(timestamp)];
  const material: JsonObject = {
    ...(certificate === undefined || certificate === ''
      ? { publicKey: { hint: '' } }
      : { x509CertificateChain: { certificates: pemChain(certificate, annotations[CHAIN] ?? '') } }),
    tlogEntries: rekor === undefined ? [] : [readRekor(parseStrictJson(Buffer.from(rekor), 'the log entry'))],
    timestampVerificationData: { rfc3161Timestamps: stamps },
  };
  const bundle = readBundle({
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: material,
    ...(kind === 'envelope'
      ? { dsseEnvelope: parseStrictJson(bytes, 'the envelope') }
      : {
          messageSignature: {
            messageDigest: { algorithm: 'SHA2_256', digest: sha256(bytes).toString('base64') },
            signature: annotationOf(annotations, SIGNATURE),
          },
        }),
  });
  if (bundle.content.kind === 'envelope') return { ...bundle, envelopeBytes: bytes };
  // The layer does not say which hash was signed: it is that of the key's kind.
  return { ...bundle, content: { kind: 'message', message: { ...bundle.content.message, bytes } } };
}

function annotationOf(annotations: Readonly<Record<string, string>>, key: string): string {
  const value = annotations[key];
  if (value === undefined || value === '') throw new MalformedError(`the layer has no ${key}`);
  return value;
}

/**
 * Leaf, then the chain; as PEM in annotations, as base64 DER in a bundle. S28: the leaf is one
 * certificate.
 */
export function pemChain(certificate: string, chain: string): readonly { readonly rawBytes: string }[] {
  const leaf = pemBlocks(certificate);
  if (leaf.length !== 1) throw new MalformedError(`the certificate annotation has ${leaf.length} certificates`);
  return [...leaf, ...pemBlocks(chain)].map((rawBytes) => ({ rawBytes }));
}

function pemBlocks(pem: string): string[] {
  try {
    return certificatesIn(pem).map(({ raw }) => raw.toString('base64'));
  } catch {
    throw new MalformedError('a certificate does not parse');
  }
}

function readTimestamp(text: string): Json {
  const fields = new Fields(parseStrictJson(Buffer.from(text), 'the timestamp'), 'the timestamp');
  return { signedTimestamp: fields.text('SignedRFC3161Timestamp') };
}

/**
 * `{SignedEntryTimestamp, Payload: {body, integratedTime, logIndex,
 * logID}}` (cosign, pkg/cosign/bundle/rekor.go).
 */
export function readRekor(value: Json): Json {
  requireShape(value, REKOR_SHAPE, 'the log entry');
  const fields = new Fields(value, 'the log entry');
  const payload = fields.object('Payload');
  const canonicalizedBody = payload.text('body');
  const what = 'the body of the log entry';
  // Of everything that is signed only this is read before that was verified: the log's own record
  // of it, which is small.
  const bytes = decodeBase64(canonicalizedBody, what);
  if (bytes.length > MAX_BODY_BYTES) throw new MalformedError(`${what} is too large`);
  const body = new Fields(parseStrictJson(bytes, what), what);
  const logId = payload.text('logID');
  if (!/^[0-9a-f]{64}$/.test(logId)) throw new MalformedError('the log entry has no log ID');
  return {
    logIndex: wholeNumber(payload.get('logIndex'), 'logIndex'),
    logId: { keyId: Buffer.from(logId, 'hex').toString('base64') },
    kindVersion: { kind: body.text('kind'), version: body.text('apiVersion') },
    integratedTime: wholeNumber(payload.get('integratedTime'), 'integratedTime'),
    inclusionPromise: { signedEntryTimestamp: fields.text('SignedEntryTimestamp') },
    canonicalizedBody,
  };
}

function wholeNumber(value: Json | undefined, name: string): string {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new MalformedError(`the log entry's ${name} is not a whole number`);
  return String(value);
}

/**
 * What a plain signature says: the digest of a manifest, and annotations.
 *
 * @throws MalformedError
 */
export function readSimpleSigning(payload: SignedPayload): { manifest: string; annotations: JsonObject } {
  const fields = new Fields(payload.json('the payload'), 'the payload');
  const critical = fields.object('critical');
  // Cosign leaves this out; another tool's payload of the same shape is no image signature.
  if (critical.text('type') !== SIMPLE_TYPE) throw new MalformedError(`the payload is no "${SIMPLE_TYPE}"`);
  return {
    manifest: critical.object('image').text('docker-manifest-digest'),
    annotations: fields.has('optional') ? fields.object('optional').value : {},
  };
}
