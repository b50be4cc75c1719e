// What to say of a file that cannot be read, or is not the one that was listed.
import type { BigIntStats } from 'node:fs';
import { errno, isSystemError, type WeighlockError } from '../error/index.ts';
import { areTimes, differencesFrom, differencesText, isListed, isSameFile } from './attributes.ts';
import { entryText } from './entry-path.ts';
import { type FileTable, nameAt, openPathAt } from './file-table.ts';
import { ioError } from './io-failure.ts';
import { kindOf, statBeneath } from './open.ts';
import { sourceChanged, TimesChanged, unsteadyInode } from './source-changed.ts';

/** What to say of a listed file that cannot be opened. */
export function openFault(table: FileTable, index: number, error: unknown): WeighlockError {
  const name = nameAt(table, index);
  const code = errno(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return sourceChanged(name, 'disappeared after it was listed');
  if (code === 'ELOOP') return sourceChanged(name, 'was replaced by a symbolic link after it was listed');
  // Sockets and devices: opening them as files is refused by the kernel.
  if (code === 'ENXIO' || code === 'ENODEV')
    return sourceChanged(name, 'was replaced by a socket or a device after it was listed');
  return ioError(error, 'open', entryText(name));
}

/** @throws WeighlockError `SOURCE_CHANGED` when what was opened is not what was listed */
export function requireListed(root: number, table: FileTable, index: number, stat: BigIntStats): void {
  if (!stat.isFile())
    throw sourceChanged(nameAt(table, index), `was replaced by a ${kindOf(stat)} after it was listed`);
  if (!isListed(table, index, stat))
    throw changedFrom(root, table, index, stat, 'was changed or replaced after it was listed');
}

/** What to say of a system call on an open file that failed: its error, and which file. */
export function readFault(
  root: number,
  table: FileTable,
  index: number,
  doing: string,
  error: unknown,
): WeighlockError {
  // The server has forgotten the file: because it was removed, which a writer can do, or for
  // reasons of its own.
  if (errno(error) === 'ESTALE' && isGone(root, table, index))
    return sourceChanged(nameAt(table, index), 'disappeared while it was read');
  return ioError(error, doing, entryText(nameAt(table, index)));
}

function isGone(root: number, table: FileTable, index: number): boolean {
  try {
    return !isSameFile(table, index, statBeneath(root, openPathAt(table, index)));
  } catch (error) {
    return errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR';
  }
}

/**
 * What to say of a file that is not as it was listed. Another inode gets a second look: is it
 * another file, or does it change each time?
 */
export function changedFrom(
  root: number,
  table: FileTable,
  index: number,
  stat: BigIntStats,
  how: string,
): WeighlockError {
  const name = nameAt(table, index);
  const differences = differencesFrom(table, index, stat);
  if (areTimes(differences)) return new TimesChanged(name, how, differences);
  if (!isSameFile(table, index, stat)) {
    try {
      const now = statBeneath(root, openPathAt(table, index));
      if (now.isFile() && now.ino !== stat.ino && !isSameFile(table, index, now) && now.size === stat.size)
        return unsteadyInode(name, differences, now);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
  return sourceChanged(name, `${how}: ${differencesText(differences)}`);
}
