import { type Json, MalformedError } from './strict-json.ts';

/**
 * What may be in a document: of an object every key that it may have, of a list what its elements
 * are, and of everything else that it is text, a number, a flag or nothing.
 */
export type Shape = 'scalar' | readonly [Shape] | { readonly [key: string]: Shape };

/**
 * Refuses what a document has beside what its format knows. A file that is not held against the
 * listing because it is a signature must not be anything else as well: a loader would read a key
 * that we ignore as its own configuration.
 *
 * @throws MalformedError
 */
export function requireShape(value: Json, shape: Shape, what: string): void {
  // Optional parts may be there and say nothing.
  if (value === null) return;
  if (shape === 'scalar') {
    if (typeof value === 'object') throw new MalformedError(`${what} is not text or a number`);
  } else if (isList(shape)) {
    if (!Array.isArray(value)) throw new MalformedError(`${what} is not a list`);
    for (const [i, element] of (value as readonly Json[]).entries()) requireShape(element, shape[0], `${what}[${i}]`);
  } else {
    if (typeof value !== 'object' || Array.isArray(value)) throw new MalformedError(`${what} is not an object`);
    for (const [key, element] of Object.entries(value)) {
      const known = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (known === undefined)
        throw new MalformedError(`${what} has the unknown key ${JSON.stringify(key.slice(0, 100))}`);
      requireShape(element, known, `${what}.${key}`);
    }
  }
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

/** DSSE protocol, envelope.md. */
const ENVELOPE_SHAPE = {
  payload: 'scalar',
  payloadType: 'scalar',
  signatures: [{ sig: 'scalar', keyid: 'scalar' }],
} as const satisfies Shape;

const CERTIFICATE = { rawBytes: 'scalar' } as const;

/**
 * sigstore/protobuf-specs v0.5: sigstore_bundle.proto, sigstore_common.proto, sigstore_rekor.proto.
 */
export const BUNDLE_SHAPE = {
  mediaType: 'scalar',
  verificationMaterial: {
    // Model Signing before 1.1 had the key itself here; nobody's key is taken from there.
    publicKey: { hint: 'scalar', rawBytes: 'scalar', keyDetails: 'scalar' },
    certificate: CERTIFICATE,
    x509CertificateChain: { certificates: [CERTIFICATE] },
    tlogEntries: [
      {
        logIndex: 'scalar',
        logId: { keyId: 'scalar' },
        kindVersion: { kind: 'scalar', version: 'scalar' },
        integratedTime: 'scalar',
        inclusionPromise: { signedEntryTimestamp: 'scalar' },
        inclusionProof: {
          logIndex: 'scalar',
          rootHash: 'scalar',
          treeSize: 'scalar',
          hashes: ['scalar'],
          checkpoint: { envelope: 'scalar' },
        },
        canonicalizedBody: 'scalar',
      },
    ],
    timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: 'scalar' }] },
  },
  messageSignature: { messageDigest: { algorithm: 'scalar', digest: 'scalar' }, signature: 'scalar' },
  dsseEnvelope: ENVELOPE_SHAPE,
} as const satisfies Shape;

/** What cosign made of a log's answer (cosign, pkg/cosign/bundle/rekor.go). */
export const REKOR_SHAPE = {
  SignedEntryTimestamp: 'scalar',
  Payload: { body: 'scalar', integratedTime: 'scalar', logIndex: 'scalar', logID: 'scalar' },
} as const satisfies Shape;

/**
 * What cosign wrote beside a file before there were bundles (cosign, pkg/cosign/fetch.go,
 * LocalSignedPayload).
 */
export const BLOB_SHAPE = {
  base64Signature: 'scalar',
  cert: 'scalar',
  rekorBundle: REKOR_SHAPE,
} as const satisfies Shape;

/**
 * A model signature (OpenSSF Model Signing v1.0, predicate.schema.json); what its resources have
 * more is ignored.
 */
export const MODEL_PREDICATE_KEYS = ['serialization', 'resources'];
export const SERIALIZATION_KEYS = ['method', 'hash_type', 'allow_symlinks', 'shard_size', 'ignore_paths'];
