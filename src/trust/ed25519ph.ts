import type { KeyObject } from 'node:crypto';
import { nodeCrypto } from '../library/index.ts';
import type { Curves } from './public-key.ts';

/**
 * `dom2(1, "")`: nothing that is signed with Ed25519ph is ever a signature by pure Ed25519 (RFC
 * 8032 section 2).
 */
const DOMAIN = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions', 'latin1'), Buffer.from([1, 0])]);

/**
 * Ed25519ph (RFC 8032 section 5.1) over the SHA-512 of what was signed, as cosign and sigstore-go
 * sign with a key of Ed25519. Encodings that are not the canonical ones, and points of small order,
 * are refused.
 */
export function verifyEd25519ph(
  { ed25519, eddsa }: Curves,
  key: KeyObject,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { x = '' } = key.export({ format: 'jwk' });
  const hash = (bytes: Uint8Array) => new Uint8Array(nodeCrypto().createHash('sha512').update(bytes).digest());
  const scheme = eddsa(ed25519.Point, hash, {
    prehash: (bytes: Uint8Array) => new Uint8Array(bytes),
    domain: (data: Uint8Array) => new Uint8Array(Buffer.concat([DOMAIN, data])),
    zip215: false,
  });
  return scheme.verify(signature, digest, Buffer.from(x, 'base64url'));
}
