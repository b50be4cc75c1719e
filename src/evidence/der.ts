import type { KeyObject } from 'node:crypto';
import type { ASN1Obj } from '@sigstore/core';
import { library, nodeCrypto } from '../library/index.ts';
import type { HashName } from '../trust/index.ts';
import { MalformedError } from './strict-json.ts';

/** NIST's hash algorithms (RFC 5754 section 2). */
const HASHES: Readonly<Record<string, HashName>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

export interface SignatureAlgorithm {
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  /** Undefined where another field says it, or the algorithm has its own. */
  readonly hash?: HashName;
}

/**
 * RFC 5758, RFC 4055, RFC 8410; `rsaEncryption` leaves the hash to the digest algorithm (RFC 3370
 * section 3.2).
 */
const SIGNATURES: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.10045.4.3.2': { keyType: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { keyType: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { keyType: 'ec', hash: 'sha512' },
  '1.2.840.113549.1.1.1': { keyType: 'rsa' },
  '1.2.840.113549.1.1.11': { keyType: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { keyType: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { keyType: 'rsa', hash: 'sha512' },
  '1.3.101.112': { keyType: 'ed25519' },
};

/**
 * Parses DER. Its numbers and depth are bounded by the size of what holds it, and by the library.
 */
export async function derParser(): Promise<(bytes: Buffer) => ASN1Obj> {
  const { ASN1Obj: parser } = await library('sigstore');
  return (bytes) => parser.parseBuffer(Buffer.from(bytes));
}

/** @throws MalformedError when there is no such element */
export function child(parent: ASN1Obj, at: number): ASN1Obj {
  return present(parent.subs[at]);
}

/** The element with a context-specific tag. @throws MalformedError */
export function context(parent: ASN1Obj, number: number): ASN1Obj {
  return present(parent.subs.find(({ tag }) => tag.isContextSpecific(number)));
}

function present(value: ASN1Obj | undefined): ASN1Obj {
  if (value === undefined) throw new MalformedError('it is cut off');
  return value;
}

/** The bytes of a value as they were. */
export function derOf({ tag, value }: ASN1Obj): Buffer {
  return encodeDer(tag.toDER(), value);
}

export function encodeDer(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 | size.length, ...size];
  return Buffer.concat([Buffer.from(header), value]);
}

/** @throws MalformedError for SHA-1, and whatever else is none of SHA-2 */
export function hashOf(algorithm: ASN1Obj): HashName {
  const hash = HASHES[child(algorithm, 0).toOID()];
  if (hash === undefined) throw new MalformedError('it uses a hash that is not accepted');
  return hash;
}

/** @throws MalformedError for an algorithm that is not supported */
export function signatureAlgorithmOf(algorithm: ASN1Obj): SignatureAlgorithm {
  const found = SIGNATURES[child(algorithm, 0).toOID()];
  if (found === undefined) throw new MalformedError('it uses a signature algorithm that is not supported');
  return found;
}

/**
 * RFC 4055: its hash and that of its mask generation are parameters, SHA-1 unless they say
 * otherwise.
 */
const RSASSA_PSS = '1.2.840.113549.1.1.10';

/** @throws MalformedError for an algorithm that certificates must not be signed with any more */
export function requireStrongAlgorithm(algorithm: ASN1Obj): void {
  if (child(algorithm, 0).toOID() === RSASSA_PSS) {
    const parameters = child(algorithm, 1);
    hashOf(child(context(parameters, 0), 0));
    hashOf(child(child(context(parameters, 1), 0), 1));
    return;
  }
  const { keyType, hash } = signatureAlgorithmOf(algorithm);
  if (hash === undefined && keyType !== 'ed25519')
    throw new MalformedError('it uses a signature algorithm without a hash');
}

/** True when the signature is over the bytes, by this key, with the algorithm that it says. */
export function verifySigned(
  { keyType, hash }: SignatureAlgorithm,
  bytes: Buffer,
  key: KeyObject,
  signature: Buffer,
): boolean {
  if (key.asymmetricKeyType !== keyType || (keyType !== 'ed25519' && hash === undefined)) return false;
  return nodeCrypto().verify(keyType === 'ed25519' ? null : hash, bytes, key, signature);
}
