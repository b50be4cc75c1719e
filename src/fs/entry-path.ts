import { isUtf8 } from 'node:buffer';

/**
 * A file name or a relative path as the file system has it: one character per byte (ISO 8859-1
 * decoding of the bytes).
 *
 * Linux names are bytes. Keeping them so makes comparison and sorting byte-exact (`<` on these
 * strings is `memcmp`), without ever deciding that two different byte sequences are "the same"
 * name.
 */
export type PathBytes = string & { readonly __brand: 'PathBytes' };

/** The bytes of a name, for a system call or a hash. */
export function toBuffer(path: PathBytes): Buffer {
  return Buffer.from(path, 'latin1');
}

/** Bytes from a system call as a name. */
export function fromBuffer(bytes: Uint8Array): PathBytes {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as PathBytes;
}

/** A JavaScript string (UTF-16) as the bytes of its UTF-8 encoding. */
export function fromText(text: string): PathBytes {
  return fromBuffer(Buffer.from(text, 'utf8'));
}

/** Byte order, as `LC_ALL=C sort` has it. */
export function comparePaths(a: PathBytes, b: PathBytes): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Joins a folder's relative path (empty for the root) and a name. */
export function joinPath(folder: PathBytes, name: PathBytes): PathBytes {
  return (folder === '' ? name : `${folder}/${name}`) as PathBytes;
}

/**
 * True when every byte is ASCII; then the bytes are their own UTF-8 and every Unicode normalisation
 * of themselves.
 */
export function isAscii(path: PathBytes): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the point
  return /^[\x00-\x7f]*$/.test(path);
}

/** True when the bytes are well-formed UTF-8. */
export function isValidUtf8(path: PathBytes): boolean {
  return isAscii(path) || isUtf8(toBuffer(path));
}

/** The path as text for a report: UTF-8 where it is, `\xNN` for each byte of a name that is not. */
export function entryText(path: PathBytes): string {
  if (isAscii(path)) return path;
  const bytes = toBuffer(path);
  if (isUtf8(bytes)) return bytes.toString('utf8');
  return path.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
