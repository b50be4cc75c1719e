import { WeighlockError } from '../error/index.ts';
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

/** Addresses are reserved for no more than so many, whatever the limit of files. */
const MOST_FILES = 100_000_000;

/** What a table lies in: other threads look at the same. */
export interface TableBuffers {
  readonly names: SharedArrayBuffer;
  readonly columns: Readonly<Record<Column, SharedArrayBuffer>>;
  readonly deviceBase: bigint;
}

/**
 * A table in shared memory that grows where it is: addresses are reserved for as many files as
 * there may be, and memory is taken as it is written. One thread names files, others fill in what
 * they are, and nothing is ever copied to make room.
 */
export class GrowingTable {
  readonly buffers: TableBuffers;

  /** @param buffers - of another thread's table */
  constructor(buffers: TableBuffers) {
    this.buffers = buffers;
  }

  /**
   * @param mostFiles - that are listed
   * @param device - st_dev of most of them
   * @param reserve - where addresses are scarce (`ulimit -v`), fewer are reserved
   */
  static create(mostFiles: number, device: bigint, reserve = GrowingTable.#reserve): GrowingTable {
    for (let most = MOST_TIMES * Math.min(mostFiles, MOST_FILES); ; most = Math.ceil(most / 4)) {
      try {
        return reserve(most, device);
      } catch (error) {
        if (!(error instanceof RangeError) || most <= STEP_FILES) throw error;
      }
    }
  }

  static #reserve(this: void, most: number, device: bigint): GrowingTable {
    const reserved = (bytes: number) => new SharedArrayBuffer(0, { maxByteLength: bytes });
    const columns = Object.entries(WIDTHS).map(([column, width]) => [column, reserved(most * width)]);
    return new GrowingTable({
      names: reserved(Math.min(MAX_NAME_BYTES, most * MAX_PATH_BYTES)),
      columns: Object.fromEntries(columns) as TableBuffers['columns'],
      deviceBase: BigInt.asUintN(64, device),
    });
  }

  /** The first files, so many. */
  upTo(count: number): FileTable {
    return this.#table(count, this.#nameBytes(count));
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
    const nameBytes = this.#nameBytes(first) + added.reduce((sum, { length }) => sum + length, 0);
    requireNameBytes(nameBytes);
    this.#requirePlace(count);
    const files = Math.ceil(count / STEP_FILES) * STEP_FILES;
    for (const [column, width] of Object.entries(WIDTHS)) grow(columns[column as Column], files * width);
    grow(names, Math.ceil(nameBytes / STEP_NAME_BYTES) * STEP_NAME_BYTES);
    const table = this.#table(count, nameBytes);
    writeNames(table, added, first);
    return table;
  }

  #requirePlace(count: number): void {
    const most = Math.floor(this.buffers.columns.digests.maxByteLength / WIDTHS.digests);
    if (count <= most) return;
    throw new WeighlockError({
      code: 'LIMIT_EXCEEDED',
      message: `${count} files, and there are addresses for ${most}`,
      remedy: 'verify a smaller folder, or raise the limit of addresses (ulimit -v)',
    });
  }

  /** Bytes of the first names, so many. */
  #nameBytes(count: number): number {
    return new Uint32Array(this.buffers.columns.nameEnd, 0, count)[count - 1] ?? 0;
  }

  #table(count: number, nameBytes: number): FileTable {
    const { names, columns, deviceBase } = this.buffers;
    return tableIn((column) => columns[column], names, { count, nameBytes, deviceBase });
  }
}

function grow(buffer: SharedArrayBuffer, bytes: number): void {
  if (bytes > buffer.byteLength) buffer.grow(Math.min(bytes, buffer.maxByteLength));
}
