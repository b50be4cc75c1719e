import { comparePaths, type PathBytes } from './entry-path.ts';
import { AGAIN, DIGEST_BYTES, emptyTable, type FileTable, inByteOrder, nameAt, SEEN } from './file-table.ts';

/** Files of one table that follow each other in it. */
interface Piece {
  readonly table: FileTable;
  readonly start: number;
  readonly end: number;
}

/** Such that are in the order of their names. */
interface Run extends Piece {
  readonly firstName: PathBytes;
  readonly lastName: PathBytes;
}

/** More runs than so many for each table are not worth looking for: all names are sorted then. */
const RUNS_EACH = 8;

/**
 * Makes one sorted table of many: of such that were unseen, as soon as each has been looked at, and
 * of a sorted one in the end. Files come folder by folder and sorted in each, so whole runs of them
 * are copied instead of one after the other.
 */
export class TableMerger {
  readonly #runs: Run[] = [];
  #tables = 0;
  #totalBytes = 0;

  /** Takes what is in a table that was unseen, but for what has to be listed again. */
  add(table: FileTable): void {
    for (const state of table.hashed)
      if (state !== AGAIN && state !== SEEN && state !== 1) throw new Error('a file that nobody has looked at');
    this.#addRuns(table);
  }

  /** @param sorted - takes part, too */
  merge(sorted: FileTable): FileTable {
    this.#addRuns(sorted);
    return joined(this.#inOrder() ?? onePerFile(this.#runs), this.#runs, this.#totalBytes);
  }

  #addRuns(table: FileTable): void {
    this.#tables++;
    let start = 0;
    const endAt = (end: number) => {
      // Names of their own: a piece of a longer text would keep the text of all names.
      if (end > start)
        this.#runs.push({ table, start, end, firstName: nameAt(table, start), lastName: nameAt(table, end - 1) });
      start = end;
    };
    for (let i = 0; i < table.count; i++) {
      if (table.hashed[i] === AGAIN) {
        endAt(i);
        start = i + 1;
        continue;
      }
      if (i > start && comesBefore(table, i, i - 1)) endAt(i);
      this.#totalBytes += table.size[i] ?? 0;
    }
    endAt(table.count);
  }

