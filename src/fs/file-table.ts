import type { BigIntStats } from 'node:fs';
import { WeighlockError } from '../error/index.ts';
import { comparePaths, fromBuffer, type PathBytes } from './entry-path.ts';

/** Raw SHA-256 length in bytes. */
export const DIGEST_BYTES = 32;

/**
 * The regular files of one artifact, in columns of shared memory: the threads that hash read and
 * fill the same table, so a hundred thousand files cost neither a hundred thousand objects nor as
 * many messages.
 *
 * Entries are sorted by the bytes of their names.
 */
export interface FileTable {
  readonly count: number;
  /** Sum of `size`, in bytes. */
  readonly totalBytes: number;
  /** All names, one after another; `nameEnd[i]` is where the i-th ends. */
  readonly names: Uint8Array;
  readonly nameEnd: Uint32Array;
  /**
   * Where an entry is opened when that is not its name (a link that was allowed): index -> path
   * below the root.
   */
  readonly targets: ReadonlyMap<number, PathBytes>;
  /** Bytes, as listed. */
  readonly size: Float64Array;
  /**
   * What was listed, to be met again when the file is opened: st_dev, st_ino, and st_mtim, st_ctim
   * in nanoseconds (`highOf`). Memory that nothing but zeros is in takes no place, so zeros are not
   * written where one is.
   */
  readonly device: BigUint64Array;
  /** What numbers in the column of devices are combined with (exclusive or): `deviceAt`. */
  readonly deviceBase: bigint;
  readonly inode: BigUint64Array;
  readonly mtime: BigInt64Array;
  readonly ctime: BigInt64Array;
  readonly mtimeHigh: Int32Array;
  readonly ctimeHigh: Int32Array;
  /** SHA-256 of each file, raw, `DIGEST_BYTES` each; valid where `hashed` is 1. */
  readonly digests: Uint8Array;
  /**
   * 0 where a file is not hashed, 1 where it is, 2 where it is but only in parts; more in a table
   * of unseen files.
   */
  readonly hashed: Uint8Array;
}

/**
 * In a table of unseen files, `hashed` of one that was seen and is to be hashed later, and of one
 * that has to be listed again.
 */
export const SEEN = 3;
export const AGAIN = 4;

/** Name of entry `index`, relative to the artifact's root. */
export function nameAt(table: FileTable, index: number): PathBytes {
  const start = index === 0 ? 0 : (table.nameEnd[index - 1] ?? 0);
  return fromBuffer(table.names.subarray(start, table.nameEnd[index]));
}

/**
 * Names that are decoded or encoded at once: much faster than one after the other, and all of them
 * may be too long for a string.
 */
const TOGETHER = 1024;

/** All names from that of file `first` on, in their order. */
export function namesOf({ names, nameEnd, count }: FileTable, first = 0): PathBytes[] {
  const list: PathBytes[] = [];
  for (let start = nameEnd[first - 1] ?? 0; first + list.length < count; ) {
    const next = Math.min(first + list.length + TOGETHER, count);
    const begin = start;
    const text = fromBuffer(names.subarray(begin, nameEnd[next - 1]));
    for (let i = first + list.length; i < next; i++) {
      const end = nameEnd[i] ?? 0;
      list.push(text.slice(start - begin, end - begin) as PathBytes);
      start = end;
    }
  }
  return list;
}

/** Where entry `index` is opened: its name, or what an allowed link leads to. */
export function openPathAt(table: FileTable, index: number): PathBytes {
  return table.targets.get(index) ?? nameAt(table, index);
}

/** st_dev of entry `index`. */
export function deviceAt({ device, deviceBase }: Pick<FileTable, 'device' | 'deviceBase'>, index: number): bigint {
  return (device[index] ?? 0n) ^ deviceBase;
}

/** SHA-256 of entry `index`: a view of 32 raw bytes. */
export function digestAt(table: FileTable, index: number): Uint8Array {
  return table.digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
}

/**
 * SHA-256 of entry `index` as 64 lower-case hex digits, or undefined when it could not be hashed.
 */
export function hexAt(table: FileTable, index: number): string | undefined {
  return table.hashed[index] === 1 ? Buffer.from(digestAt(table, index)).toString('hex') : undefined;
}

