import { digestAt, type FileTable, namesOf, openPathAt, type PathBytes } from '../fs/index.ts';
import { type Control, countFile, type HashTask } from '../hash/index.ts';

/**
 * Names by which the same file is opened, by way of links: one of them is read. They are opened by
 * the same path, which has no link in it, and were the same file when they were listed; that the
 * links still lead there is looked at afterwards, as for every link.
 *
 * @returns the number of each that is not read -> of the one that is
 */
export function twinsOf(files: FileTable): ReadonlyMap<number, number> {
  const twins = new Map<number, number>();
  if (files.targets.size === 0) return twins;
  const first = new Map<PathBytes, number>();
  const wanted = new Set(files.targets.values());
  // The one that is no link comes first: it may be hashed already.
  for (const [index, name] of namesOf(files).entries())
    if (wanted.has(name) && !files.targets.has(index)) first.set(name, index);
  for (const index of files.targets.keys()) {
    const path = openPathAt(files, index);
    const other = first.get(path);
    if (other === undefined) first.set(path, index);
    else if (isSame(files, index, other)) twins.set(index, other);
  }
  return twins;
}

function isSame(files: FileTable, a: number, b: number): boolean {
  const { device, inode, size, mtime, ctime, mtimeHigh, ctimeHigh } = files;
  return [device, inode, size, mtime, ctime, mtimeHigh, ctimeHigh].every((column) => column[a] === column[b]);
}

/**
 * Gives twins the digests of what was read; what could not be read has none, and neither have they.
 */
export function fillTwins(files: FileTable, twins: ReadonlyMap<number, number>, control: Control): void {
  for (const [index, other] of twins) {
    if (files.hashed[other] !== 1) continue;
    digestAt(files, index).set(digestAt(files, other));
    files.hashed[index] = 1;
    countFile(control);
  }
}

/** Where nothing but the digest of each file is asked for. */
export function withTwins(task: HashTask): HashTask {
  const { listing, second, shards, copyTo, others } = task;
  if (second !== undefined || shards !== undefined || copyTo !== undefined || others !== undefined) return task;
  const twins = twinsOf(listing.files);
  return twins.size === 0 ? task : { ...task, twins };
}
