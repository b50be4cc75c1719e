import { comparePaths, type PathBytes } from './entry-path.ts';
import {
  AGAIN,
  type Column,
  deviceAt,
  type FileTable,
  inByteOrder,
  nameAt,
  namesOf,
  SEEN,
  tableIn,
  WIDTHS,
} from './file-table.ts';
import type { GrowingTable } from './growing-table.ts';

/** Files that follow each other in the table. */
interface Piece {
  readonly start: number;
  readonly end: number;
}

/** Such that are in the order of their names. */
interface Run extends Piece {
  readonly firstName: PathBytes;
  readonly lastName: PathBytes;
}

/**
 * More runs than one for so many files, and a few, are not worth looking for: all names are sorted
 * then.
 */
const FILES_EACH = 64;
const FEW_RUNS = 64;

/**
 * Makes a sorted table of one that has grown, where it is, when each of its files has been looked
 * at. A walk names files in their order, so there is seldom anything to move.
 *
 * @param count - of its files; those that are to be listed again are left out
 * @param others - tables of what is to be in it, too
 * @param targets - of the files of the first table
 */
export function finishTable(
  growing: GrowingTable,
  count: number,
  others: readonly FileTable[],
  targets: ReadonlyMap<number, PathBytes>,
): FileTable {
  for (const state of growing.upTo(count).hashed)
    if (state !== AGAIN && state !== SEEN && state !== 1) throw new Error('a file that nobody has looked at');
  const { table, targets: all } = withOthers(growing, count, others, targets);
  const runs = runsOf(table);
  const [only] = runs;
  const isInOrder = runs.length === 1 && only?.start === 0 && only.end === table.count;
  const finished = isInOrder ? { ...table, targets: all } : moved(table, inOrder(runs, table), all);
  const { hashed } = finished;
  for (let i = hashed.indexOf(SEEN); i >= 0; i = hashed.indexOf(SEEN, i + 1)) hashed[i] = 0;
  return { ...finished, totalBytes: finished.size.reduce((sum, bytes) => sum + bytes, 0) };
}

/** The files of other tables behind those of this one. */
function withOthers(
  growing: GrowingTable,
  count: number,
  others: readonly FileTable[],
  known: ReadonlyMap<number, PathBytes>,
): { readonly table: FileTable; readonly targets: ReadonlyMap<number, PathBytes> } {
  const targets = new Map(known);
  let table = growing.upTo(count);
  for (const other of others) {
    if (other.count === 0) continue;
    const first = table.count;
    table = growing.append(first, namesOf(other));
    for (const [column, width] of columns())
      if (column !== 'device')
        bytesOf(other[column]).copy(bytesOf(table[column]), first * width, 0, other.count * width);
    for (let i = 0; i < other.count; i++) table.device[first + i] = deviceAt(other, i) ^ table.deviceBase;
    for (const [index, target] of other.targets) targets.set(first + index, target);
  }
  return { table, targets };
}

/** Every column but that of the ends of names, which are others when names have moved. */
function columns(): [Column, number][] {
  return (Object.entries(WIDTHS) as [Column, number][]).filter(([column]) => column !== 'nameEnd');
}

function runsOf(table: FileTable): Run[] {
  const runs: Run[] = [];
  let start = 0;
  const endAt = (end: number) => {
    if (end > start) runs.push({ start, end, firstName: nameAt(table, start), lastName: nameAt(table, end - 1) });
    start = end;
  };
  for (let i = 0; i < table.count; i++) {
    if (table.hashed[i] === AGAIN) {
      endAt(i);
      start = i + 1;
    } else if (i > start && comesBefore(table, i, i - 1)) endAt(i);
  }
  endAt(table.count);
  return runs;
}

/** The pieces of a table in the order of their names. */
function inOrder(runs: readonly Run[], table: FileTable): Iterable<Piece> {
  return inPieces(runs, table) ?? onePerFile(runs, table);
}

/**
 * Runs whose names follow each other: those that overlap are cut. Undefined where there would be
 * very many.
 */
function inPieces(runs: readonly Run[], table: FileTable): Piece[] | undefined {
  const most = FEW_RUNS + table.count / FILES_EACH;
  if (runs.length > most) return undefined;
  const left = [...runs].sort((a, b) => comparePaths(a.firstName, b.firstName));
  const ordered: Piece[] = [];
  for (let at = 0; at < left.length; at++) {
    const [run, next] = [left[at] as Run, left[at + 1]];
    const { start, end, lastName } = run;
    const cut = next === undefined || lastName < next.firstName ? end : firstAtLeast(table, run, next.firstName);
    if (ordered.push({ start, end: cut }) > most) return undefined;
    if (cut < end) insert(left, at + 1, { start: cut, end, firstName: nameAt(table, cut), lastName });
  }
  return ordered;
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

/**
 * Where in a run that begins with a smaller name, or the same, the first name stands that is not
 * smaller; at least its second.
 */
function firstAtLeast(table: FileTable, { start, end }: Run, name: PathBytes): number {
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
function* onePerFile(runs: readonly Run[], table: FileTable): Generator<Piece> {
  const names: PathBytes[] = [];
  const index = new Uint32Array(countOf(runs));
  for (const { start, end } of runs)
    for (let i = start; i < end; i++) {
      index[names.length] = i;
      names.push(nameAt(table, i));
    }
  for (const at of inByteOrder(names)) {
    const start = index[at] ?? 0;
    yield { start, end: start + 1 };
  }
}

function countOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Puts the pieces in their order: one column after the other, by way of a copy of that one. */
function moved(table: FileTable, ordered: Iterable<Piece>, from: ReadonlyMap<number, PathBytes>): FileTable {
  const pieces = [...ordered];
  const { names, nameEnd } = table;
  const count = countOf(pieces);
  const startOf = (index: number) => nameEnd[index - 1] ?? 0;
  for (const [column, width] of columns()) {
    const bytes = bytesOf(table[column]);
    if (bytes.every((byte) => byte === 0)) continue;
    rewrite(bytes, pieces, (index) => index * width);
  }
  const nameBytes = rewrite(bytesOf(names), pieces, startOf);
  const targets = new Map<number, PathBytes>();
  const ends = new Uint32Array(count);
  let [at, end] = [0, 0];
  for (const piece of pieces)
    for (let i = piece.start; i < piece.end; i++) {
      end += (nameEnd[i] ?? 0) - startOf(i);
      ends[at] = end;
      const target = from.get(i);
      if (target !== undefined) targets.set(at, target);
      at++;
    }
  nameEnd.set(ends);
  const bufferOf = (column: Column) => table[column].buffer as SharedArrayBuffer;
  const sizes = { count, nameBytes, deviceBase: table.deviceBase };
  return { ...tableIn(bufferOf, names.buffer as SharedArrayBuffer, sizes), targets };
}

/** @returns how many bytes there are */
function rewrite(bytes: Buffer, pieces: readonly Piece[], startOf: (index: number) => number): number {
  // Given back at once: it would stay until garbage is collected.
  const copy = new ArrayBuffer(bytes.length, { maxByteLength: bytes.length });
  const to = Buffer.from(copy);
  let at = 0;
  for (const { start, end } of pieces) at += bytes.copy(to, at, startOf(start), startOf(end));
  to.copy(bytes, 0, 0, at);
  copy.resize(0);
  return at;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
