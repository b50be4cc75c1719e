import type { BigIntStats } from 'node:fs';
import { errno, isSystemError, WeighlockError } from '../error/index.ts';
import { type Attributes, areTimes, differencesFrom, differencesText, isListed, isSameFile } from './attributes.ts';
import { each, openedStat, openIn, runNow, type Task } from './calls.ts';
import { entryText, type PathBytes } from './entry-path.ts';
import { deviceAt, type FileTable, nameAt, namesOf, openPathAt } from './file-table.ts';
import { ioError } from './io-failure.ts';
import type { Listing } from './listing.ts';
import { close } from './open.ts';
import { sourceChanged, unsteadyInode } from './source-changed.ts';
import { Walk } from './walk.ts';

/**
 * Looks at every listed folder again after the files were read. A file that was added, removed or
 * renamed meanwhile has changed its folder's mtime and ctime. On some file systems reading a folder
 * does that, too: so where only times have moved, everything is listed once more, and it must be
 * what was read.
 *
 * @returns what is not as it was: none is a folder, or a file, that changed
 */
export function changedFolders(listing: Listing): WeighlockError[] {
  return runNow(recheck(listing));
}

/** The same, for whoever makes the calls. */
export function* recheck(listing: Listing): Task<WeighlockError[]> {
  const { root, folders } = listing;
  const found: (BigIntStats | WeighlockError)[] = [];
  yield {
    tasks: each(namesOf(folders), function* (_, i): Task {
      found[i] = yield* attributesOf(root, folders, i);
    }),
  };
  const errors: WeighlockError[] = [];
  let haveTimesMoved = false;
  for (const [i, one] of found.entries()) {
    if (one instanceof WeighlockError) errors.push(one);
    else if (!isSameFile(folders, i, one)) errors.push(yield* replaced(root, folders, i, one));
    else if (!isListed(folders, i, one)) haveTimesMoved = true;
  }
  return errors.length > 0 || !haveTimesMoved ? errors : yield* differencesNow(listing);
}

function* attributesOf(root: number, folders: FileTable, index: number): Task<BigIntStats | WeighlockError> {
  const path = openPathAt(folders, index);
  const name = nameAt(folders, index);
  let descriptor: number | undefined;
  try {
    descriptor = path === '' ? undefined : ((yield openIn(root, path)) as number);
    return (yield openedStat(descriptor ?? root)) as BigIntStats;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const code = errno(error) ?? '';
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return sourceChanged(name, 'disappeared after it was listed');
    return ioError(error, 'look at the folder again', entryText(name) || '.');
  } finally {
    if (descriptor !== undefined) close(descriptor);
  }
}

function* replaced(root: number, folders: FileTable, index: number, found: BigIntStats): Task<WeighlockError> {
  const name = nameAt(folders, index);
  const differences = differencesFrom(folders, index, found);
  const now = yield* attributesOf(root, folders, index);
  if (!(now instanceof WeighlockError) && now.ino !== found.ino && !isSameFile(folders, index, now))
    return unsteadyInode(name, differences, now);
  return sourceChanged(name, `was replaced after it was listed: ${differencesText(differences)}`);
}

/** Lists everything once more, and compares it with what was read. */
function* differencesNow(listing: Listing): Task<WeighlockError[]> {
  const walk = new Walk(listing.root, { ...listing.options, onEntry: () => {} });
  try {
    yield* walk.all();
  } catch (error) {
    if (error instanceof WeighlockError) return [error];
    throw error;
  }
  const known = new Set(listing.failures.map(({ code, file }) => `${code} ${file}`));
  const failures = walk.failures.filter(({ code, file }) => !known.has(`${code} ${file}`));
  return [
    ...failures.map((failure) => new WeighlockError(failure)),
    ...tableDifferences(listing.files, walk.files.freeze(), false),
    ...tableDifferences(listing.folders, walk.folders.freeze(), true),
  ];
}

/**
 * @param areFolders - whose times and sizes do not count: that they move is why there is a second
 * look
 */
function tableDifferences(before: FileTable, after: FileTable, areFolders: boolean): WeighlockError[] {
  const errors: WeighlockError[] = [];
  const left = new Map<PathBytes, number>(namesOf(before).map((name, i) => [name, i]));
  for (const [i, name] of namesOf(after).entries()) {
    const index = left.get(name);
    left.delete(name);
    if (index === undefined) errors.push(sourceChanged(name, 'appeared after its folder was listed'));
    else {
      const differences = differencesFrom(before, index, rowOf(after, i)).filter(
        (one) => !areFolders || !(one.attribute === 'size' || areTimes([one])),
      );
      const isElsewhere = openPathAt(before, index) !== openPathAt(after, i);
      if (differences.length > 0) errors.push(sourceChanged(name, `was changed: ${differencesText(differences)}`));
      else if (isElsewhere) errors.push(sourceChanged(name, 'leads elsewhere than when it was listed'));
    }
  }
  for (const name of left.keys()) errors.push(sourceChanged(name, 'disappeared after it was listed'));
  return errors;
}

/** The attributes in a row of a table. */
function rowOf(table: FileTable, index: number): Attributes {
  const whole = (low: bigint | undefined, high: number | undefined) => (low ?? 0n) + (BigInt(high ?? 0) << 64n);
  return {
    dev: deviceAt(table, index),
    ino: table.inode[index] ?? 0n,
    size: BigInt(table.size[index] ?? 0),
    mtimeNs: whole(table.mtime[index], table.mtimeHigh[index]),
    ctimeNs: whole(table.ctime[index], table.ctimeHigh[index]),
  };
}