  /**
   * Runs whose names follow each other: those that overlap are cut. Undefined where there would be
   * very many.
   */
  #inOrder(): Piece[] | undefined {
    const most = RUNS_EACH * (this.#tables + RUNS_EACH);
    if (this.#runs.length > most) return undefined;
    const left = [...this.#runs].sort(byFirstName);
    const ordered: Piece[] = [];
    for (let at = 0; at < left.length; at++) {
      const [run, next] = [left[at] as Run, left[at + 1]];
      const { table, start, end, lastName } = run;
      const cut = next === undefined || lastName < next.firstName ? end : firstAtLeast(run, next.firstName);
      if (ordered.push({ table, start, end: cut }) > most) return undefined;
      if (cut < end) insert(left, at + 1, { table, start: cut, end, firstName: nameAt(table, cut), lastName });
    }
    return ordered;
  }
}

/**
 * Whether the name of one file comes before that of another, in bytes: no text is made of either.
 */
function comesBefore({ names, nameEnd }: FileTable, one: number, other: number): boolean {
  const [a, b] = [nameEnd[one - 1] ?? 0, nameEnd[other - 1] ?? 0];
  const [endA, endB] = [nameEnd[one] ?? 0, nameEnd[other] ?? 0];
  const length = Math.min(endA - a, endB - b);
  for (let i = 0; i < length; i++) {
    const difference = (names[a + i] ?? 0) - (names[b + i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return endA - a < endB - b;
}

function byFirstName(a: Run, b: Run): number {
  return comparePaths(a.firstName, b.firstName);
}

/**
 * Where in a run that begins with a smaller name, or the same, the first name stands that is not
 * smaller; at least its second.
 */
function firstAtLeast({ table, start, end }: Run, name: PathBytes): number {
  return firstNot(start + 1, end, (index) => nameAt(table, index) < name);
}

/** Into runs that are in order from `from` on. */
function insert(runs: Run[], from: number, run: Run): void {
  const at = firstNot(from, runs.length, (index) => (runs[index]?.firstName ?? '') < run.firstName);
  runs.splice(at, 0, run);
}

/**
 * The first number from `low` on for which it is not so any more, or `high`; it is so for all
 * below.
 */
function firstNot(low: number, high: number, isSo: (number: number) => boolean): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isSo(middle)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Every file by itself, in the order of the names. */
function* onePerFile(runs: readonly Run[]): Generator<Piece> {
  const count = countOf(runs);
  const names: PathBytes[] = [];
  /** Which run a name is from, and which file of its table it is. */
  const from = new Uint32Array(count);
  const index = new Uint32Array(count);
  for (const [number, { table, start, end }] of runs.entries()) {
    for (let i = start; i < end; i++) {
      from[names.length] = number;
      index[names.length] = i;
      names.push(nameAt(table, i));
    }
  }
  for (const at of inByteOrder(names)) {
    const { table } = runs[from[at] ?? 0] as Run;
    const start = index[at] ?? 0;
    yield { table, start, end: start + 1 };
  }
}

function countOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The files of pieces, one piece after the other. @param all - the same files, in any order */
function joined(pieces: Iterable<Piece>, all: readonly Piece[], totalBytes: number): FileTable {
  const nameBytes = all.reduce(
    (sum, { table, start, end }) => sum + nameStart(table, end) - nameStart(table, start),
    0,
  );
  const merged = emptyTable(countOf(all), nameBytes, totalBytes);
  const columns = new Map(
    [...new Set(all.map(({ table }) => table)), merged].map((table) => [table, columnsOf(table)]),
  );
  const to = columns.get(merged) ?? [];
  const targets = new Map<number, PathBytes>();
  let [at, namesAt] = [0, 0];
  for (const { table, start, end } of pieces) {
    const namesFrom = nameStart(table, start);
    bytesOf(table.names).copy(bytesOf(merged.names), namesAt, namesFrom, nameStart(table, end));
    for (const [i, { bytes, width }] of (columns.get(table) ?? []).entries())
      bytes.copy(to[i]?.bytes ?? bytes, width * at, width * start, width * end);
    const moved = namesAt - namesFrom;
    for (let i = start; i < end; i++) merged.nameEnd[at + i - start] = (table.nameEnd[i] ?? 0) + moved;
    for (let i = start; i < end && table.targets.size > 0; i++) {
      const target = table.targets.get(i);
      if (target !== undefined) targets.set(at + i - start, target);
    }
    at += end - start;
    namesAt = nameStart(merged, at);
  }
  const { hashed } = merged;
  for (let i = hashed.indexOf(SEEN); i >= 0; i = hashed.indexOf(SEEN, i + 1)) hashed[i] = 0;
  return { ...merged, targets };
}

/** Where the name of a file begins: where the one before it ends. */
function nameStart({ nameEnd }: FileTable, index: number): number {
  return nameEnd[index - 1] ?? 0;
}

/**
 * A column as bytes, so many for each file. Copied so, and not with `set`: into shared memory that
 * goes word by word.
 */
interface Column {
  readonly bytes: Buffer;
  readonly width: number;
}

function columnsOf({ size, device, inode, mtime, ctime, digests, hashed, ...times }: FileTable): Column[] {
  const wide = [size, device, inode, mtime, ctime].map((column) => ({ bytes: bytesOf(column), width: 8 }));
  const high = [times.mtimeHigh, times.ctimeHigh].map((column) => ({ bytes: bytesOf(column), width: 4 }));
  return [...wide, ...high, { bytes: bytesOf(digests), width: DIGEST_BYTES }, { bytes: bytesOf(hashed), width: 1 }];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