/** Takes down what a file is that nobody had looked at. */
export function takeDown(table: FileTable, index: number, stat: BigIntStats): void {
  table.size[index] = Number(stat.size);
  const device = BigInt.asUintN(64, stat.dev) ^ table.deviceBase;
  if (table.device[index] !== device) table.device[index] = device;
  table.inode[index] = stat.ino;
  table.mtime[index] = stat.mtimeNs;
  table.ctime[index] = stat.ctimeNs;
  const [mtimeHigh, ctimeHigh] = [highOf(stat.mtimeNs), highOf(stat.ctimeNs)];
  if (table.mtimeHigh[index] !== mtimeHigh) table.mtimeHigh[index] = mtimeHigh;
  if (table.ctimeHigh[index] !== ctimeHigh) table.ctimeHigh[index] = ctimeHigh;
}

/**
 * What is above the 64 bits that the column of a time holds: nothing for the years from 1678 to
 * 2262. File systems say others, and two times are the same only when all of their bits are.
 */
export function highOf(nanoseconds: bigint): number {
  const low = BigInt.asIntN(64, nanoseconds);
  return low === nanoseconds ? 0 : Number((nanoseconds - low) >> 64n);
}

/**
 * A table of files of which only the names are known, in the order given; `targets` by index, where
 * they are others.
 */
export function unseenFiles(names: readonly PathBytes[], targets: ReadonlyMap<number, PathBytes>): FileTable {
  return { ...namedTable(names, 0), targets };
}

/** A table of files with these names, in this order, to be filled. */
export function namedTable(names: readonly PathBytes[], totalBytes: number): FileTable {
  const nameBytes = names.reduce((sum, path) => sum + path.length, 0);
  const table = emptyTable(names.length, nameBytes, totalBytes);
  writeNames(table, names, 0);
  return table;
}

/** Writes the names of the files from `first` on behind those of the others. */
export function writeNames(table: FileTable, names: readonly PathBytes[], first: number): void {
  const bytes = Buffer.from(table.names.buffer);
  let end = table.nameEnd[first - 1] ?? 0;
  for (let done = 0; done < names.length; done += TOGETHER) {
    const some = names.slice(done, done + TOGETHER);
    bytes.write(some.join(''), end, 'latin1');
    for (const [i, path] of some.entries()) {
      end += path.length;
      table.nameEnd[first + done + i] = end;
    }
  }
}

/** Collects entries in any order and freezes them into a sorted, shared `FileTable`. */
export class FileTableBuilder {
  #names: PathBytes[] = [];
  #targets = new Map<number, PathBytes>();
  #digests = new Map<number, string>();
  #columns = { capacity: 0, size: new Float64Array(0), ids: new BigInt64Array(0), high: new Int32Array(0) };

  get count(): number {
    return this.#names.length;
  }

