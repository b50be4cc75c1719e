import { WeighlockError } from '../error/index.ts';

/** The one accepted form of a pin: bare, lower-case, 64 hex digits. */
const SHA256 = /^[a-f0-9]{64}$/;

/**
 * Parses a SHA-256 pin.
 *
 * @param origin - where the value stands (`DATASET_SHA256`, `--sha256`), for the message
 * @throws WeighlockError `CONFIG_INVALID`, which says what is wrong with the value
 */
export function parsePin(value: string, origin: string): string {
  if (SHA256.test(value)) return value;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${origin} is not a SHA-256 digest: ${fault(value)}`,
    expected: '64 hexadecimal digits, lower case, nothing else',
    found: value.length > 80 ? `${value.slice(0, 80)}... (${value.length} characters)` : value,
    remedy: `print the value with: weighlock digest PATH, and set ${origin} to it`,
  });
}

function fault(value: string): string {
  if (value === '') return 'it is empty';
  if (/^\s|\s$/.test(value)) return 'it begins or ends with white space';
  if (/^sha256:/i.test(value)) return 'it has a "sha256:" prefix, give the hexadecimal digits alone';
  if (/\s|,/.test(value)) return 'it holds more than one value';
  if (/^[a-f0-9]{64}$/i.test(value)) return 'it has upper-case digits';
  if (/^[a-f0-9]*$/i.test(value)) return `it has ${value.length} hexadecimal digits, not 64`;
  return 'it has characters that are not hexadecimal digits';
}
