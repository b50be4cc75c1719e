import { collisionKey, unsafePath } from '../archive/index.ts';
import type { Failure } from '../error/index.ts';
import { type FileTable, FileTableBuilder, hexAt, nameAt, namesOf, type PathBytes, toBuffer } from '../fs/index.ts';
import type { PulledFile } from '../pull/index.ts';
import type { Hashing } from './hashing.ts';

/** What pull threads hashed on its way, as a table. */
export function tableOf(files: readonly PulledFile[]): FileTable {
  const builder = new FileTableBuilder();
  for (const { path, size, sha256 } of files) builder.addHashed(path, size, sha256);
  return builder.freeze();
}

export function hexByName(table: FileTable): [PathBytes, string][] {
  return namesOf(table).map((name, i) => [name, hexAt(table, i) ?? '']);
}

/**
 * What is wrong with a folder into which files were fetched: names that collide, and what somebody
 * else put there.
 */
export async function stagedFaults(folder: string, fetched: FileTable, hashing: Hashing): Promise<Failure[]> {
  return [...collisions(fetched), ...(await strangers(folder, fetched, hashing))];
}

/** Names from different layers that some file system would take for one. */
function collisions(files: FileTable): Failure[] {
  const seen = new Set<string>();
  const failures: Failure[] = [];
  for (let i = 0; i < files.count; i++) {
    const name = nameAt(files, i);
    const key = collisionKey(name);
    if (seen.has(key))
      failures.push(unsafePath(toBuffer(name), 'differs from another one only in case or Unicode form'));
    seen.add(key);
  }
  return failures;
}

/** Files in the staging folder that nobody fetched, or that have another size than was hashed. */
async function strangers(folder: string, fetched: FileTable, hashing: Hashing): Promise<Failure[]> {
  const listing = await hashing.list(folder, { allowSymlinks: false, maxFiles: Number.MAX_SAFE_INTEGER });
  const same = listing.files.count === fetched.count && listing.failures.length === 0;
  for (let i = 0; same && i < fetched.count; i++) {
    if (nameAt(listing.files, i) !== nameAt(fetched, i) || listing.files.size[i] !== fetched.size[i])
      return [stagedByOthers()];
  }
  return same ? [] : [stagedByOthers()];
}

/** What is in the staging folder must still be what came. */
export function contentDifferences(staged: FileTable, fetched: FileTable): Failure[] {
  const before = new Map(hexByName(fetched));
  const isSame = staged.count === before.size && hexByName(staged).every(([name, hex]) => before.get(name) === hex);
  return isSame ? [] : [stagedByOthers()];
}

/** Somebody else writes where only this run should. */
function stagedByOthers(): Failure {
  return {
    code: 'SOURCE_CHANGED',
    message: 'something else writes to the staging folder',
    remedy: 'see what else mounts this volume, and with which UID; then restart the pod',
  };
}
