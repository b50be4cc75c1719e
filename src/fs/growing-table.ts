import type { PathBytes } from './entry-path.ts';
import {
  type Column,
  type FileTable,
  MAX_NAME_BYTES,
  requireNameBytes,
  tableIn,
  WIDTHS,
  writeNames,
} from './file-table.ts';
import { MAX_PATH_BYTES } from './limits.ts';

/** Room is made for so many files, and bytes of names, at a time: it costs a system call each. */
const STEP_FILES = 1 << 16;
const STEP_NAME_BYTES = 1 << 20;

/**
 * Files that were named and not looked at yet are followed by such as had to be listed again, or
 * were listed elsewhere.
 */
const MOST_TIMES = 3;

type Buffers = Readonly<Record<Column, SharedArrayBuffer>>;

/**
 * A table in shared memory that grows where it is: addresses are reserved for as many files as there
 * may be, and memory is taken as it is written. One thread names files, others fill in what they
 * are, and nothing is ever copied to make room.
 */
export class GrowingTable {
  readonly #columns: Buffers;
  readonly #names: SharedArrayBuffer;
  #count: number;
  #nameBytes: number;

  /** @param table - one of another thread, to go on with */
  private constructor(names: SharedArrayBuffer, columns: Buffers, table?: FileTable) {
    this.#names = names;
    this.#columns = columns;
    this.#count = table?.count ?? 0;
    this.#nameBytes = table?.names.length ?? 0;
  }

  /** @param mostFiles - that are listed */
  static create(mostFiles: number): GrowingTable {
    const most = MOST_TIMES * mostFiles;
    const reserved = (bytes: number) => new SharedArrayBuffer(0, { maxByteLength: bytes });
    const columns = Object.entries(WIDTHS).map(([column, width]) => [column, reserved(most * width)]);
    return new GrowingTable(
      reserved(Math.min(MAX_NAME_BYTES, most * MAX_PATH_BYTES)),
      Object.fromEntries(columns) as Buffers,
    );
  }

  /** Goes on with a table that another thread let grow, behind its last file. */
  static from(table: FileTable): GrowingTable {
    const columns = Object.keys(WIDTHS).map((column) => [column, table[column as Column].buffer]);
    const names = table.names.buffer as SharedArrayBuffer;
    return new GrowingTable(names, Object.fromEntries(columns) as Buffers, table);
  }

  /**
   * Adds files of which only the names are known.
   *
   * @returns all of the files so far
   * @throws WeighlockError `LIMIT_EXCEEDED`
   */
  append(names: readonly PathBytes[]): FileTable {
    const first = this.#count;
    const nameBytes = this.#nameBytes + names.reduce((sum, { length }) => sum + length, 0);
    requireNameBytes(nameBytes);
    this.#makeRoom(first + names.length, nameBytes);
    const table = this.#table(first + names.length, nameBytes);
    writeNames(table, names, first);
    return table;
  }

  #makeRoom(count: number, nameBytes: number): void {
    const files = Math.ceil(count / STEP_FILES) * STEP_FILES;
    for (const [column, width] of Object.entries(WIDTHS)) grow(this.#columns[column as Column], files * width);
    grow(this.#names, Math.ceil(nameBytes / STEP_NAME_BYTES) * STEP_NAME_BYTES);
  }

  #table(count: number, nameBytes: number): FileTable {
    [this.#count, this.#nameBytes] = [count, nameBytes];
    return tableIn((column) => this.#columns[column], this.#names, { count, nameBytes, totalBytes: 0 });
  }
}

function grow(buffer: SharedArrayBuffer, bytes: number): void {
  if (bytes > buffer.byteLength) buffer.grow(Math.min(bytes, buffer.maxByteLength));
}
