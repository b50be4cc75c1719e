import type { KeyObject } from 'node:crypto';
import { nodeCrypto } from '../library/index.ts';
import { plainRsa } from './fingerprint.ts';

/** Public exponents (FIPS 186-5, A.1.1): with 1 anybody's padding is a signature. */
const LEAST_EXPONENT = 2n ** 16n;
const MOST_EXPONENT = 2n ** 256n;

/** Factors that are looked for, as NIST SP 800-89, 5.3.3 does. */
const MOST_FACTOR = 751;

/**
 * Primes by which keys of Infineon's library are told (CVE-2017-15361, ROCA): modulo each of them
 * the modulus is a power of 65537. Of other keys one in 2^27 looks like that.
 */
const ROCA = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
const ROCA_GENERATOR = 65_537;

/** Why an RSA key of enough bits is none all the same: others can sign with it. */
export function faultOfRsa(key: KeyObject): string | undefined {
  const exponent = key.asymmetricKeyDetails?.publicExponent ?? 0n;
  if (exponent <= LEAST_EXPONENT || exponent >= MOST_EXPONENT || exponent % 2n === 0n)
    return `its public exponent is ${exponent.toString().slice(0, 20)}`;
  const modulus = modulusOf(key);
  for (let factor = 2; factor <= MOST_FACTOR; factor++)
    if (modulus % BigInt(factor) === 0n) return `its modulus has the factor ${factor}`;
  const isRoca = ROCA.every((prime) => isPower(Number(modulus % BigInt(prime)), prime));
  return isRoca ? 'it was made by a chip whose keys can be factored (CVE-2017-15361)' : undefined;
}

function modulusOf(key: KeyObject): bigint {
  const plain = nodeCrypto().createPublicKey({ key: plainRsa(key), format: 'der', type: 'spki' });
  const { n = '' } = plain.export({ format: 'jwk' });
  return BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}

/** Whether a number is a power of the generator modulo a prime. */
function isPower(number: number, prime: number): boolean {
  let power = 1;
  do {
    if (power === number) return true;
    power = (power * ROCA_GENERATOR) % prime;
  } while (power !== 1);
  return false;
}