  add(name: PathBytes, stat: BigIntStats, target?: PathBytes): void {
    const index = this.#names.push(name) - 1;
    if (index >= this.#columns.capacity) this.#grow();
    this.#columns.size[index] = Number(stat.size);
    this.#columns.ids.set([stat.dev, stat.ino, stat.mtimeNs, stat.ctimeNs], index * 4);
    this.#columns.high.set([highOf(stat.mtimeNs), highOf(stat.ctimeNs)], index * 2);
    if (target !== undefined && target !== name) this.#targets.set(index, target);
  }

  /** Adds a file that was hashed on its way here; there is no inode to meet again. */
  addHashed(name: PathBytes, size: number, sha256: string): void {
    const index = this.#names.push(name) - 1;
    if (index >= this.#columns.capacity) this.#grow();
    this.#columns.size[index] = size;
    this.#digests.set(index, sha256);
  }

  freeze(): FileTable {
    const names = this.#names;
    const order = inByteOrder(names);
    let totalBytes = 0;
    for (let i = 0; i < names.length; i++) totalBytes += this.#columns.size[i] ?? 0;
    const table = namedTable(
      order.map((from) => name(names, from)),
      totalBytes,
    );
    const targets = new Map<number, PathBytes>();
    for (const [to, from] of order.entries()) {
      table.size[to] = this.#columns.size[from] ?? 0;
      const ids = this.#columns.ids.subarray(from * 4, from * 4 + 4);
      table.device[to] = ids[0] ?? 0n;
      table.inode[to] = ids[1] ?? 0n;
      table.mtime[to] = ids[2] ?? 0n;
      table.ctime[to] = ids[3] ?? 0n;
      table.mtimeHigh[to] = this.#columns.high[from * 2] ?? 0;
      table.ctimeHigh[to] = this.#columns.high[from * 2 + 1] ?? 0;
      const sha256 = this.#digests.get(from);
      if (sha256 !== undefined) {
        digestAt(table, to).set(Buffer.from(sha256, 'hex'));
        table.hashed[to] = 1;
      }
      const target = this.#targets.get(from);
      if (target !== undefined) targets.set(to, target);
    }
    return { ...table, targets };
  }

  #grow(): void {
    const capacity = Math.max(1024, this.#columns.capacity * 2);
    const size = new Float64Array(capacity);
    size.set(this.#columns.size);
    const ids = new BigInt64Array(capacity * 4);
    ids.set(this.#columns.ids);
    const high = new Int32Array(capacity * 2);
    high.set(this.#columns.high);
    this.#columns = { capacity, size, ids, high };
  }
}

/**
 * Where each name is to come from, so that they are sorted by their bytes. Names that come folder
 * by folder are sorted fast.
 */
export function inByteOrder(names: readonly PathBytes[]): readonly number[] {
  // Unlike that of typed arrays, this method makes use of what is in order already.
  return Array.from(names.keys()).sort((a, b) => comparePaths(name(names, a), name(names, b)));
}

function name(names: readonly PathBytes[], index: number): PathBytes {
  return names[index] ?? ('' as PathBytes);
}

/** Bytes of a file in each column; its name is as long as it is. */
export const WIDTHS = {
  nameEnd: 4,
  size: 8,
  device: 8,
  inode: 8,
  mtime: 8,
  ctime: 8,
  mtimeHigh: 4,
  ctimeHigh: 4,
  digests: DIGEST_BYTES,
  hashed: 1,
} as const;

export type Column = keyof typeof WIDTHS;

/** More bytes of names than 32 bits can say are in no artifact. */
export const MAX_NAME_BYTES = 2 ** 32 - 1;

/** Columns for so many files. */
export function emptyTable(count: number, nameBytes: number, totalBytes: number): FileTable {
  requireNameBytes(nameBytes);
  return tableIn((column) => new SharedArrayBuffer(count * WIDTHS[column]), new SharedArrayBuffer(nameBytes), {
    count,
    nameBytes,
    totalBytes,
  });
}

interface TableSizes {
  readonly count: number;
  readonly nameBytes: number;
  readonly totalBytes?: number;
  readonly deviceBase?: bigint;
}

/** A table whose columns lie in these buffers, or in their beginnings. */
export function tableIn(
  bufferOf: (column: Column) => SharedArrayBuffer,
  names: SharedArrayBuffer,
  { count, nameBytes, totalBytes = 0, deviceBase = 0n }: TableSizes,
): FileTable {
  return {
    count,
    totalBytes,
    names: new Uint8Array(names, 0, nameBytes),
    nameEnd: new Uint32Array(bufferOf('nameEnd'), 0, count),
    targets: new Map(),
    size: new Float64Array(bufferOf('size'), 0, count),
    device: new BigUint64Array(bufferOf('device'), 0, count),
    deviceBase,
    inode: new BigUint64Array(bufferOf('inode'), 0, count),
    mtime: new BigInt64Array(bufferOf('mtime'), 0, count),
    ctime: new BigInt64Array(bufferOf('ctime'), 0, count),
    mtimeHigh: new Int32Array(bufferOf('mtimeHigh'), 0, count),
    ctimeHigh: new Int32Array(bufferOf('ctimeHigh'), 0, count),
    digests: new Uint8Array(bufferOf('digests'), 0, count * DIGEST_BYTES),
    hashed: new Uint8Array(bufferOf('hashed'), 0, count),
  };
}

/** @throws WeighlockError `LIMIT_EXCEEDED` */
export function requireNameBytes(bytes: number): void {
  if (bytes <= MAX_NAME_BYTES) return;
  throw new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `the names of all files have ${bytes} bytes, more than ${MAX_NAME_BYTES}`,
    remedy: 'verify a smaller folder, or shorten the names',
  });
}
