import { type FileTable, fromBuffer, type PathBytes } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { MalformedError } from './strict-json.ts';

/** Bytes `start` to `end` of a file, or all of it. */
export interface Resource {
  readonly path: PathBytes;
  readonly start: number;
  /** Exclusive; undefined for the whole file, of whatever length. */
  readonly end: number | undefined;
  readonly digest: string;
}

/**
 * What is less than an entry of any format takes in its text:
 * `{"name":"a","digest":{"sha256":"..."}},`.
 */
const LEAST_ENTRY_BYTES = 100;

/**
 * Collects what a list names, in columns of bytes: a million files take 64 bytes each beside their
 * names, and no object. Memory is asked for by the length of the list's text, and taken as it is
 * filled.
 */
export class SignedFilesBuilder {
  readonly #digestBytes: number;
  #names: Buffer;
  #nameEnd: Float64Array;
  #digests: Buffer;
  #count = 0;
  #end = 0;

  /** @param textBytes - of the list, about: more than fits is made room for */
  constructor(digestBytes: number, textBytes: number) {
    const entries = Math.ceil(textBytes / LEAST_ENTRY_BYTES) + 1;
    this.#digestBytes = digestBytes;
    this.#names = Buffer.from(new ArrayBuffer(textBytes));
    this.#nameEnd = new Float64Array(entries);
    this.#digests = Buffer.from(new ArrayBuffer(entries * digestBytes));
  }

  get count(): number {
    return this.#count;
  }

