import { type BigIntStats, readSync } from 'node:fs';
import { errno, isSystemError, type WeighlockError } from '../error/index.ts';
import { areTimes, differencesFrom, differencesText, isListed, isSameFile } from './attributes.ts';
import { entryText, type PathBytes } from './entry-path.ts';
import { AGAIN, type FileTable, nameAt, openPathAt, SEEN, takeDown } from './file-table.ts';
import { ioError } from './io-failure.ts';
import { close, isPossibleSize, kindOf, openFileBeneath, statBeneath, statOpen } from './open.ts';
import { sourceChanged, TimesChanged, unsteadyInode } from './source-changed.ts';
import { endsShortReads } from './working-folder.ts';

/** A part of a file, in bytes. */
interface Range {
  readonly start: number;
  readonly length: number;
}

/** Where the end of a file is looked for. */
const PROBE = Buffer.allocUnsafeSlow(1);

declare const readWhole: unique symbol;

/** Proof that a file, or a part of it, was read to its end and did not change meanwhile. Only `EntryReader.finish` makes one. */
export interface ReadWhole {
  readonly [readWhole]: true;
}

/**
 * Reads one listed file from its first byte to its last, or a part of it, through one descriptor that is never re-opened by path. It must
 * be the file that was listed (device, inode, size, mtime, ctime) both before the first and after the last read, and end where its size
 * says: the workload reads what there is to read, whatever `fstat` said.
 */
export class EntryReader {
  readonly #root: number;
  readonly #table: FileTable;
  readonly #index: number;
  readonly #descriptor: number;
  readonly #end: number;
  #position: number;
  /** What lies behind the last byte, once that is known: nothing, or more of the file. */
  #behind: 'end' | 'more' | undefined;

  private constructor(descriptor: number, root: number, table: FileTable, index: number, range?: Range) {
    this.#root = root;
    this.#table = table;
    this.#index = index;
    this.#position = range?.start ?? 0;
    this.#end = range === undefined ? (table.size[index] ?? 0) : range.start + range.length;
    this.#descriptor = descriptor;
  }

  /**
   * @param range - a part of it
   * @throws WeighlockError `SOURCE_CHANGED` (`TimesChanged` if only times did), or what `ioError` makes of a system call's error
   */
  static open(root: number, table: FileTable, index: number, range?: Range): EntryReader {
    return new EntryReader(openListed(root, table, index), root, table, index, range);
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
    table.hashed[index] = AGAIN;
    let descriptor: number;
    try {
      descriptor = openFileBeneath(root, path);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return undefined;
    }
    let isWanted = false;
    try {
      const stat = statOpen(descriptor);
      takeDown(table, index, stat);
      if (stat.isFile() && isPossibleSize(stat)) table.hashed[index] = SEEN;
      isWanted = table.hashed[index] === SEEN && stat.size <= mostBytes;
    } catch (error) {
      if (!isSystemError(error)) throw error;
    } finally {
      if (!isWanted) close(descriptor);
    }
    return isWanted ? new EntryReader(descriptor, root, table, index) : undefined;
  }

