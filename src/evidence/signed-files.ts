import { type FileTable, MAX_PATH_BYTES, type PathBytes } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { FrontCodedNames } from './front-coded-names.ts';
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
 * Collects what a list names, in columns of bytes: a million files take 32 bytes each beside their
 * names, and no object. Memory is asked for by the length of the list's text, and taken as it is
 * filled.
 */
export class SignedFilesBuilder {
  readonly #digestBytes: number;
  readonly #names: FrontCodedNames;
  #digests: Buffer;
  #isInOrder = true;
  #hasTwice = false;
  #areShortest = true;

  /** @param textBytes - of the list, about: more than fits is made room for */
  constructor(digestBytes: number, textBytes: number) {
    const entries = Math.ceil(textBytes / LEAST_ENTRY_BYTES) + 1;
    this.#digestBytes = digestBytes;
    this.#names = new FrontCodedNames(textBytes);
    this.#digests = Buffer.from(new ArrayBuffer(entries * digestBytes));
  }

  get count(): number {
    return this.#names.count;
  }

  /** True when every name is that of a file below a folder, in its shortest form. */
  get areShortest(): boolean {
    return this.#areShortest;
  }

  /** @param name - well-formed text; @param digest - hex of the right length */
  add(name: string, digest: string): void {
    const bytes = Buffer.from(`${name}${digest}`);
    const end = bytes.length - 2 * this.#digestBytes;
    if (!this.addBytes(bytes, 0, end, end))
      throw new MalformedError(`the digest of ${JSON.stringify(name)} is not hex`);
  }

  /**
   * The same of bytes in which the name stands from `start` to `end`, as UTF-8.
   *
   * @param digestStart - where the digest is, in lower-case hex
   * @returns false for what is no hex: then nothing is added
   */
  addBytes(bytes: Uint8Array, start: number, end: number, digestStart: number): boolean {
    const at = this.count * this.#digestBytes;
    if (at === this.#digests.length) this.#digests = grown(this.#digests, this.#digestBytes);
    const digests = this.#digests;
    let wrong = 0;
    for (let i = 0; i < this.#digestBytes; i++) {
      const high = DIGIT[bytes[digestStart + 2 * i] ?? 0] ?? NO_DIGIT;
      const low = DIGIT[bytes[digestStart + 2 * i + 1] ?? 0] ?? NO_DIGIT;
      wrong |= high | low;
      digests[at + i] = (high << 4) | low;
    }
    if (wrong >= NO_DIGIT) return false;
    const order = this.#names.add(bytes, start, end);
    if (order > 0) this.#isInOrder = false;
    if (order === 0) this.#hasTwice = true;
    if (this.#areShortest) this.#areShortest = isShortestPath(bytes, start, end);
    return true;
  }

  /** SHA-256 over the raw digests, in the order in which they were added, hex. */
  root(): string {
    const all = this.#digests.subarray(0, this.count * this.#digestBytes);
    return nodeCrypto().createHash('sha256').update(all).digest('hex');
  }

  /**
   * @param cut - takes the range off the end of a name; without it, names are those of whole files
   * @throws MalformedError for what is listed twice
   */
  build(
    cut?: (name: PathBytes) => { readonly path: PathBytes; readonly start: number; readonly end: number },
  ): SignedFiles {
    const ranges = cut && {
      start: new Float64Array(this.count),
      end: new Float64Array(this.count),
      textBytes: new Uint8Array(this.count),
    };
    for (let i = 0; i < this.count && cut && ranges; i++) {
      const name = this.#names.get(i);
      const { path, start, end } = cut(name);
      ranges.textBytes[i] = name.length - path.length;
      ranges.start[i] = start;
      ranges.end[i] = end;
    }
    return new SignedFiles({
      names: this.#names,
      isInNameOrder: this.#isInOrder,
      isPlain: cut === undefined && this.#isInOrder && !this.#hasTwice,
      ranges,
      digests: this.#digests,
      digestBytes: this.#digestBytes,
    });
  }
}

/** What a lower-case hex digit stands for, by its byte. */
const NO_DIGIT = 16;
const DIGIT = new Uint8Array(256).fill(NO_DIGIT);
for (const [value, digit] of [...Buffer.from('0123456789abcdef')].entries()) DIGIT[digit] = value;

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * True for a path whose every part is the name of something: none is empty, `.` or `..`, and none
 * has a NUL byte.
 */
function isShortestPath(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_PATH_BYTES) return false;
  for (let at = start, part = start; at <= end; at++) {
    const c = at < end ? bytes[at] : SLASH;
    if (c === 0) return false;
    if (c !== SLASH) continue;
    const length = at - part;
    if (length === 0 || (length <= 2 && bytes[part] === DOT && bytes[at - 1] === DOT)) return false;
    part = at + 1;
  }
  return true;
}

/** At least twice as large, and by so many bytes. */
function grown(bytes: Buffer, more: number): Buffer {
  const larger = Buffer.from(new ArrayBuffer(Math.max(2 * bytes.length, bytes.length + more)));
  bytes.copy(larger);
  return larger;
}

/** Which bytes an entry is about, and how long the text is that says so at the end of its name. */
interface Ranges {
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly textBytes: Uint8Array;
}

interface Columns {
  readonly names: FrontCodedNames;
  readonly isInNameOrder: boolean;
  /** Each name is that of a file, and comes after the one before it. */
  readonly isPlain: boolean;
  readonly ranges: Ranges | undefined;
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
    this.isInNameOrder = columns.isInNameOrder;
    this.size = this.count;
    if (columns.isPlain) return;
    this.#order = isSorted(this.count, (a, b) => this.#compare(a, b)) ? undefined : this.#sorted();
    for (let i = 1; i < this.count; i++)
      if (this.#compare(this.#at(i - 1), this.#at(i)) === 0)
        throw new MalformedError(`${JSON.stringify(this.#path(this.#at(i)))} is listed twice`);
    if (columns.ranges === undefined) return;
    this.#first = this.#groups();
    this.size = this.#first.length - 1;
  }

