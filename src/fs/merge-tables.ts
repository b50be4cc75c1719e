import type { PathBytes } from './entry-path.ts';
import { AGAIN, DIGEST_BYTES, type FileTable, inByteOrder, namedTable, namesOf, SEEN } from './file-table.ts';

/**
 * One sorted table of all files of a sorted one and of such that were unseen; of those, the ones that have to be listed again are
 * left out.
 */
export function mergeTables(sorted: FileTable, seen: readonly FileTable[]): FileTable {
  const tables = [sorted, ...seen];
  const most = tables.reduce((sum, { count }) => sum + count, 0);
  const names: PathBytes[] = [];
  /** Which table a name is from, and which of its files it is. */
  const from = new Uint32Array(most);
  const index = new Uint32Array(most);
  let totalBytes = 0;
  for (const [number, table] of tables.entries()) {
    const { hashed, size } = table;
    for (const [i, name] of namesOf(table).entries()) {
      const state = hashed[i] ?? 0;
      if (number > 0 && state === AGAIN) continue;
      if (number > 0 && state !== SEEN && state !== 1) throw new Error('a file that nobody has looked at');
      from[names.length] = number;
      index[names.length] = i;
      names.push(name);
      totalBytes += size[i] ?? 0;
    }
  }
  const order = inByteOrder(names);
  const merged = namedTable(
    order.map((at) => names[at] ?? ('' as PathBytes)),
    totalBytes,
  );
  for (const [to, at] of order.entries()) {
    merged.hashed[to] = tables[from[at] ?? 0]?.hashed[index[at] ?? 0] === 1 ? 1 : 0;
  }
  const columns = tables.map(columnsOf);
  for (const [column, to] of columnsOf(merged).entries())
    copyColumn(
      to,
      columns.map((some) => some[column]?.words ?? new Uint32Array(0)),
      { order, from, index },
    );
  const targets = new Map<number, PathBytes>();
  if (tables.some((table) => table.targets.size > 0)) {
    for (const [to, at] of order.entries()) {
      const target = tables[from[at] ?? 0]?.targets.get(index[at] ?? 0);
      if (target !== undefined) targets.set(to, target);
    }
  }
  return { ...merged, targets };
}

/** A column as 32-bit words, so many for each file: numbers of 64 bits would be an object each. */
interface Column {
  readonly words: Uint32Array;
  readonly width: number;
}

function columnsOf({ size, device, inode, mtime, ctime, digests }: FileTable): Column[] {
  const wide = [size, device, inode, mtime, ctime].map(({ buffer }) => ({ words: new Uint32Array(buffer), width: 2 }));
  return [...wide, { words: new Uint32Array(digests.buffer), width: DIGEST_BYTES / 4 }];
}

function copyColumn(
  { words, width }: Column,
  sources: readonly Uint32Array[],
  { order, from, index }: { order: readonly number[]; from: Uint32Array; index: Uint32Array },
): void {
  for (let to = 0; to < order.length; to++) {
    const at = order[to] ?? 0;
    const source = sources[from[at] ?? 0] as Uint32Array;
    const first = (index[at] ?? 0) * width;
    for (let i = 0; i < width; i++) words[to * width + i] = source[first + i] ?? 0;
  }
}
