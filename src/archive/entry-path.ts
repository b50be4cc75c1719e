import { isUtf8 } from 'node:buffer';
import type { Failure } from '../error/index.ts';
import { fromBuffer, MAX_PATH_BYTES, type PathBytes } from '../fs/index.ts';
import { withoutEnd } from '../without-end.ts';

/** Linux NAME_MAX: the longest name of one file. */
const MAX_NAME_BYTES = 255;

/**
 * Deepest path that an archive or an annotation may ask for; real models have three or four levels.
 */
const MAX_DEPTH = 64;

/**
 * A path that came from an archive or an annotation, as a path below the staging folder; or what is
 * wrong with it. A leading `./` and a folder's trailing `/` are dropped; everything else must be in
 * its shortest form: relative, without `..`, backslashes, control characters, or a drive letter.
 */
export function safePath(bytes: Uint8Array): PathBytes | { readonly fault: string } {
  // First: what follows must not take long over a name of megabytes.
  if (bytes.length > MAX_PATH_BYTES) return { fault: `is longer than ${MAX_PATH_BYTES} bytes` };
  if (bytes.includes(0)) return { fault: 'contains a NUL byte' };
  if (!isUtf8(bytes)) return { fault: 'is not valid UTF-8' };
  const path = withoutEnd(fromBuffer(bytes).replace(/^(?:\.\/+)+/, ''), '/') as PathBytes;
  if (path === '' || path === '.') return { fault: 'is empty' };
  if (path.startsWith('/')) return { fault: 'is absolute' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  if (/[\x00-\x1f\x7f\\]/.test(path)) return { fault: 'contains a control character or a backslash' };
  if (/^[a-zA-Z]:/.test(path)) return { fault: 'begins with a drive letter' };
  const parts = path.split('/');
  if (parts.includes('..')) return { fault: 'leads out of the artifact' };
  if (parts.some((part) => part === '' || part === '.')) return { fault: 'is not in its shortest form' };
  if (parts.some((part) => part.length > MAX_NAME_BYTES))
    return { fault: `has a name longer than ${MAX_NAME_BYTES} bytes` };
  if (parts.length > MAX_DEPTH) return { fault: `is nested deeper than ${MAX_DEPTH}` };
  return path;
}

/**
 * What some file systems do not tell apart: ext4 and f2fs with `casefold` leave out what is drawn
 * as nothing, SMB dots and blanks at the end of a name.
 */
const IGNORED = /\p{Default_Ignorable_Code_Point}|[. ]+(?=\/|$)/gu;

/**
 * What two names must not share, or one would overwrite the other on some file system
 * (CVE-2026-23950).
 */
export function collisionKey(path: PathBytes): string {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return text.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD').replace(IGNORED, '');
}

/** A path that is refused. */
export function unsafePath(bytes: Uint8Array, fault: string): Failure {
  return {
    code: 'UNSAFE_ENTRY',
    message: `a name in the artifact ${fault}`,
    file: Buffer.from(bytes.subarray(0, 300)).toString('utf8'),
    remedy: 'whoever made the artifact must name its files relative to its root; do not use it as it is',
  };
}
