import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { parsePublicKey, type ValidityWindow } from '../trust/index.ts';

/** Keys, roots and policies are small; what is larger is something else. */
export const MAX_TRUST_BYTES = 1 << 20;

/**
 * Reads a file of the platform's: a key, a root, a policy. Links are followed, since a ConfigMap's
 * files are links.
 *
 * @param what - how messages call it
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function readTrust(file: string, what: string): string {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw invalid(`${what} ${file} is not a file`, 'name the right file');
      if (stat.size > MAX_TRUST_BYTES)
        throw invalid(`${what} ${file} has more than ${MAX_TRUST_BYTES} bytes`, 'name the right file');
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    const why = error instanceof TypeError ? 'it is not UTF-8' : (errno(error) ?? 'unknown error');
    throw invalid(`${what} ${file} cannot be read: ${why}`, 'mount it, or correct the path', error);
  }
}

/** The key of one certificate that is pinned itself. */
export function certificateKey(
  pem: string,
  name: string,
): { readonly pem: string; readonly fingerprint: string; readonly validFor: ValidityWindow } {
  const blocks = pem.match(/-----BEGIN [^-]+-----/g) ?? [];
  if (blocks.length !== 1)
    throw invalid(`${name} has ${blocks.length} PEM blocks, not one`, 'name the CA in certChain');
  try {
    const { publicKey, validFromDate, validToDate } = new (nodeCrypto().X509Certificate)(pem);
    const text = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const validFor = { start: validFromDate, end: validToDate };
    return { pem: text, fingerprint: parsePublicKey(text, name).fingerprint, validFor };
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw invalid(`${name} does not parse`, 'give one certificate in PEM', error);
  }
}

function invalid(message: string, remedy: string, cause?: unknown): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy }, { cause });
}
