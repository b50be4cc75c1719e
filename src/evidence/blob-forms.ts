import { endOfValue } from '../json-structure.ts';
import type { HashName } from '../trust/index.ts';
import { type Bundle, HASH_ALGORITHMS, readBundle } from './bundle.ts';
import { pemChain, readRekor } from './cosign.ts';
import type { StoredPayloads } from './dsse.ts';
import { BLOB_SHAPE, requireShape } from './shape.ts';
import { decodeBase64, Fields, type Json, type JsonObject, MalformedError, parseStrictJson } from './strict-json.ts';

/**
 * A signature that says nothing of what was signed, and becomes a bundle when a digest (hex) of
 * that is known.
 */
export interface DetachedSignature {
  /** DER of the certificate that it is by, if it has one. */
  readonly certificate?: Buffer;
  over(hash: HashName, digest: string): Bundle;
}

/** A signature in a file. */
export type BlobSignature = Bundle | DetachedSignature;

/** What is in a file of signatures: each is good or bad by itself, and never hides another. */
export interface BlobSignatures {
  readonly signatures: readonly BlobSignature[];
  readonly faults: readonly MalformedError[];
  /** True for nothing but JSON of formats that have no room for anything else. */
  readonly isClosed: boolean;
}

/** GitHub gives at most as many attestations of one artifact. */
const MAX_SIGNATURES = 100;

/** RSA of 16,384 bits has 2048 bytes, which are 2732 in base64. */
const MAX_DETACHED_BYTES = 4096;

const V01 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

/**
 * Takes a signature file apart: a Sigstore bundle, several of them as lines
 * (`gh attestation download`), what cosign wrote before there were bundles, an envelope by itself
 * (`cosign attest-blob --output-signature`), or a detached signature.
 *
 * @param stored - payloads that were left in the file, by what stands for them
 */
export function readBlobSignatures(bytes: Buffer, stored?: StoredPayloads): BlobSignatures {
  if (bytes[0] !== 0x7b) {
    try {
      return { signatures: [detached(bytes)], faults: [], isClosed: false };
    } catch (error) {
      return { signatures: [], faults: [malformed(error)], isClosed: false };
    }
  }
  const signatures: BlobSignature[] = [];
  const faults: MalformedError[] = [];
  try {
    for (const document of documentsIn(bytes)) {
      try {
        signatures.push(readDocument(document, stored));
      } catch (error) {
        faults.push(malformed(error));
      }
    }
  } catch (error) {
    faults.push(malformed(error));
  }
  return { signatures, faults, isClosed: faults.length === 0 };
}

function malformed(error: unknown): MalformedError {
  if (error instanceof MalformedError) return error;
  throw error;
}

/** One document, or one on each line; after the last there may be the end of its line. */
function* documentsIn(bytes: Buffer): Generator<Buffer> {
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 0x7b) throw new MalformedError('there is something else than signatures in it');
    if (++count > MAX_SIGNATURES) throw new MalformedError(`it has more than ${MAX_SIGNATURES} signatures`);
    const end = endOfValue(bytes, at);
    const document = bytes.subarray(at, end);
    const next = endOfLine(bytes, end);
    const isLast = next === bytes.length;
    const isLines = count > 1 || !isLast;
    if (isLines && (document.includes(0x0a) || (!isLast && next === end)))
      throw new MalformedError('it has several documents that are not one on each line');
    yield document;
    at = next;
  }
}

function endOfLine(bytes: Buffer, at: number): number {
  const afterReturn = bytes[at] === 0x0d ? at + 1 : at;
  return bytes[afterReturn] === 0x0a ? afterReturn + 1 : at;
}

function readDocument(bytes: Buffer, stored: StoredPayloads | undefined): BlobSignature {
  const value = parseStrictJson(bytes, 'the signature');
  const fields = new Fields(value, 'the signature');
  if (fields.has('mediaType')) return readBundle(value, stored);
  if (fields.has('base64Signature')) return readLegacy(value, fields);
  if (fields.has('payloadType')) return envelopeBundle(value, bytes, { publicKey: { hint: '' } }, [], stored);
  throw new MalformedError('it is no signature of a kind that is known');
}

/**
 * `{base64Signature, cert, rekorBundle}`: of a file (`sign-blob`), or of a statement
 * (`attest-blob`).
 */
function readLegacy(value: Json, fields: Fields): BlobSignature {
  requireShape(value, BLOB_SHAPE, 'the signature');
  const cert = fields.optionalText('cert') ?? '';
  const pem = cert === '' || cert.startsWith('-----') ? cert : decodeBase64(cert, 'cert').toString('utf8');
  // A public key in the place of the certificate (GHSA-fx35-mq7g-6g98, S6) names nobody; the
  // attestor's key is tried.
  const isCertificate = pem.includes('-----BEGIN CERTIFICATE-----');
  const certificates = isCertificate ? pemChain(pem, '') : [];
  const signer: JsonObject = isCertificate ? { x509CertificateChain: { certificates } } : { publicKey: { hint: '' } };
  const entries = fields.has('rekorBundle') ? [readRekor(fields.object('rekorBundle').value)] : [];
  const signature = fields.base64('base64Signature');
  // An ECDSA signature begins with a DER sequence; one by RSA that begins so and is JSON does not
  // exist.
  if (signature[0] === 0x7b && signature.at(-1) === 0x7d) {
    const envelope = parseStrictJson(signature, 'the envelope');
    return envelopeBundle(envelope, signature, signer, entries);
  }
  const [leaf] = certificates;
  return {
    ...(leaf === undefined ? {} : { certificate: decodeBase64(leaf.rawBytes, 'the certificate') }),
    over: (hash, digest) => messageBundle(signature, hash, digest, signer, entries),
  };
}

/** Base64 with or without the end of its line, or the bytes themselves. */
function detached(bytes: Buffer): BlobSignature {
  if (bytes.length === 0) throw new MalformedError('it is empty');
  if (bytes.length > MAX_DETACHED_BYTES) throw new MalformedError('it is no signature of a kind that is known');
  const text = bytes.toString('latin1').trim();
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;
  const signature = isBase64 ? decodeBase64(text, 'the signature') : bytes;
  return { over: (hash, digest) => messageBundle(signature, hash, digest, { publicKey: { hint: '' } }, []) };
}

function envelopeBundle(
  envelope: Json,
  bytes: Buffer,
  signer: JsonObject,
  tlogEntries: readonly Json[],
  stored?: StoredPayloads,
): Bundle {
  const verificationMaterial = { ...signer, tlogEntries };
  const bundle = readBundle({ mediaType: V01, verificationMaterial, dsseEnvelope: envelope }, stored);
  return { ...bundle, envelopeBytes: bytes };
}

function messageBundle(
  signature: Buffer,
  hash: HashName,
  digest: string,
  signer: JsonObject,
  tlogEntries: readonly Json[],
): Bundle {
  return readBundle({
    mediaType: V01,
    verificationMaterial: { ...signer, tlogEntries },
    messageSignature: {
      messageDigest: { algorithm: HASH_ALGORITHMS[hash], digest: Buffer.from(digest, 'hex').toString('base64') },
      signature: signature.toString('base64'),
    },
  });
}
