import type { BigIntStats } from 'node:fs';
import { isSystemError, type WeighlockError } from '../error/index.ts';
import { areTimes, differencesFrom, isListed } from './attributes.ts';
import type { PathBytes } from './entry-path.ts';
import { DirectSource, type EntrySource, type OpenEntry } from './entry-source.ts';
import { AGAIN, deviceAt, type FileTable, nameAt, openPathAt, SEEN, takeDown } from './file-table.ts';
import { close, isPossibleSize, openFileBeneath, statOpen } from './open.ts';
import { changedFrom, openFault, readFault, requireListed } from './read-faults.ts';
import { sourceChanged } from './source-changed.ts';

/** A part of a file, in bytes. */
interface Range {
  readonly start: number;
  readonly length: number;
}

/** A file in a table, or a part of it, and the open folder that it lies in. */
export interface Listed {
  readonly root: number;
  readonly table: FileTable;
  readonly index: number;
  readonly range?: Range | undefined;
}

/** Where the end of a file is looked for. */
const PROBE = Buffer.allocUnsafeSlow(1);

declare const readWhole: unique symbol;

/**
 * Proof that a file, or a part of it, was read to its end and did not change meanwhile. Only
 * `EntryReader.finish` makes one.
 */
export interface ReadWhole {
  readonly [readWhole]: true;
}

/**
 * Reads one listed file from its first byte to its last, or a part of it, through one descriptor
 * that is never re-opened by path. It must be the file that was listed (device, inode, size, mtime,
 * ctime) both before the first and after the last read, and end where its size says: the workload
 * reads what there is to read, whatever `fstat` said. Where the bytes come from makes no
 * difference.
 */
export class EntryReader {
  readonly #root: number;
  readonly #table: FileTable;
  readonly #index: number;
  readonly #descriptor: number;
  readonly #end: number;
  #source: EntrySource;
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
    this.#source = new DirectSource(descriptor, deviceAt(table, index));
  }

  /**
   * @throws WeighlockError `SOURCE_CHANGED` (`TimesChanged` if only times did), or what `ioError`
   * makes of a system call's error
   */
  static open(listed: Listed): EntryReader {
    const { root, table, index } = listed;
    let descriptor: number;
    try {
      descriptor = openFileBeneath(root, openPathAt(table, index));
    } catch (error) {
      throw openFault(table, index, error);
    }
    return EntryReader.opened(descriptor, () => statOpen(descriptor), listed);
  }

  /**
   * The same of a file that was opened as `openFileBeneath` does; its descriptor is closed if it is
   * not the one that was listed.
   *
   * @param stat - `fstat` of it; may throw a system call's error
   * @param discard - closes it
   */
  static opened(
    descriptor: number,
    stat: () => BigIntStats,
    { root, table, index, range }: Listed,
    discard = close,
  ): EntryReader {
    try {
      requireListed(root, table, index, stat());
    } catch (error) {
      discard(descriptor);
      if (isSystemError(error)) throw readFault(root, table, index, 'read attributes', error);
      throw error;
    }
    return new EntryReader(descriptor, root, table, index, range);
  }

  /**
   * Opens a file that nobody had looked at, and takes down what it is.
   *
   * @param path - what `openPathAt` says of it
   * @param mostBytes - a larger one is not to be read now
   * @returns undefined for a larger one, and for what is not a regular file that can be opened:
   * `hashed` tells which
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
    return EntryReader.openedUnseen(descriptor, () => statOpen(descriptor), { root, table, index }, mostBytes);
  }

  /** The same of one that was opened, as `opened`. */
  static openedUnseen(
    descriptor: number,
    look: () => BigIntStats,
    { root, table, index }: Listed,
    mostBytes: number,
    discard = close,
  ): EntryReader | undefined {
    table.hashed[index] = AGAIN;
    let isWanted = false;
    try {
      const stat = look();
      takeDown(table, index, stat);
      if (stat.isFile() && isPossibleSize(stat)) table.hashed[index] = SEEN;
      isWanted = table.hashed[index] === SEEN && stat.size <= mostBytes;
    } catch (error) {
      if (!isSystemError(error)) throw error;
    } finally {
      if (!isWanted) discard(descriptor);
    }
    return isWanted ? new EntryReader(descriptor, root, table, index) : undefined;
  }

  /** True when all of it was read. */
  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Bytes that are still to be read. */
  get left(): number {
    return this.#end - this.#position;
  }

  /** From now on the bytes come from elsewhere; whoever made that has the descriptor, too. */
  readFrom<T extends EntrySource>(make: (open: OpenEntry) => T): T {
    const reachesEnd = this.#end === this.#table.size[this.#index];
    const source = make({ descriptor: this.#descriptor, start: this.#position, end: this.#end, reachesEnd });
    this.#source = source;
    return source;
  }

  /**
   * Some of what is left.
   *
   * @param room - where to put it; it may be elsewhere, and is good until the next call
   * @returns undefined while it has not come
   * @throws WeighlockError `SOURCE_CHANGED`, or what `ioError` makes of a system call's error
   */
  read(room: Buffer): Buffer | undefined {
    const left = this.#end - this.#position;
    const size = this.#table.size[this.#index];
    // Where there is room, the read that brings the last byte looks for the end, too: small files
    // take a tenth less time so.
    const most = Math.min(room.length, this.#end === size ? left + 1 : left);
    const found = this.#read(room, most);
    if (found === undefined) return undefined;
    const length = Math.min(found.length, left);
    if (found.length > left) this.#behind = 'more';
    else if (found.length === left && most > left && this.#source.endsShortReads) this.#behind = 'end';
    if (length === 0) throw this.#changed(`ended after ${this.#position} of ${size} bytes`);
    this.#position += length;
    return length === found.length ? found : found.subarray(0, length);
  }

  /**
   * After the last byte: one more read must find the end, where the end of the file is what was
   * asked for, and the file must be as it was.
   *
   * @returns undefined while that is not known
   * @throws WeighlockError as `read` does
   */
  finish(): ReadWhole | undefined {
    if (!this.isAtEnd) throw new Error('a file was not read to its end');
    if (this.#end === this.#table.size[this.#index] && this.#behind === undefined) {
      const found = this.#read(PROBE, 1);
      if (found === undefined) return undefined;
      this.#behind = found.length > 0 ? 'more' : 'end';
    }
    const stat = this.#stat();
    if (stat === undefined) return undefined;
    if (!isListed(this.#table, this.#index, stat)) {
      throw changedFrom(this.#root, this.#table, this.#index, stat, 'was written to while it was read');
    }
    if (this.#behind === 'more') throw this.#changed(`has more bytes to read than the ${this.#end} that its size says`);
    return {} as ReadWhole;
  }

  close(): void {
    this.#source.close();
  }

  #read(room: Buffer, most: number): Buffer | undefined {
    // No closure here, nor in what calls this: of a small file that is a tenth of the time.
    try {
      return this.#source.read(room, most, this.#position);
    } catch (error) {
      throw readFault(this.#root, this.#table, this.#index, 'read', error);
    }
  }

  #stat(): BigIntStats | undefined {
    try {
      return this.#source.stat();
    } catch (error) {
      throw readFault(this.#root, this.#table, this.#index, 'read attributes', error);
    }
  }

  #changed(how: string): WeighlockError {
    return sourceChanged(nameAt(this.#table, this.#index), how);
  }
}

/**
 * Opens once more what had other times when it was read than when it was listed, and takes down the
 * times that it has now. What is not the same file any more, or has another size, is left as it was
 * listed: opening it says so.
 */
export function refreshEntry(root: number, table: FileTable, index: number): void {
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
