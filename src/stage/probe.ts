import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  type PathLike,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { ioError, lacksNaming } from '../fs/index.ts';

/** The calls that are tried; a test stands in for a file system that lacks one. */
export interface Calls {
  readonly rename: (from: PathLike, to: PathLike) => void;
  readonly link: (from: PathLike, to: PathLike) => void;
}

export const CALLS: Calls = { rename: renameSync, link: linkSync };

/**
 * Tries in a private folder what the publication will need, before a byte is fetched: a file that
 * is written, and a folder with a file in it, or a file, that gets another name and stays the same
 * file. Syncs, modes, times and hard links may be missing: without them nothing is verified that
 * should not be.
 *
 * @throws WeighlockError `CONFIG_INVALID` for a file system that lacks it; I/O codes
 */
export function requireOperations(folder: string, kind: 'file' | 'folder', calls: Calls = CALLS): void {
  const probe = join(folder, 'probe');
  const [from, to] = [join(probe, 'from'), join(probe, 'to')];
  try {
    mkdirSync(from, { recursive: true, mode: 0o700 });
    const file = openSync(join(from, 'file'), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      writeSync(file, 'x', 0);
    } finally {
      closeSync(file);
    }
    const { ino } = lstatSync(join(from, 'file'), { bigint: true });
    const folder = lstatSync(from, { bigint: true });
    const moved = kind === 'folder' ? rename(calls, from, to) : rename(calls, join(from, 'file'), join(probe, 'file'));
    if (lstatSync(kind === 'folder' ? join(moved, 'file') : moved, { bigint: true }).ino !== ino)
      throw lacking('it gives a file another number when it is renamed, so nobody can tell which one was verified');
    if (kind === 'folder' && lstatSync(moved, { bigint: true }).ino !== folder.ino)
      throw lacking('it gives a folder another number when it is renamed, so nobody can tell which one was verified');
  } catch (error) {
    throw error instanceof WeighlockError ? error : ioError(error, 'write at the destination');
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

function rename({ rename: call }: Calls, from: string, to: string): string {
  try {
    call(from, to);
    return to;
  } catch (error) {
    if (!lacksNaming(error)) throw error;
    throw lacking(`it cannot rename what is to be published: ${errno(error)}`);
  }
}

/**
 * Gives a file its place unless that is taken. link(2), unlike rename(2), refuses to replace what
 * is there.
 */
export function placeFile(from: PathLike, to: PathLike, { link, rename: move }: Calls = CALLS): void {
  try {
    link(from, to);
  } catch (error) {
    if (!lacksNaming(error)) throw error;
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined)
      throw Object.assign(new Error('occupied'), { code: 'EEXIST' });
    move(from, to);
  }
}

function lacking(why: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `nothing can be published on the file system of the destination: ${why}`,
    remedy: 'publish on an emptyDir or a volume on a disk or NFS, and mount this one to be verified where it lies',
  });
}
