import type { KeyObject } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import { library, nodeCrypto, sha256 } from '../library/index.ts';
import { verifyEd25519ph } from './ed25519ph.ts';
import { fingerprintOf, plainRsa } from './fingerprint.ts';
import { faultOfRsa } from './weak-key.ts';

/** Hashes that signatures are made over. */
export type HashName = 'sha256' | 'sha384' | 'sha512';

export type PublicKeyKind = 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'RSA-PSS' | 'Ed25519';

/** A public key that may be trusted. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly kind: PublicKeyKind;
  /** How reports call it, and what tells two keys apart. */
  readonly fingerprint: string;
}

const CURVES: Readonly<Record<string, PublicKeyKind>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** Shorter ones were factored, or will be (NIST SP 800-131A). */
const MIN_RSA_BITS = 2048;

/** Longer ones only cost time; a key comes from the platform, a certificate's from anybody. */
const MAX_RSA_BITS = 16_384;

/**
 * Hash that belongs to each curve (FIPS 186-5, and the sigstore algorithm registry); Ed25519 as
 * Ed25519ph only.
 */
const HASH_OF: Partial<Record<PublicKeyKind, HashName>> = {
  'P-256': 'sha256',
  'P-384': 'sha384',
  'P-521': 'sha512',
  Ed25519: 'sha512',
};

/**
 * Parses one public key, as PEM (`BEGIN PUBLIC KEY`), or DER.
 *
 * @param name - how the key is called in messages
 * @throws WeighlockError `CONFIG_INVALID` for anything but one key of a kind that is supported
 */
export function parsePublicKey(text: string | Buffer, name: string): PublicKey {
  const invalid = (why: string, cause?: unknown) =>
    new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `${name} is not a public key that can be used: ${why}`,
        remedy: 'give one public key in PEM: ECDSA P-256, P-384 or P-521, RSA of at least 2048 bits, or Ed25519',
      },
      { cause },
    );
  let key: KeyObject;
  if (typeof text === 'string') {
    const blocks = text.match(/-----BEGIN [^-]+-----/g) ?? [];
    if (blocks.length !== 1) throw invalid(`it has ${blocks.length} PEM blocks, not one`);
    if (blocks[0]?.includes('PRIVATE') === true) throw invalid('it is a private key');
    if (blocks[0]?.includes('CERTIFICATE') === true) throw invalid('it is a certificate');
  }
  try {
    key =
      typeof text === 'string'
        ? nodeCrypto().createPublicKey(text)
        : nodeCrypto().createPublicKey({ key: text, format: 'der', type: 'spki' });
  } catch (error) {
    throw invalid('it does not parse', error);
  }
  const weakness = weaknessOf(key);
  const kind = kindOfKey(key);
  if (kind === undefined || weakness !== undefined) throw invalid(weakness ?? 'it is not supported');
  return { key, kind, fingerprint: fingerprintOf(key) };
}

/**
 * Why a key is none to trust, of a certificate as of a file: its kind, its size, or that others can
 * sign with it; undefined for one that is.
 */
export function weaknessOf(key: KeyObject): string | undefined {
  const kind = kindOfKey(key);
  if (kind === undefined) return `it is ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}`;
  if (!isRsa(kind)) return undefined;
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < MIN_RSA_BITS || bits > MAX_RSA_BITS ? `it has ${bits} bits` : faultOfRsa(key);
}

/** What kind of key this is; undefined for one that is not supported. */
export function kindOfKey(key: KeyObject): PublicKeyKind | undefined {
  if (key.asymmetricKeyType === 'ec') return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (key.asymmetricKeyType === 'rsa') return 'RSA';
  if (key.asymmetricKeyType === 'rsa-pss') return 'RSA-PSS';
  return key.asymmetricKeyType === 'ed25519' ? 'Ed25519' : undefined;
}

/** OMS and sigstore-python call a key by the SHA-256 of its PEM text. */
export function pemHint(key: KeyObject): string {
  return sha256(key.export({ type: 'spki', format: 'pem' })).toString('hex');
}

/**
 * Hashes to try for a key: that of its curve, then SHA-256, which cosign up to 3.1.2 always took.
 */
export function hashesFor(kind: PublicKeyKind): readonly HashName[] {
  const own = HASH_OF[kind];
  return own === undefined || own === 'sha256' ? ['sha256'] : [own, 'sha256'];
}

/**
 * True when this is a signature of these bytes. ECDSA signatures are DER; RSA is PKCS #1 v1.5 or
 * PSS; Ed25519 is the pure one or, with the arithmetic for it at hand, Ed25519ph.
 */
export function verifyBytes(
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  { hash, curves }: { readonly hash?: HashName; readonly curves?: Curves | undefined } = {},
): boolean {
  const kind = kindOfKey(key);
  if (kind === undefined) return false;
  if (kind === 'Ed25519') {
    if (attempt(() => nodeCrypto().verify(null, data, key, signature))) return true;
    if (curves === undefined) return false;
    const digest = nodeCrypto().createHash('sha512').update(data).digest();
    return attempt(() => verifyEd25519ph(curves, key, digest, signature));
  }
  if (isRsa(kind) && !hasLengthOfKey(key, signature)) return false;
  const hashes = hash === undefined ? hashesFor(kind) : [hash];
  return hashes.some((name) => {
    const plain = kind !== 'RSA-PSS' && attempt(() => nodeCrypto().verify(name, data, key, signature));
    return plain || (isRsa(kind) && attempt(() => nodeCrypto().verify(name, data, pss(key), signature)));
  });
}

