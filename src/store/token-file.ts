import { errno, WeighlockError } from '../error/index.ts';
import { readFileWhole } from '../fs/index.ts';

/** A token of a service account has 1 to 2 KB. */
const MAX_BYTES = 64 << 10;

/**
 * The token in a file, which the kubelet writes anew every hour.
 *
 * @param variable - that names the file
 * @throws WeighlockError `CONFIG_INVALID`, which shows nothing of what the file holds
 */
export function readTokenFile(variable: string, file: string, remedy: string): string {
  const token = requireTokenFile(variable, file, remedy).toString('latin1').trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new WeighlockError({ code: 'CONFIG_INVALID', message: `${variable} holds no token`, file, remedy });
}

/**
 * Bytes of a file that may hold a token, in whatever form.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function requireTokenFile(variable: string, file: string, remedy: string): Buffer {
  let why = 'it is too large';
  try {
    const bytes = readFileWhole(file, MAX_BYTES);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    why = errno(error) === 'EINVAL' ? 'it is no regular file' : (errno(error) ?? 'unknown error');
  }
  throw new WeighlockError({ code: 'CONFIG_INVALID', message: `${variable} cannot be read: ${why}`, file, remedy });
}