  /** Entries, in the order in which they are listed. */
  get count(): number {
    return this.#columns.names.count;
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
    const { names, digests, digestBytes } = this.#columns;
    const hash = nodeCrypto().createHash('sha256').update(`${this.count} ${digestBytes} ${names.encoded.length} `);
    return hash
      .update(names.encoded)
      .update(digests.subarray(0, this.count * digestBytes))
      .digest('hex');
  }

  #resource(i: number): Resource {
    const { ranges, digests, digestBytes } = this.#columns;
    const digest = digests.toString('hex', i * digestBytes, (i + 1) * digestBytes);
    return { path: this.#path(i), start: ranges?.start[i] ?? 0, end: ranges?.end[i], digest };
  }

  /** Bytes at the end of a name that are no part of the path. */
  #cut(entry: number): number {
    return this.#columns.ranges?.textBytes[entry] ?? 0;
  }

  #path(entry: number): PathBytes {
    return this.#columns.names.get(entry, this.#cut(entry));
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
    return this.#columns.names.compare(entry, this.#cut(entry), bytes, start, end);
  }

  /** By their paths, and then by where they start. */
  #compare(a: number, b: number): number {
    const { ranges } = this.#columns;
    const path = this.#path(a);
    const other = this.#path(b);
    if (path !== other) return path < other ? -1 : 1;
    return ranges === undefined ? 0 : (ranges.start[a] ?? 0) - (ranges.start[b] ?? 0);
  }

  #sorted(): Uint32Array {
    // Unlike that of typed arrays, this method makes use of what is in order already.
    return Uint32Array.from(Array.from({ length: this.count }, (_, i) => i).sort((a, b) => this.#compare(a, b)));
  }

  #groups(): Uint32Array {
    const first: number[] = [];
    let path: PathBytes | undefined;
    for (let i = 0; i < this.count; i++) {
      const here = this.#path(this.#at(i));
      if (here !== path) first.push(i);
      path = here;
    }
    return Uint32Array.from([...first, this.count]);
  }
}

function isSorted(count: number, compare: (a: number, b: number) => number): boolean {
  for (let i = 1; i < count; i++) if (compare(i - 1, i) > 0) return false;
  return true;
}