  /** @param name - well-formed text; @param digest - hex of the right length */
  add(name: string, digest: string): void {
    // UTF-8 takes three bytes for a unit of UTF-16, at most.
    if (this.#end + 3 * name.length > this.#names.length) this.#names = grown(this.#names, 3 * name.length);
    if (this.#count === this.#nameEnd.length) {
      this.#nameEnd = new Float64Array(grown(Buffer.from(this.#nameEnd.buffer), 8).buffer as ArrayBuffer);
      this.#digests = grown(this.#digests, this.#digests.length);
    }
    this.#end += this.#names.write(name, this.#end, 'utf8');
    this.#digests.write(digest, this.#count * this.#digestBytes, 'hex');
    this.#nameEnd[this.#count++] = this.#end;
  }

  /** SHA-256 over the raw digests, in the order in which they were added, hex. */
  root(): string {
    const all = this.#digests.subarray(0, this.#count * this.#digestBytes);
    return nodeCrypto().createHash('sha256').update(all).digest('hex');
  }

  /**
   * @param cut - takes the range off the end of a name; without it, names are those of whole files
   * @throws MalformedError for what is listed twice
   */
  build(
    cut?: (name: PathBytes) => { readonly path: PathBytes; readonly start: number; readonly end: number },
  ): SignedFiles {
    const nameEnd = this.#nameEnd;
    const ranges = cut && { start: new Float64Array(this.#count), end: new Float64Array(this.#count) };
    const pathEnd = cut && new Float64Array(this.#count);
    for (let i = 0; i < this.#count && cut && ranges && pathEnd; i++) {
      const from = nameEnd[i - 1] ?? 0;
      const { path, start, end } = cut(fromBuffer(this.#names.subarray(from, nameEnd[i])));
      pathEnd[i] = from + path.length;
      ranges.start[i] = start;
      ranges.end[i] = end;
    }
    return new SignedFiles({
      count: this.#count,
      names: this.#names.subarray(0, this.#end),
      nameEnd,
      pathEnd: pathEnd ?? nameEnd,
      ranges,
      digests: this.#digests,
      digestBytes: this.#digestBytes,
    });
  }
}

/** At least twice as large, and by so many bytes. */
function grown(bytes: Buffer, more: number): Buffer {
  const larger = Buffer.from(new ArrayBuffer(Math.ceil(Math.max(2 * bytes.length, bytes.length + more) / 8) * 8));
  bytes.copy(larger);
  return larger;
}

interface Columns {
  readonly count: number;
  readonly names: Buffer;
  /** Where the name of an entry ends, and its path: without the range that may follow that. */
  readonly nameEnd: Float64Array;
  readonly pathEnd: Float64Array;
  readonly ranges: { readonly start: Float64Array; readonly end: Float64Array } | undefined;
  readonly digests: Buffer;
  readonly digestBytes: number;
}

/**
 * What a signed list promises of files, by name: a map of digests (hex; of a file in shards all of
 * them, with spaces between).
 */
export class SignedFiles {
  readonly #columns: Columns;
  /** Entries by their paths and then by where they start; undefined where they are listed so. */
  readonly #order: Uint32Array | undefined;
  /** Of lists in shards: where in this order each file begins. */
  readonly #first: Uint32Array | undefined;
  /** Number of files. */
  readonly size: number;
  /** False where entries stand in another order than that of their whole names in bytes. */
  readonly isInNameOrder: boolean;
  #next = 0;

  /** @throws MalformedError for what is listed twice */
  constructor(columns: Columns) {
    this.#columns = columns;
    this.isInNameOrder = isSorted(columns.count, (a, b) => this.#compareNames(a, b));
    this.#order = isSorted(columns.count, (a, b) => this.#compare(a, b)) ? undefined : this.#sorted();
    for (let i = 1; i < columns.count; i++)
      if (this.#compare(this.#at(i - 1), this.#at(i)) === 0)
        throw new MalformedError(`${JSON.stringify(this.#path(this.#at(i)))} is listed twice`);
    this.#first = columns.ranges === undefined ? undefined : this.#groups();
    this.size = this.#first === undefined ? columns.count : this.#first.length - 1;
  }

  /** Entries, in the order in which they are listed. */
  get count(): number {
    return this.#columns.count;
  }

  /** The entries, in the order in which they are listed. */
  *resources(): Generator<Resource> {
    for (let i = 0; i < this.count; i++) yield this.#resource(i);
  }

  get(name: PathBytes): string | undefined {
    const bytes = Buffer.from(name, 'latin1');
    const file = this.#find(bytes, 0, bytes.length);
    return file === undefined ? undefined : this.#digest(file);
  }

  /** By name. */
  *[Symbol.iterator](): Generator<[PathBytes, string]> {
    for (let file = 0; file < this.size; file++) yield [this.#path(this.#entry(file)), this.#digest(file)];
  }

  /** The names of the files, by name. */
  *paths(): Generator<PathBytes> {
    for (let file = 0; file < this.size; file++) yield this.#path(this.#entry(file));
  }

  /** The shards of each file, in their order; of a list of whole files, one for each. */
  *sharded(): Generator<{ readonly path: PathBytes; readonly shards: readonly Resource[] }> {
    for (let file = 0; file < this.size; file++) {
      const shards = Array.from({ length: this.#shards(file) }, (_, i) => this.#resource(this.#entry(file, i)));
      yield { path: this.#path(this.#entry(file)), shards };
    }
  }

  /**
   * What is promised of a file of a table: that it is there (`listed`), and has the SHA-256 that
   * was measured (`same`). Fast where the files come in the order of their names.
   */
  promiseOf({ names, nameEnd, digests, hashed }: FileTable, index: number): 'same' | 'listed' | undefined {
    const file = this.#find(names, nameEnd[index - 1] ?? 0, nameEnd[index] ?? 0);
    if (file === undefined) return undefined;
    const { digestBytes, digests: expected } = this.#columns;
    if (hashed[index] !== 1 || digestBytes !== 32 || this.#shards(file) !== 1) return 'listed';
    const [a, b] = [32 * index, 32 * this.#entry(file)];
    for (let i = 0; i < 32; i++) if (digests[a + i] !== expected[b + i]) return 'listed';
    return 'same';
  }

  /** SHA-256 of all that is said, hex: the same for two lists that say the same. */
  get digest(): string {
    const { names, nameEnd, count, digests, digestBytes } = this.#columns;
    const ends = Buffer.from(nameEnd.buffer, nameEnd.byteOffset, 8 * count);
    const hash = nodeCrypto().createHash('sha256').update(`${count} ${digestBytes} `);
    return hash
      .update(ends)
      .update(names)
      .update(digests.subarray(0, count * digestBytes))
      .digest('hex');
  }

  #resource(i: number): Resource {
    const { ranges, digests, digestBytes } = this.#columns;
    const digest = digests.toString('hex', i * digestBytes, (i + 1) * digestBytes);
    return { path: this.#path(i), start: ranges?.start[i] ?? 0, end: ranges?.end[i], digest };
  }

  #path(entry: number): PathBytes {
    const { names, nameEnd, pathEnd } = this.#columns;
    return fromBuffer(names.subarray(nameEnd[entry - 1] ?? 0, pathEnd[entry]));
  }

  /** @param at - place in the order */
  #at(at: number): number {
    return this.#order?.[at] ?? at;
  }

  /** The first entry of a file, or a later one. */
  #entry(file: number, shard = 0): number {
    return this.#at((this.#first?.[file] ?? file) + shard);
  }

  #shards(file: number): number {
    return this.#first === undefined ? 1 : (this.#first[file + 1] ?? 0) - (this.#first[file] ?? 0);
  }

  #digest(file: number): string {
    return Array.from({ length: this.#shards(file) }, (_, i) => this.#resource(this.#entry(file, i)).digest).join(' ');
  }

  /** The number of a file: that after the one that was found last, or by halves. */
  #find(bytes: Uint8Array, start: number, end: number): number | undefined {
    const compare = (file: number) => this.#compareWith(this.#entry(file), bytes, start, end);
    if (this.#next < this.size && compare(this.#next) === 0) return this.#next++;
    let [from, to] = [0, this.size];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const order = compare(middle);
      if (order === 0) {
        this.#next = middle + 1;
        return middle;
      }
      if (order < 0) from = middle + 1;
      else to = middle;
    }
    return undefined;
  }

  #compareWith(entry: number, bytes: Uint8Array, start: number, end: number): number {
    const { names, nameEnd, pathEnd } = this.#columns;
    return compareBytes(names, nameEnd[entry - 1] ?? 0, pathEnd[entry] ?? 0, bytes, start, end);
  }

  #compare(a: number, b: number): number {
    const { names, nameEnd, pathEnd, ranges } = this.#columns;
    const order = this.#compareWith(a, names, nameEnd[b - 1] ?? 0, pathEnd[b] ?? 0);
    return order === 0 && ranges !== undefined ? (ranges.start[a] ?? 0) - (ranges.start[b] ?? 0) : order;
  }

  #compareNames(a: number, b: number): number {
    const { names, nameEnd } = this.#columns;
    const start = (entry: number) => nameEnd[entry - 1] ?? 0;
    return compareBytes(names, start(a), nameEnd[a] ?? 0, names, start(b), nameEnd[b] ?? 0);
  }

  #sorted(): Uint32Array {
    // Unlike that of typed arrays, this method makes use of what is in order already.
    return Uint32Array.from(Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.#compare(a, b)));
  }

  #groups(): Uint32Array {
    const { names, nameEnd, pathEnd, count } = this.#columns;
    const first: number[] = [];
    for (let i = 0; i < count; i++) {
      const before = this.#at(i - 1);
      if (i === 0 || this.#compareWith(this.#at(i), names, nameEnd[before - 1] ?? 0, pathEnd[before] ?? 0) !== 0)
        first.push(i);
    }
    return Uint32Array.from([...first, count]);
  }
}

function isSorted(count: number, compare: (a: number, b: number) => number): boolean {
  for (let i = 1; i < count; i++) if (compare(i - 1, i) > 0) return false;
  return true;
}

/** As `memcmp` does, and the shorter first. */
function compareBytes(
  a: Uint8Array,
  startA: number,
  endA: number,
  b: Uint8Array,
  startB: number,
  endB: number,
): number {
  const length = Math.min(endA - startA, endB - startB);
  for (let i = 0; i < length; i++) {
    const difference = (a[startA + i] ?? 0) - (b[startB + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return endA - startA - (endB - startB);
}
