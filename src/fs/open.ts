import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import { isSystemError } from '../error/index.ts';
import { fromBuffer, isAscii, type PathBytes } from './entry-path.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * How files and folders of an artifact are opened: see `openFileBeneath` and `openFolderBeneath`.
 */
export const FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
export const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/**
 * Where the kernel shows this process's descriptors. `/proc/self` is a link to the process's number
 * as this mount of procfs has it; followed once, it takes a tenth of the time of each call less.
 */
let descriptors: string | undefined;

function shown(folder: number): string {
  descriptors ??= `/proc/${readlinkSync('/proc/self')}/fd`;
  return `${descriptors}/${folder}/`;
}

/**
 * In the place of an open folder: the working folder of the process, as in `openat(2)`. See
 * `enter`.
 */
export const AT_FDCWD = -100;

/**
 * `openat(2)` for Node: a path below `/proc/self/fd/<descriptor>/` is resolved from that open
 * folder, whatever has been renamed or mounted over its path since.
 */
export function procPath(folder: number, path: PathBytes): Buffer | string {
  if (folder === AT_FDCWD && path.startsWith('/')) throw new Error('an absolute path is in no folder');
  const text = folder === AT_FDCWD ? path : shown(folder) + path;
  // A string of ASCII is its own bytes; making a buffer of it costs half a system call.
  return isAscii(path) ? text : Buffer.from(text, 'latin1');
}

/**
 * Longest piece of a path that is resolved in one call; PATH_MAX less the `/proc/<number>/fd/...`
 * in front, and reserve.
 */
export const MAX_PIECE_BYTES = 3500;

/** Runs `use` on a folder and a rest of the path that is short enough for one system call. */
function withShortPath<T>(folder: number, path: PathBytes, use: (folder: number, path: PathBytes) => T): T {
  if (path.length <= MAX_PIECE_BYTES) return use(folder, path);
  const cut = path.lastIndexOf('/', MAX_PIECE_BYTES);
  if (cut <= 0) return use(folder, path);
  const middle = openSync(procPath(folder, path.slice(0, cut) as PathBytes), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    return withShortPath(middle, path.slice(cut + 1) as PathBytes, use);
  } finally {
    close(middle);
  }
}

/** `lstat(2)` of an entry below an open folder. */
export function statBeneath(folder: number, path: PathBytes): BigIntStats {
  return withShortPath(folder, path, (at, rest) => lstatSync(procPath(at, rest), { bigint: true }));
}

/**
 * Opens a file below an open folder for reading. The last component is never followed when it is a
 * link (`ELOOP`), and a FIFO put there since it was listed does not block the call (`O_NONBLOCK`;
 * the caller's `fstat` refuses it).
 */
export function openFileBeneath(folder: number, path: PathBytes): number {
  return withShortPath(folder, path, (at, rest) => openSync(procPath(at, rest), FILE_FLAGS));
}

/**
 * Opens a folder below an open folder; a link or anything else in its place is refused (`ELOOP`,
 * `ENOTDIR`).
 */
export function openFolderBeneath(folder: number, path: PathBytes): number {
  return withShortPath(folder, path, (at, rest) => openSync(procPath(at, rest), FOLDER_FLAGS));
}

/**
 * Opens a folder by its path; its last component must not be a link, links on the way there are
 * followed.
 */
export function openFolder(path: string | Buffer): number {
  return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** The path under which the kernel shows what an open folder holds, for `opendir`. */
export function folderContents(folder: number): string {
  return shown(folder);
}

/** `fstat(2)` with nanoseconds. */
export function statOpen(descriptor: number): BigIntStats {
  return fstatSync(descriptor, { bigint: true });
}

/**
 * Closes what was only read. A storage's error is no news then: nothing is lost by it, and it must
 * not take the place of what is being said about the content.
 */
export function close(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

/** What a link below an open folder says. */
export function readLinkBeneath(folder: number, path: PathBytes): PathBytes {
  return withShortPath(folder, path, (at, rest) =>
    fromBuffer(readlinkSync(procPath(at, rest), { encoding: 'buffer' })),
  );
}

/**
 * Sizes that a file can have: others are some storage's mistake, and could not be told from each
 * other.
 */
export function isPossibleSize({ size }: BigIntStats): boolean {
  return size >= 0n && size <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** What kind of thing a stat describes, in the words of find(1) and ls(1). */
export function kindOf(stat: BigIntStats): string {
  if (stat.isFile()) return 'regular file';
  if (stat.isDirectory()) return 'folder';
  if (stat.isSymbolicLink()) return 'symbolic link';
  if (stat.isFIFO()) return 'FIFO';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice()) return 'block device';
  if (stat.isCharacterDevice()) return 'character device';
  return 'entry of unknown kind';
}
