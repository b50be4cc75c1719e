import { errno } from '../error/index.ts';

/**
 * What a file system answers that does not have an operation, as FUSE, 9p, SMB and object storage
 * do.
 */
const LACKING: ReadonlySet<string> = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL']);

/** Of operations on names also these: hard links, and renaming what is not empty. */
const LACKING_NAMES: ReadonlySet<string> = new Set([
  ...LACKING,
  'EPERM',
  'EXDEV',
  'EMLINK',
  'EMFILE',
  'ENOTEMPTY',
  'EISDIR',
]);

/**
 * True when a sync failed because there is none: what was verified is not less so, it may only be
 * lost with the power.
 */
export function lacksSync(error: unknown): boolean {
  const name = errno(error) ?? '';
  // Some refuse to sync what was opened for reading, as a folder always is.
  return LACKING.has(name) || name === 'EBADF';
}

/** True when a link or a rename failed because the file system has none. */
export function lacksNaming(error: unknown): boolean {
  return LACKING_NAMES.has(errno(error) ?? '');
}
