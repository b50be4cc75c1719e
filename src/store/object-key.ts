/** S3, Google Cloud Storage and Azure: bytes of the longest name of an object. */
export const MAX_KEY_BYTES = 1024;

/**
 * Why a URL cannot name such an object, or a prefix of some; undefined where it can: `.` and `..`
 * would be folders there.
 */
export function keyFault(key: string): string | undefined {
  if (!key.isWellFormed()) return 'is not valid Unicode';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `has a key longer than ${MAX_KEY_BYTES} bytes`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  if (/[\x00-\x1f\x7f]/.test(key)) return 'has a control character';
  const parts = key.replace(/\/$/, '').split('/');
  const isShort = key === '' || parts.every((part) => part !== '' && part !== '.' && part !== '..');
  return isShort ? undefined : 'has an empty part, or one of dots';
}
