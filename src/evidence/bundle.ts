import type { HashName } from '../trust/index.ts';
import { type Envelope, readEnvelope, type StoredPayloads } from './dsse.ts';
import { BUNDLE_SHAPE, requireShape } from './shape.ts';
import { Fields, type Json, type JsonObject, MalformedError, parseStrictJson } from './strict-json.ts';

/** Media types of bundles, v0.1 to v0.3 (sigstore/protobuf-specs, sigstore_bundle.proto). */
const MEDIA_TYPES = new Set([
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
]);

/** Limits of sigstore-go (S12). */
const MAX_ENTRIES = 32;

/** Who signed, by what the bundle carries: a key that somebody must know, or a certificate. */
export type Material =
  | { readonly kind: 'key'; readonly hint: string }
  /** Leaf first, DER. */
  | { readonly kind: 'certificate'; readonly certificates: readonly Buffer[] };

export interface MessageSignature {
  readonly hash: HashName;
  /** Of what was signed. */
  readonly digest: Buffer;
  readonly signature: Buffer;
  /** What was signed, where it is at hand: then the key says which hash that was. */
  readonly bytes?: Buffer;
}

/**
 * A Sigstore bundle, taken apart so that nothing in it can mean two things. Nothing in it is
 * trusted yet.
 */
export interface Bundle {
  readonly material: Material;
  readonly content:
    | { readonly kind: 'envelope'; readonly envelope: Envelope }
    | { readonly kind: 'message'; readonly message: MessageSignature };
  readonly hasStamps: boolean;
  readonly hasEntries: boolean;
  /** As it was, for the library. */
  readonly json: JsonObject;
  /** The envelope byte for byte, where old log entries are about those. */
  readonly envelopeBytes?: Buffer;
}

/** What bundles call hashes. */
export const HASH_ALGORITHMS = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;

const HASHES = new Map<string, HashName>(
  (['sha256', 'sha384', 'sha512'] as const).map((hash) => [HASH_ALGORITHMS[hash], hash]),
);

const HASH_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

/**
 * Parses a bundle. Stricter than the library, which takes the first of two contents (S35).
 *
 * @throws MalformedError
 */
export function parseBundle(bytes: Uint8Array): Bundle {
  return readBundle(parseStrictJson(bytes, 'the bundle'));
}

/** @param stored - payloads that were left in their file */
export function readBundle(value: Json, stored?: StoredPayloads): Bundle {
  requireShape(value, BUNDLE_SHAPE, 'the bundle');
  const fields = new Fields(value, 'the bundle');
  const mediaType = fields.text('mediaType');
  if (!MEDIA_TYPES.has(mediaType)) throw new MalformedError(`unknown bundle type ${JSON.stringify(mediaType)}`);
  const material = fields.object('verificationMaterial');
  return {
    material: readMaterial(material),
    content: readContent(fields, stored),
    // The library reads them; here they are only counted.
    hasEntries: countOf(material, 'tlogEntries') > 0,
    hasStamps:
      material.has('timestampVerificationData') &&
      countOf(material.object('timestampVerificationData'), 'rfc3161Timestamps') > 0,
    json: fields.value,
  };
}

function countOf(fields: Fields, key: string): number {
  return fields.has(key) ? fields.objects(key, MAX_ENTRIES).length : 0;
}

function readMaterial(fields: Fields): Material {
  const present = ['publicKey', 'certificate', 'x509CertificateChain'].filter((key) => fields.has(key));
  if (present.length !== 1) throw new MalformedError(`the bundle has ${present.length} signers, not one`);
  if (present[0] === 'publicKey') return readKey(fields.object('publicKey'));
  if (present[0] === 'certificate') {
    const certificates = [fields.object('certificate').base64('rawBytes')];
    return { kind: 'certificate', certificates };
  }
  const chain = fields.object('x509CertificateChain').objects('certificates', 16);
  if (chain.length === 0) throw new MalformedError('the certificate chain is empty');
  return { kind: 'certificate', certificates: chain.map((one) => one.base64('rawBytes')) };
}

/** Old versions of model_signing put the key itself here; nobody's key is taken from there. */
function readKey(fields: Fields): Material {
  return { kind: 'key', hint: fields.optionalText('hint') ?? '' };
}

function readContent(fields: Fields, stored: StoredPayloads | undefined): Bundle['content'] {
  const hasEnvelope = fields.has('dsseEnvelope');
  if (hasEnvelope === fields.has('messageSignature'))
    throw new MalformedError('the bundle must have either an envelope or a message signature');
  if (hasEnvelope) return { kind: 'envelope', envelope: readEnvelope(fields.object('dsseEnvelope'), stored) };
  const message = fields.object('messageSignature');
  const digest = message.object('messageDigest');
  const algorithm = digest.text('algorithm');
  const hash = HASHES.get(algorithm);
  if (hash === undefined) throw new MalformedError(`unknown digest algorithm ${JSON.stringify(algorithm)}`);
  const bytes = digest.base64('digest');
  if (bytes.length !== HASH_BYTES[hash]) throw new MalformedError('the message digest has the wrong length');
  return { kind: 'message', message: { hash, digest: bytes, signature: message.base64('signature') } };
}