const pss = (key: KeyObject) => ({
  key,
  padding: nodeCrypto().constants.RSA_PKCS1_PSS_PADDING,
  saltLength: nodeCrypto().constants.RSA_PSS_SALTLEN_AUTO,
});

/**
 * RFC 8017, sections 8.1.2 and 8.2.2, step 1. OpenSSL takes a signature whose leading zero was left
 * out.
 */
function hasLengthOfKey(key: KeyObject, signature: Uint8Array): boolean {
  return signature.length === Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

const isRsa = (kind: PublicKeyKind) => kind === 'RSA' || kind === 'RSA-PSS';

function attempt(action: () => boolean): boolean {
  try {
    return action();
  } catch {
    // Not even the form of a signature.
    return false;
  }
}

/** DigestInfo up to the digest (RFC 8017 section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<HashName, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

/**
 * Curve arithmetic that Node does not have; loaded only for a signature over a digest, and for
 * Ed25519ph.
 */
export type Curves = typeof import('../library/curves.ts');

export function loadCurves(): Promise<Curves> {
  return library('curves');
}

/**
 * True when this is a signature of something that has this digest: what Node's own `verify` cannot
 * do without the bytes, which may be a hundred gigabytes. Pure Ed25519 cannot be verified this way
 * by anybody, Ed25519ph can (RFC 8032).
 */
export function verifyDigest(
  curves: Curves,
  key: KeyObject,
  digest: Uint8Array,
  hash: HashName,
  signature: Uint8Array,
): boolean {
  const kind = kindOfKey(key);
  if (kind === 'RSA' || kind === 'RSA-PSS') {
    if (!hasLengthOfKey(key, signature)) return false;
    const plain = kind === 'RSA' && attempt(() => isPkcs1(key, digest, hash, signature));
    return plain || attempt(() => isPss(key, digest, hash, signature));
  }
  if (kind === undefined) return false;
  if (kind === 'Ed25519') return hash === 'sha512' && attempt(() => verifyEd25519ph(curves, key, digest, signature));
  const { p256, p384, p521 } = curves;
  const curve = { 'P-256': p256, 'P-384': p384, 'P-521': p521 }[kind];
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return attempt(() => curve.verify(signature, digest, point, { prehash: false, format: 'der', lowS: false }));
}

function isPkcs1(key: KeyObject, digest: Uint8Array, hash: HashName, signature: Uint8Array): boolean {
  const expected = Buffer.concat([Buffer.from(DIGEST_INFO[hash], 'hex'), digest]);
  return nodeCrypto()
    .publicDecrypt({ key, padding: nodeCrypto().constants.RSA_PKCS1_PADDING }, signature)
    .equals(expected);
}

/** EMSA-PSS-VERIFY (RFC 8017 section 9.1.2) with MGF1 of the same hash and a salt of any length. */
function isPss(key: KeyObject, digest: Uint8Array, hash: HashName, signature: Uint8Array): boolean {
  const modulusBits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  const raw =
    key.asymmetricKeyType === 'rsa'
      ? key
      : nodeCrypto().createPublicKey({ key: plainRsa(key), format: 'der', type: 'spki' });
  const block = nodeCrypto().publicDecrypt({ key: raw, padding: nodeCrypto().constants.RSA_NO_PADDING }, signature);
  const size = Math.ceil((modulusBits - 1) / 8);
  const encoded = block.subarray(block.length - size);
  if (block.subarray(0, block.length - size).some((byte) => byte !== 0) || encoded.at(-1) !== 0xbc) return false;
  const maskedLength = size - digest.length - 1;
  if (maskedLength < 1) return false;
  const seed = encoded.subarray(maskedLength, maskedLength + digest.length);
  const mask = mgf1(seed, maskedLength, hash);
  const db = Buffer.from(encoded.subarray(0, maskedLength).map((byte, i) => byte ^ (mask[i] ?? 0)));
  const unused = 8 * size - (modulusBits - 1);
  if (((encoded[0] ?? 0) & (0xff << (8 - unused)) & 0xff) !== 0) return false;
  db[0] = (db[0] ?? 0) & (0xff >> unused);
  const one = db.findIndex((byte) => byte !== 0);
  if (one < 0 || db[one] !== 1) return false;
  const message = Buffer.concat([Buffer.alloc(8), digest, db.subarray(one + 1)]);
  return nodeCrypto().createHash(hash).update(message).digest().equals(seed);
}

function mgf1(seed: Uint8Array, length: number, hash: HashName): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0, size = 0; size < length; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    const piece = nodeCrypto().createHash(hash).update(seed).update(counter).digest();
    pieces.push(piece);
    size += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, length);
}
