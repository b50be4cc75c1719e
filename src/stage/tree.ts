import { type BigIntStats, lstatSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { WeighlockError } from '../error/index.ts';
import {
  entryText,
  type FileTable,
  fromBuffer,
  ioError,
  joinPath,
  nameAt,
  type PathBytes,
  toBuffer,
} from '../fs/index.ts';

/** Entries that are looked at at a time: on network storage each waits for an answer. */
const CONCURRENCY = 16;

/** Everything below a folder, by name: what kind it is, and which one. */
export type Tree = ReadonlyMap<PathBytes, Entry>;

export interface Entry {
  readonly kind: 'file' | 'folder' | 'other';
  readonly size: number;
  readonly links: number;
  /** Device, inode and modification time: a rename leaves them as they are. */
  readonly identity: string;
  /** `st_ctim`: whoever writes to a file moves it on, and so does a rename of the file itself. */
  readonly changed: bigint;
}

/** @throws WeighlockError I/O codes: what cannot be looked at is not known to be right */
export async function treeOf(folder: string): Promise<Tree> {
  const tree = new Map<PathBytes, Entry>();
  const names = async (below: PathBytes) => {
    const entries = await readdir(pathIn(folder, below), { encoding: 'buffer' });
    return entries.map((name) => joinPath(below, fromBuffer(name)));
  };
  try {
    const waiting = await names('' as PathBytes);
    while (waiting.length > 0) {
      const some = waiting.splice(-CONCURRENCY);
      const found = await Promise.all(
        some.map(async (name) => {
          const entry = entryOf(await lstat(pathIn(folder, name), { bigint: true }));
          tree.set(name, entry);
          return entry.kind === 'folder' ? names(name) : [];
        }),
      );
      for (const more of found) for (const name of more) waiting.push(name);
    }
  } catch (error) {
    throw ioError(error, 'look at what was staged or published');
  }
  return tree;
}

export function entryOf(stat: BigIntStats): Entry {
  const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
  const { dev, ino, mtimeNs, ctimeNs } = stat;
  // A folder is modified by whatever is put into it; what that is, the tree says.
  const identity = kind === 'folder' ? `${dev}:${ino}` : `${dev}:${ino}:${mtimeNs}`;
  return { kind, size: kind === 'file' ? Number(stat.size) : 0, links: Number(stat.nlink), identity, changed: ctimeNs };
}

/**
 * What was staged is exactly what was verified: these files with these sizes, each with one name,
 * in folders, and nothing else.
 *
 * @throws WeighlockError `SOURCE_CHANGED`
 */
export function requireVerified(staged: Tree, verified: FileTable): void {
  const left = new Map<PathBytes, number>();
  for (let i = 0; i < verified.count; i++) left.set(nameAt(verified, i), verified.size[i] ?? 0);
  for (const [name, { kind, size, links }] of staged) {
    if (kind === 'folder') continue;
    if (kind !== 'file') throw changed(name, 'is no regular file');
    if (links !== 1) throw changed(name, 'has a second name (a hard link)');
    if (left.get(name) !== size) throw changed(name, left.has(name) ? 'has another size' : 'is not of the artifact');
    left.delete(name);
  }
  for (const name of left.keys()) throw changed(name, 'is missing');
}

/**
 * What lies at the destination is exactly what was staged: the same files, and nothing else.
 *
 * @param isAllowed - true of what a file system itself has in its root
 * @param isMoved - true of what was renamed itself, and not with the folder that it is in
 * @throws WeighlockError `SOURCE_CHANGED`
 */
export function requirePublished(
  published: Tree,
  staged: Tree,
  isAllowed: (name: PathBytes) => boolean,
  isMoved: (name: PathBytes) => boolean,
): void {
  for (const [name, { kind, size, links, identity, changed: time }] of published) {
    const expected = staged.get(name);
    if (expected === undefined) {
      if (kind === 'folder' && isAllowed(name)) continue;
      throw changed(name, 'was put among what was published');
    }
    if (kind !== expected.kind || size !== expected.size || identity !== expected.identity)
      throw changed(name, 'is not the one that was verified');
    if (kind === 'file' && links !== 1) throw changed(name, 'has a second name (a hard link)');
    if (kind === 'file' && time !== expected.changed && !isMoved(name))
      throw changed(name, 'was written to after it was verified');
  }
  for (const name of staged.keys()) if (!published.has(name)) throw changed(name, 'is missing');
}

/** The one file at a destination. @throws WeighlockError `SOURCE_CHANGED` */
export function requirePublishedFile(destination: string, expected: Entry): void {
  const stat = lstatSync(destination, { bigint: true, throwIfNoEntry: false });
  const found = stat === undefined ? undefined : entryOf(stat);
  const isSame = found?.kind === 'file' && found.size === expected.size && found.identity === expected.identity;
  if (!isSame) throw changed('.' as PathBytes, 'is not the one that was verified');
  if (found.links !== 1) throw changed('.' as PathBytes, 'has a second name (a hard link)');
}

function changed(name: PathBytes, how: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_CHANGED',
    message: `something else writes to the staging folder or the destination: this ${how}`,
    file: entryText(name),
    remedy: 'see what else mounts this volume, and with which UID; empty the destination, then restart the pod',
  });
}

function pathIn(folder: string, name: PathBytes): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), toBuffer(name)]);
}
