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

/** What a table lies in: other threads look at the same. */
export interface TableBuffers {
  readonly names: SharedArrayBuffer;
  readonly columns: Readonly<Record<Column, SharedArrayBuffer>>;
}

/**
 * A table in shared memory that grows where it is: addresses are reserved for as many files as there
 * may be, and memory is taken as it is written. One thread names files, others fill in what they
 * are, and nothing is ever copied to make room.
 */
export class GrowingTable {
  readonly buffers: TableBuffers;

  /** @param buffers - of another thread's table */
  constructor(buffers: TableBuffers) {
    this.buffers = buffers;
  }

  /** @param mostFiles - that are listed */
  static create(mostFiles: number): GrowingTable {
    const most = MOST_TIMES * mostFiles;
    const reserved = (bytes: number) => new SharedArrayBuffer(0, { maxByteLength: bytes });
    const columns = Object.entries(WIDTHS).map(([column, width]) => [column, reserved(most * width)]);
    return new GrowingTable({
      names: reserved(Math.min(MAX_NAME_BYTES, most * MAX_PATH_BYTES)),
      columns: Object.fromEntries(columns) as TableBuffers['columns'],
    });
  }

  /** The first files, so many. */
  upTo(count: number): FileTable {
    const { names, columns } = this.buffers;
    const ends = new Uint32Array(columns.nameEnd, 0, count);
    return tableIn((column) => columns[column], names, { count, nameBytes: ends[count - 1] ?? 0, totalBytes: 0 });
  }

  /**
   * Adds files of which only the names are known.
   *
   * @param first - so many are there
   * @returns all of the files
   * @throws WeighlockError `LIMIT_EXCEEDED`
   */
  append(first: number, added: readonly PathBytes[]): FileTable {
    const { names, columns } = this.buffers;
    const count = first + added.length;
    const before = first === 0 ? 0 : (new Uint32Array(columns.nameEnd, 0, first)[first - 1] ?? 0);
    const nameBytes = before + added.reduce((sum, { length }) => sum + length, 0);
    requireNameBytes(nameBytes);
    const files = Math.ceil(count / STEP_FILES) * STEP_FILES;
    for (const [column, width] of Object.entries(WIDTHS)) grow(columns[column as Column], files * width);
    grow(names, Math.ceil(nameBytes / STEP_NAME_BYTES) * STEP_NAME_BYTES);
    const table = tableIn((column) => columns[column], names, { count, nameBytes, totalBytes: 0 });
    writeNames(table, added, first);
    return table;
  }
}

function grow(buffer: SharedArrayBuffer, bytes: number): void {
  if (bytes > buffer.byteLength) buffer.grow(Math.min(bytes, buffer.maxByteLength));
}
