import { DIGEST_BYTES, deviceAt, emptyTable, type FileTable } from '../fs/index.ts';

/** First bytes of a table: what it is, and how its columns are laid out. */
const MAGIC = Buffer.from('WLRECPT2', 'latin1');

/**
 * Columns of eight bytes for each file, in their order; then digests, columns of four bytes, and
 * all names.
 */
const WIDE = ['size', 'device', 'inode', 'mtime', 'ctime'] as const;
const NARROW = ['nameEnd', 'mtimeHigh', 'ctimeHigh'] as const;

/** What is compared of files that have one name. */
const COMPARED = ['size', 'device', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh'] as const;

/**
 * What may not differ, in the words of a message. Names come first: what follows is said of files
 * of one name.
 */
const ATTRIBUTES = {
  nameEnd: 'name',
  size: 'size',
  device: 'device number',
  inode: 'inode number',
  mtime: 'mtime',
  ctime: 'ctime',
  mtimeHigh: 'mtime',
  ctimeHigh: 'ctime',
} as const;

/** Bytes that a table of these files has. */
export function tableBytes({ count, names }: Pick<FileTable, 'count' | 'names'>): number {
  return MAGIC.length + count * (WIDE.length * 8 + DIGEST_BYTES + NARROW.length * 4) + names.length;
}

/**
 * Bytes of the table of so many files that bytes begin with: where its last name ends, it ends.
 *
 * @returns undefined where there are not so many bytes
 */
export function tableLength(bytes: Buffer, count: number): number | undefined {
  const fixed = tableBytes({ count, names: new Uint8Array(0) });
  const last = MAGIC.length + count * (WIDE.length * 8 + DIGEST_BYTES) + 4 * (count - 1);
  if (fixed > bytes.length) return undefined;
  const length = fixed + (count === 0 ? 0 : bytes.readUInt32LE(last));
  return length <= bytes.length ? length : undefined;
}

/**
 * Pieces of a table: every file with its attributes and its digest. Little endian, as every machine
 * that this runs on is.
 */
export function* encodeTable(listed: FileTable): Generator<Uint8Array> {
  const files = withDevices(listed);
  yield MAGIC;
  for (const column of WIDE) yield bytesOf(files[column]);
  yield files.digests;
  for (const column of NARROW) yield bytesOf(files[column]);
  yield files.names;
}

/** A table that was read, and whose bytes somebody signed. */
export interface StoredTable {
  readonly count: number;
  /** Each column as bytes. */
  readonly columns: Readonly<Record<keyof typeof ATTRIBUTES, Uint8Array>>;
  /** Of all files. */
  readonly digests: Uint8Array;
  readonly names: Uint8Array;
}

/**
 * Takes a table apart.
 *
 * @returns undefined for bytes that are none of so many files
 */
export function decodeTable(bytes: Uint8Array, count: number): StoredTable | undefined {
  const nameBytes = bytes.length - tableBytes({ count, names: new Uint8Array(0) });
  if (nameBytes < 0 || !MAGIC.equals(bytes.subarray(0, MAGIC.length))) return undefined;
  let at = MAGIC.length;
  const next = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const wide = WIDE.map((column) => [column, next(count * 8)] as const);
  const digests = next(count * DIGEST_BYTES);
  const narrow = NARROW.map((column) => [column, next(count * 4)] as const);
  const columns = Object.fromEntries([...wide, ...narrow]) as StoredTable['columns'];
  return { count, columns, digests, names: next(nameBytes) };
}

/**
 * The first file that is not as it was, and what of it; undefined when every attribute of every
 * file is the same.
 */
export function firstDifference(
  files: FileTable,
  stored: StoredTable,
): { readonly index: number; readonly what: string } | undefined {
  let found: { index: number; what: string } | undefined;
  const compare = (now: Uint8Array, before: Uint8Array, width: number, what: string) => {
    if (Buffer.compare(now, before) === 0) return;
    let at = 0;
    while (at < now.length && now[at] === before[at]) at++;
    const index = Math.floor(at / width);
    if (found === undefined || index < found.index) found = { index, what };
  };
  if (stored.count !== files.count || stored.names.length !== files.names.length) return { index: 0, what: 'name' };
  compare(bytesOf(files.nameEnd), stored.columns.nameEnd, 4, ATTRIBUTES.nameEnd);
  if (found === undefined && Buffer.compare(files.names, stored.names) !== 0) {
    let at = 0;
    while (files.names[at] === stored.names[at]) at++;
    found = { index: files.nameEnd.findIndex((end) => end > at), what: 'name' };
  }
  if (found !== undefined) return found;
  const now = withDevices(files);
  for (const column of COMPARED) {
    const width = now[column].BYTES_PER_ELEMENT;
    compare(bytesOf(now[column]), stored.columns[column], width, ATTRIBUTES[column]);
  }
  return found;
}

/**
 * Index in the stored table of each file of which every attribute is the same; -1 where one
 * differs, or it is new.
 */
export function unchangedFiles(listed: FileTable, stored: StoredTable): Int32Array {
  const files = withDevices(listed);
  const unchanged = new Int32Array(files.count).fill(-1);
  const ends = new Uint32Array(aligned(stored.columns.nameEnd));
  const nameOf = (names: Uint8Array, nameEnd: ArrayLike<number>, i: number) =>
    names.subarray(i === 0 ? 0 : (nameEnd[i - 1] ?? 0), nameEnd[i] ?? 0);
  for (let i = 0, k = 0; i < files.count && k < stored.count; ) {
    const order = Buffer.compare(nameOf(files.names, files.nameEnd, i), nameOf(stored.names, ends, k));
    if (order === 0 && isSame(files, i, stored, k)) unchanged[i] = k;
    if (order <= 0) i++;
    if (order >= 0) k++;
  }
  return unchanged;
}

function isSame(files: FileTable, index: number, stored: StoredTable, at: number): boolean {
  return COMPARED.every((column) => {
    const width = files[column].BYTES_PER_ELEMENT;
    const now = bytesOf(files[column]).subarray(index * width, (index + 1) * width);
    return Buffer.compare(now, stored.columns[column].subarray(at * width, (at + 1) * width)) === 0;
  });
}

/**
 * The latest ctime of all, in nanoseconds since 1970; undefined where there is one that no clock of
 * today has.
 */
export function latestChange({ count, ctime, ctimeHigh }: FileTable): bigint | undefined {
  let latest = 0n;
  for (let i = 0; i < count; i++) {
    if (ctimeHigh[i] !== 0) return undefined;
    const time = ctime[i] ?? 0n;
    if (time > latest) latest = time;
  }
  return latest;
}

/** The same files, with the numbers of devices as the system says them. */
function withDevices(files: FileTable): FileTable {
  const device = new BigUint64Array(files.count);
  for (let i = 0; i < files.count; i++) device[i] = deviceAt(files, i);
  return { ...files, device, deviceBase: 0n };
}

function bytesOf(column: {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}) {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

function aligned(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer as ArrayBuffer;
}

/** A table of files as it was stored; nothing in it counts as hashed. */
export function tableOf({ count, columns, digests, names }: StoredTable): FileTable {
  const sized = { ...emptyTable(count, names.length, 0) };
  for (const [column, bytes] of Object.entries(columns) as [keyof typeof columns, Uint8Array][])
    bytesOf(sized[column]).set(bytes);
  sized.digests.set(digests);
  sized.names.set(names);
  return { ...sized, totalBytes: sized.size.reduce((sum, one) => sum + one, 0) };
}
