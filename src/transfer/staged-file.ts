import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync, write, writeSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { bytesTaken, ioError, tookNothing } from '../fs/index.ts';

/**
 * What opening a path in the staging folder fails with when two members of an artifact want the
 * same place.
 */
const OCCUPIED = new Set(['EEXIST', 'EISDIR', 'ENOTDIR', 'ELOOP']);

/**
 * Opens a file in the staging folder, and makes the folders above it.
 *
 * @param mode - `create` refuses what is there, `continue` keeps it
 * @throws WeighlockError `UNSAFE_ENTRY` for a place that is taken; I/O codes
 */
export function openStaged(path: Buffer, mode: 'create' | 'continue'): number {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
  const flags = O_RDWR | O_CREAT | O_NOFOLLOW | (mode === 'create' ? O_EXCL : 0);
  try {
    mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true, mode: 0o755 });
    const descriptor = openSync(path, flags, 0o644);
    if (mode === 'create' || isAlone(descriptor)) return descriptor;
    // Somebody else may have it open by its other name, or write to it later: a new file takes its
    // place.
    closeSync(descriptor);
    rmSync(path, { force: true });
    return openSync(path, flags | O_EXCL, 0o644);
  } catch (error) {
    if (!OCCUPIED.has(errno(error) ?? '')) throw ioError(error, 'write to the staging folder');
    throw new WeighlockError(
      {
        code: 'UNSAFE_ENTRY',
        message: 'two members of the artifact want the same place',
        file: path.subarray(path.lastIndexOf(0x2f) + 1).toString('utf8'),
        remedy: 'whoever made the artifact must give its files different names',
      },
      { cause: error },
    );
  }
}

/** Bytes that an earlier attempt left and that may be gone on with; undefined when they may not. */
export function leftoverIn(descriptor: number, limit: number): number | undefined {
  const { size } = fstatSync(descriptor);
  return size <= limit && isAlone(descriptor) ? size : undefined;
}

/** A regular file with no other name. */
function isAlone(descriptor: number): boolean {
  const stat = fstatSync(descriptor);
  return stat.isFile() && stat.nlink === 1;
}

/** Writes all bytes at a position. @throws WeighlockError I/O codes */
export function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  try {
    for (let done = 0; done < bytes.length; )
      done += bytesTaken(writeSync(descriptor, bytes, done, bytes.length - done, position + done));
  } catch (error) {
    throw ioError(error, 'write to the staging folder');
  }
}

/** The same in another thread. */
export async function writeBehind(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += await writeSome(descriptor, bytes, done, position + done);
}

function writeSome(descriptor: number, bytes: Uint8Array, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, from, bytes.length - from, position, (error, written) => {
      if (error === null && written > 0) resolve(written);
      else reject(ioError(error ?? tookNothing(), 'write to the staging folder'));
    });
  });
}