  /** True when all of it was read. */
  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Reads some of what is left. @throws WeighlockError `SOURCE_CHANGED`, or what `ioError` makes of a system call's error */
  read(buffer: Buffer): number {
    const left = this.#end - this.#position;
    const size = this.#table.size[this.#index];
    // Where there is room, the read that brings the last byte looks for the end, too: small files take a tenth less time so.
    const most = Math.min(buffer.length, this.#end === size ? left + 1 : left);
    const found = this.#read(buffer, most);
    const length = Math.min(found, left);
    if (found > left) this.#behind = 'more';
    else if (found === left && most > left && this.#endsShortReads) this.#behind = 'end';
    if (length === 0) throw this.#changed(`ended after ${this.#position} of ${size} bytes`);
    this.#position += length;
    return length;
  }

  /**
   * After the last byte: one more read must find the end, where the end of the file is what was asked for, and the file must be as it
   * was.
   *
   * @throws WeighlockError as `read` does
   */
  finish(): ReadWhole {
    if (!this.isAtEnd) throw new Error('a file was not read to its end');
    if (this.#end === this.#table.size[this.#index]) this.#behind ??= this.#read(PROBE, 1) > 0 ? 'more' : 'end';
    const stat = this.#attempt('read attributes', () => statOpen(this.#descriptor));
    if (!isListed(this.#table, this.#index, stat)) {
      throw changedFrom(this.#root, this.#table, this.#index, stat, 'was written to while it was read');
    }
    if (this.#behind === 'more') throw this.#changed(`has more bytes to read than the ${this.#end} that its size says`);
    return {} as ReadWhole;
  }

  close(): void {
    close(this.#descriptor);
  }

  #read(buffer: Buffer, length: number): number {
    return this.#attempt('read', () => readSync(this.#descriptor, buffer, 0, length, this.#position));
  }

  get #endsShortReads(): boolean {
    return endsShortReads(this.#descriptor, this.#table.device[this.#index] ?? 0n);
  }

  #attempt<T>(doing: string, call: () => T): T {
    return attempt(this.#root, this.#table, this.#index, doing, call);
  }

  #changed(how: string): WeighlockError {
    return sourceChanged(nameAt(this.#table, this.#index), how);
  }
}

/**
 * Opens once more what had other times when it was read than when it was listed, and takes down the times that it has now. What is
 * not the same file any more, or has another size, is left as it was listed: opening it says so.
 */
export function lookAgain(root: number, table: FileTable, index: number): void {
  let descriptor: number | undefined;
  try {
    descriptor = openFileBeneath(root, openPathAt(table, index));
    const stat = statOpen(descriptor);
    if (areTimes(differencesFrom(table, index, stat))) takeDown(table, index, stat);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  } finally {
    if (descriptor !== undefined) close(descriptor);
  }
}

function openListed(root: number, table: FileTable, index: number): number {
  const name = nameAt(table, index);
  let descriptor: number;
  try {
    descriptor = openFileBeneath(root, openPathAt(table, index));
  } catch (error) {
    const code = errno(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw sourceChanged(name, 'disappeared after it was listed');
    if (code === 'ELOOP') throw sourceChanged(name, 'was replaced by a symbolic link after it was listed');
    // Sockets and devices: opening them as files is refused by the kernel.
    if (code === 'ENXIO' || code === 'ENODEV')
      throw sourceChanged(name, 'was replaced by a socket or a device after it was listed');
    throw ioError(error, 'open', entryText(name));
  }
  try {
    const stat = attempt(root, table, index, 'read attributes', () => statOpen(descriptor));
    if (!stat.isFile()) throw sourceChanged(name, `was replaced by a ${kindOf(stat)} after it was listed`);
    if (!isListed(table, index, stat))
      throw changedFrom(root, table, index, stat, 'was changed or replaced after it was listed');
    return descriptor;
  } catch (error) {
    close(descriptor);
    throw error;
  }
}

/** A system call on an open file; its errors say which file. */
function attempt<T>(root: number, table: FileTable, index: number, doing: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    // The server has forgotten the file: because it was removed, which a writer can do, or for reasons of its own.
    if (errno(error) === 'ESTALE' && isGone(root, table, index))
      throw sourceChanged(nameAt(table, index), 'disappeared while it was read');
    throw ioError(error, doing, entryText(nameAt(table, index)));
  }
}

function isGone(root: number, table: FileTable, index: number): boolean {
  try {
    return !isSameFile(table, index, statBeneath(root, openPathAt(table, index)));
  } catch (error) {
    return errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR';
  }
}

/** What to say of a file that is not as it was listed. Another inode gets a second look: is it another file, or does it change each time? */
function changedFrom(root: number, table: FileTable, index: number, stat: BigIntStats, how: string): WeighlockError {
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
