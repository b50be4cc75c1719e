// Keys that others can sign with, although they have enough bits: 15.6.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { parsePublicKey, weaknessOf } from '../../src/trust/index.ts';

const DATA = Buffer.from('weights of a model');

const honest = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const base64url = (number: bigint) => Buffer.from(hexOf(number), 'hex').toString('base64url');

function hexOf(number: bigint): string {
  const hex = number.toString(16);
  return hex.padStart(hex.length + (hex.length % 2), '0');
}

const modulusOf = (key: KeyObject) =>
  BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`);

const rsa = (n: bigint, e: bigint) =>
  createPublicKey({ key: { kty: 'RSA', n: base64url(n), e: base64url(e) }, format: 'jwk' });

const PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157].map(BigInt);
const SMALL = Array.from({ length: 750 }, (_, i) => BigInt(i + 2));

/** Modulo each of the primes a power of 65537, as products of primes of the faulty chips are. */
function rocaModulus(): bigint {
  const product = PRIMES.reduce((all, prime) => all * prime, 1n);
  for (;;) {
    const random = BigInt(`0x${randomBytes(256).toString('hex')}`) | (1n << 2047n);
    const modulus = random - (random % product) + (65_537n ** 1234n % product);
    if (modulus < 2n ** 2048n && SMALL.every((factor) => modulus % factor !== 0n)) return modulus;
  }
}

/** What a signature by exponent 1 is: the padding of PKCS #1 itself. */
function padded(bytes: Buffer): Buffer {
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const digest = createHash('sha256').update(bytes).digest();
  return Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(202, 0xff), Buffer.from([0]), prefix, digest]);
}

const n = modulusOf(honest);

const CASES: readonly (readonly [name: string, key: () => KeyObject, fault: RegExp | undefined])[] = [
  ['RSA as it is made', () => honest, undefined],
  ['RSA of 4096 bits', () => generateKeyPairSync('rsa', { modulusLength: 4096 }).publicKey, undefined],
  ['RSA for PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey, undefined],
  ['Ed25519', () => generateKeyPairSync('ed25519').publicKey, undefined],
  ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, undefined],
  ['exponent 1', () => rsa(n, 1n), /exponent is 1$/],
  ['exponent 2', () => rsa(n, 2n), /exponent is 2$/],
  ['exponent 3', () => rsa(n, 3n), /exponent is 3$/],
  ['exponent 65536', () => rsa(n, 65_536n), /exponent/],
  ['an even exponent', () => rsa(n, 65_538n), /exponent/],
  ['an exponent of 300 bits', () => rsa(n, (1n << 300n) + 1n), /exponent/],
  ['an even modulus', () => rsa(n - 1n, 65_537n), /factor 2$/],
  ['a modulus with a factor', () => rsa(n - (n % 743n), 65_537n), /factor/],
  ['a key of a faulty chip', () => rsa(rocaModulus(), 65_537n), /CVE-2017-15361/],
];

describe('15.6: a key that others can sign with is none', () => {
  for (const [name, key, fault] of CASES) {
    it(name, () => {
      const found = weaknessOf(key());
      if (fault === undefined) assert.equal(found, undefined);
      else {
        assert.match(found ?? 'nothing is wrong with it', fault);
        const pem = key().export({ type: 'spki', format: 'pem' }).toString();
        assert.throws(() => parsePublicKey(pem, 'it'), /not a public key that can be used/);
      }
    });
  }

  it('OpenSSL takes what is no more than padding for a signature with exponent 1', () => {
    assert.equal(verify('sha256', DATA, rsa(n, 1n), padded(DATA)), true);
  });
});
