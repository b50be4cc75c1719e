import type { KeyObject } from 'node:crypto';
import { sha256 } from '../library/index.ts';

/** SubjectPublicKeyInfo up to the two coordinates of a point, by curve (RFC 5480 section 2). */
const EC_PREFIX: Readonly<Record<string, string>> = {
  'P-256': '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
  'P-384': '3076301006072a8648ce3d020106052b8104002203620004',
  'P-521': '30819b301006072a8648ce3d020106052b810400230381860004',
};

/**
 * SHA-256 of the DER-encoded SubjectPublicKeyInfo, hex, in the one usual encoding: a key tells its
 * owner from others, so that it must not have two names. A point may be written compressed, and an
 * RSA key as one for PSS, with parameters of many kinds: each of these is the same key, and whoever
 * has it could sign twice.
 */
export function fingerprintOf(key: KeyObject): string {
  return sha256(usualEncoding(key)).toString('hex');
}

function usualEncoding(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa-pss') return plainRsa(key);
  if (key.asymmetricKeyType !== 'ec') return key.export({ type: 'spki', format: 'der' });
  const { crv = '', x = '', y = '' } = jwkOf(key);
  const prefix = EC_PREFIX[crv];
  // Other curves are nobody's who is trusted; logs of a trusted root may have them.
  if (prefix === undefined) return key.export({ type: 'spki', format: 'der' });
  return Buffer.concat([Buffer.from(prefix, 'hex'), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

function jwkOf(key: KeyObject): { crv?: string; x?: string; y?: string } {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    // A curve that JSON Web Keys have no name for.
    return {};
  }
}

/** The same modulus and exponent under the plain RSA identifier: OpenSSL decrypts with no other. */
export function plainRsa(key: KeyObject): Buffer {
  const der = key.export({ type: 'spki', format: 'der' });
  // SubjectPublicKeyInfo: SEQUENCE { SEQUENCE algorithm, BIT STRING key }
  const bitString = der.subarray(endOfElement(der, startOfContent(der, 0)));
  const algorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
  const content = Buffer.concat([algorithm, bitString]);
  const length = Buffer.from([0x82, content.length >> 8, content.length & 0xff]);
  return Buffer.concat([Buffer.from([0x30]), length, content]);
}

function startOfContent(der: Buffer, at: number): number {
  const first = der[at + 1] ?? 0;
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

function endOfElement(der: Buffer, at: number): number {
  const first = der[at + 1] ?? 0;
  const start = startOfContent(der, at);
  return first < 0x80 ? start + first : start + der.readUIntBE(at + 2, first & 0x7f);
}
