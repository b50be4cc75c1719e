import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { errno, WeighlockError } from '../error/index.ts';
import { library, nodeCrypto } from '../library/index.ts';

/** PEM labels of keys that cosign encrypted, now and before version 1.13. */
const COSIGN_PEM = /-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/;

const MAX_KEY_BYTES = 64 << 10;

/** More work than cosign ever asked for (N = 65536, r = 8); a key file must not cost a gigabyte. */
const MAX_SCRYPT_BYTES = 256 << 20;

/**
 * Reads a private key: PEM as OpenSSL writes it, encrypted or not, or as `cosign generate-key-pair`
 * does.
 *
 * @param password - of an encrypted key
 * @throws WeighlockError `CONFIG_INVALID`
 */
export async function readPrivateKey(file: string, password: string | undefined): Promise<KeyObject> {
  const pem = readKeyFile(file);
  try {
    const encrypted = COSIGN_PEM.exec(pem)?.[1];
    if (encrypted !== undefined) return await cosignKey(encrypted, password ?? '');
    return nodeCrypto().createPrivateKey({ key: pem, ...(password === undefined ? {} : { passphrase: password }) });
  } catch (error) {
    throw invalid(file, password === undefined ? 'it does not parse, or needs a password' : 'wrong password?', error);
  }
}

function readKeyFile(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_KEY_BYTES) throw invalid(file, 'it is too large');
    return bytes.toString('utf8');
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw invalid(file, `it cannot be read: ${errno(error) ?? 'unknown error'}`, error);
  }
}

interface CosignKey {
  readonly kdf: {
    readonly params: { readonly N: number; readonly r: number; readonly p: number };
    readonly salt: string;
  };
  readonly cipher: { readonly name: string; readonly nonce: string };
  readonly ciphertext: string;
}

/**
 * scrypt and NaCl's secretbox around PKCS #8 (secure-systems-lab/go-securesystemslib, encrypted).
 */
async function cosignKey(base64: string, password: string): Promise<KeyObject> {
  const { kdf, cipher, ciphertext } = JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as CosignKey;
  const { N, r, p } = kdf.params;
  if (cipher.name !== 'nacl/secretbox' || 128 * N * r > MAX_SCRYPT_BYTES || p > 16)
    throw new Error('unknown encryption');
  const { xsalsa20poly1305 } = await library('signing');
  const derive = promisify(nodeCrypto().scrypt) as (
    password: string,
    salt: Buffer,
    length: number,
    options: { N: number; r: number; p: number; maxmem: number },
  ) => Promise<Buffer>;
  const key = await derive(password, Buffer.from(kdf.salt, 'base64'), 32, { N, r, p, maxmem: 2 * MAX_SCRYPT_BYTES });
  const der = xsalsa20poly1305(key, Buffer.from(cipher.nonce, 'base64')).decrypt(Buffer.from(ciphertext, 'base64'));
  return nodeCrypto().createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
}

/**
 * A new key pair, ECDSA P-256: what every tool that reads Model Signing bundles knows.
 *
 * @param password - encrypts the private key, if it is given
 */
export function newKeyPair(password: string | undefined): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = nodeCrypto().generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encryption = password === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: password };
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function invalid(file: string, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'CONFIG_INVALID',
      message: `the private key ${file} cannot be used: ${why}`,
      remedy: 'give an ECDSA key in PEM; its password is read from COSIGN_PASSWORD',
    },
    { cause },
  );
}
