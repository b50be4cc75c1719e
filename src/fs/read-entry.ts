import { closeSync, readSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { entryText, type PathBytes } from './entry-path.ts';
import { AGAIN, type FileTable, isListed, nameAt, openPathAt, SEEN, takeDown } from './file-table.ts';
import { ioError } from './io-failure.ts';
import { kindOf, openFileBeneath, openFolderBeneath, statOpen } from './open.ts';

/** A part of a file, in bytes. */
interface Range {
  readonly start: number;
  readonly length: number;
}

/**
 * Reads one listed file from its first byte to its last, or a part of it, through one descriptor that is never re-opened by path. It must
 * be the file that was listed (device, inode, size, mtime, ctime) both before the first and after the last read.
 */
export class EntryReader {
  readonly #table: FileTable;
  readonly #index: number;
  readonly #descriptor: number;
  readonly #end: number;
  #position: number;

  private constructor(descriptor: number, table: FileTable, index: number, range?: Range) {
    this.#table = table;
    this.#index = index;
    this.#position = range?.start ?? 0;
    this.#end = range === undefined ? (table.size[index] ?? 0) : range.start + range.length;
    this.#descriptor = descriptor;
  }

  /**
   * @param range - a part of it
   * @throws WeighlockError `SOURCE_CHANGED` or `SOURCE_UNAVAILABLE`
   */
  static open(root: number, table: FileTable, index: number, range?: Range): EntryReader {
    return new EntryReader(openListed(root, table, index), table, index, range);
  }

  /**
   * Opens a file that nobody had looked at, and takes down what it is.
   *
   * @param path - what `openPathAt` says of it
   * @param mostBytes - a larger one is not to be read now
   * @returns undefined for a larger one, and for what is not a regular file that can be opened: `hashed` tells which
   */
  static openUnseen(
    root: number,
    path: PathBytes,
    table: FileTable,
    index: number,
    mostBytes: number,
  ): EntryReader | undefined {
    let descriptor: number;
    try {
      descriptor = openFileBeneath(root, path);
    } catch (error) {
      if (errno(error) === undefined) throw error;
      table.hashed[index] = AGAIN;
      return undefined;
    }
    let isWanted = false;
    try {
      const stat = statOpen(descriptor);
      takeDown(table, index, stat);
      table.hashed[index] = stat.isFile() ? SEEN : AGAIN;
      isWanted = stat.isFile() && stat.size <= mostBytes;
    } finally {
      if (!isWanted) closeSync(descriptor);
    }
    return isWanted ? new EntryReader(descriptor, table, index) : undefined;
  }

  /** True when all of it was read. */
  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Reads some of what is left. @throws WeighlockError `SOURCE_CHANGED` or `SOURCE_UNAVAILABLE` */
  read(buffer: Buffer): number {
    const most = Math.min(buffer.length, this.#end - this.#position);
    const length = readSome(this.#descriptor, buffer, most, this.#position, this.#table, this.#index);
    const size = this.#table.size[this.#index];
    if (length === 0) throw changed(this.#table, this.#index, `ended after ${this.#position} of ${size} bytes`);
    this.#position += length;
    return length;
  }

  /** Looks at it once more, after the last byte. @throws WeighlockError `SOURCE_CHANGED` */
  check(): void {
    if (!isListed(this.#table, this.#index, statOpen(this.#descriptor)))
      throw changed(this.#table, this.#index, 'was written to while it was read');
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function openListed(root: number, table: FileTable, index: number): number {
  let descriptor: number;
  try {
    descriptor = openFileBeneath(root, openPathAt(table, index));
  } catch (error) {
    const code = errno(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw changed(table, index, 'disappeared after it was listed');
    if (code === 'ELOOP') throw changed(table, index, 'was replaced by a symbolic link after it was listed');
    // ENXIO: a socket; opening it as a file is refused by the kernel.
    if (code === 'ENXIO') throw changed(table, index, 'was replaced by a socket after it was listed');
    throw ioError(error, 'open', entryText(nameAt(table, index)));
  }
  try {
    const stat = statOpen(descriptor);
    if (!stat.isFile()) throw changed(table, index, `was replaced by a ${kindOf(stat)} after it was listed`);
    if (!isListed(table, index, stat)) throw changed(table, index, 'was changed or replaced after it was listed');
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function readSome(
  descriptor: number,
  buffer: Buffer,
  length: number,
  position: number,
  table: FileTable,
  index: number,
): number {
  try {
    return readSync(descriptor, buffer, 0, length, position);
  } catch (error) {
    throw ioError(error, 'read', entryText(nameAt(table, index)));
  }
}

function changed(table: FileTable, index: number, how: string): WeighlockError {
  return sourceChanged(nameAt(table, index), how);
}

function sourceChanged(name: PathBytes, how: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_CHANGED',
    message: `the artifact changed during verification: it ${how}`,
    file: entryText(name) || '.',
    remedy: 'let whatever writes to this volume finish (or mount it read-only everywhere), then restart the pod',
  });
}

/**
 * Looks at every listed folder again after the files were read. A file that was added, removed or renamed meanwhile has
 * changed its folder's mtime and ctime.
 *
 * @returns one `SOURCE_CHANGED` per folder that is not as it was
 */
export function changedFolders(root: number, folders: FileTable): WeighlockError[] {
  const errors: WeighlockError[] = [];
  for (let i = 0; i < folders.count; i++) {
    if (!sameFolder(root, folders, i)) errors.push(sourceChanged(nameAt(folders, i), 'got or lost an entry'));
  }
  return errors;
}

function sameFolder(root: number, folders: FileTable, index: number): boolean {
  const path = openPathAt(folders, index);
  if (path === '') return isListed(folders, index, statOpen(root));
  try {
    const descriptor = openFolderBeneath(root, path);
    try {
      return isListed(folders, index, statOpen(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return false;
  }
}
