import type { BigIntStats } from 'node:fs';
import { WeighlockError } from '../error/index.ts';
import { type Difference, differencesText } from './attributes.ts';
import { entryText, type PathBytes } from './entry-path.ts';

const LET_IT_FINISH =
  'let whatever writes to this volume finish (or mount it read-only everywhere), then restart the pod';

export function sourceChanged(name: PathBytes, how: string, remedy = LET_IT_FINISH): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_CHANGED',
    message: `the artifact changed during verification: it ${how}`,
    file: entryText(name) || '.',
    remedy,
  });
}

/**
 * Nothing but the times of a file changed. Some file systems do that by themselves at the first
 * open or read, so it is read once more before it is refused.
 */
export class TimesChanged extends WeighlockError {
  constructor(name: PathBytes, how: string, differences: readonly Difference[]) {
    const { code, message, file, remedy } = sourceChanged(name, `${how}: ${differencesText(differences)}`);
    super({ code, message, ...(file && { file }), ...(remedy && { remedy }) });
  }
}

/**
 * The same path had a third inode at the second look: nobody could tell there whether a file was
 * replaced.
 */
export function unsteadyInode(name: PathBytes, differences: readonly Difference[], now: BigIntStats): WeighlockError {
  const number = BigInt.asUintN(64, now.ino);
  return sourceChanged(
    name,
    `has another inode at each look (${differencesText(differences)}, and a moment later the inode number is ${number})`,
    'this file system makes inode numbers up, so a file that is replaced cannot be told from one that is not: mount the volume with ' +
      'lasting inode numbers (FUSE: use_ino and noforget; rclone: --vfs-cache-mode full, or its nfsmount), or copy the content ' +
      'to a volume of NFS or a block device',
  );
}
