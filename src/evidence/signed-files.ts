import { WeighlockError } from '../error/index.ts';
import { DIGEST_BYTES, type FileTable, type PathBytes } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import type { FrontCodedNames } from './front-coded-names.ts';
import { MalformedError } from './strict-json.ts';

/** Bytes `start` to `end` of a file, or all of it. */
export interface Resource {
  readonly path: PathBytes;
  readonly start: number;
  /** Exclusive; undefined for the whole file, of whatever length. */
  readonly end: number | undefined;
  readonly digest: string;
}

/** Which bytes an entry is about, and how long the text is that says so at the end of its name. */
interface Ranges {
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly textBytes: Uint8Array;
}

export interface Columns {
  readonly names: FrontCodedNames;
  readonly isInNameOrder: boolean;
  /** Each name is that of a file, and comes after the one before it. */
  readonly isPlain: boolean;
  readonly ranges: Ranges | undefined;
  readonly digestBytes: number;
}

/** @throws WeighlockError `SOURCE_CHANGED` */
function recalled(recall: () => Buffer): Buffer {
  try {
    return recall();
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw notTheSame(error);
  }
}

function notTheSame(cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'SOURCE_CHANGED',
      message: 'the list that was signed cannot be read again as it was',
      remedy: 'see what writes to the file of the signature, and restart the pod',
    },
    { cause },
  );
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
  /** Undefined while nobody asks for them: there is SHA-256 of all of them, and a way to them. */
  #digests: Buffer | undefined;
  #forgotten: { readonly root: string; readonly recall: () => Buffer } | undefined;
  /** Has every file that is listed, with the digest that it has in the list. */
  #proven: FileTable | undefined;

  /** @throws MalformedError for what is listed twice */
  constructor({ digests, ...columns }: Columns & { readonly digests: Buffer }) {
    this.#columns = columns;
    this.#digests = digests;
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
   * Gives back the memory of all digests, a third of what the table of such a folder takes. Whether
   * files have them is told by the SHA-256 of all; which one has not, when they are read again.
   *
   * @param root - SHA-256 over all, hex
   * @param recall - brings the same again; throws where it cannot
   */
  forgetDigests(root: string, recall: () => Buffer): void {
    const { isPlain, digestBytes } = this.#columns;
    if (!isPlain || digestBytes !== DIGEST_BYTES || this.#digests === undefined) return;
    (this.#digests.buffer as ArrayBuffer).transfer(0);
    this.#digests = undefined;
    this.#forgotten = { root, recall };
  }

  /**
   * Looks at a whole table before it is asked about each of its files.
   *
   * @returns true where all that is listed is there, with its digest; false where that is to be
   * asked file by file
   */
  prove(table: FileTable): boolean {
    this.#proven = this.#digests === undefined && this.#isIn(table) ? table : undefined;
    return this.#proven !== undefined;
  }

  /** Whether all that is listed is there, in its order, and all of its digests are these. */
  #isIn({ count, names, nameEnd, digests, hashed }: FileTable): boolean {
    const hash = nodeCrypto().createHash('sha256');
    let found = 0;
    let first = 0;
    for (let i = 0; i <= count; i++) {
      const file = i < count ? this.#find(names, nameEnd[i - 1] ?? 0, nameEnd[i] ?? 0) : undefined;
      if (file !== undefined) {
        if (file !== found || hashed[i] !== 1) return false;
        found++;
        continue;
      }
      hash.update(digests.subarray(first * DIGEST_BYTES, i * DIGEST_BYTES));
      first = i + 1;
    }
    return found === this.size && hash.digest('hex') === this.#forgotten?.root;
  }

  /** @throws WeighlockError `SOURCE_CHANGED` when what was signed is not there any more */
  get #all(): Buffer {
    if (this.#digests === undefined) {
      const { root, recall } = this.#forgotten as { readonly root: string; readonly recall: () => Buffer };
      const digests = recalled(recall);
      if (nodeCrypto().createHash('sha256').update(digests).digest('hex') !== root) throw notTheSame();
      this.#digests = digests;
    }
    return this.#digests;
  }

  /**
   * What is promised of a file of a table: that it is there (`listed`), and has the SHA-256 that
   * was measured (`same`). Fast where the files come in the order of their names.
   */
  promiseOf(table: FileTable, index: number): 'same' | 'listed' | undefined {
    const { names, nameEnd, digests, hashed } = table;
    const file = this.#find(names, nameEnd[index - 1] ?? 0, nameEnd[index] ?? 0);
    if (file === undefined) return undefined;
    if (hashed[index] !== 1 || this.#columns.digestBytes !== DIGEST_BYTES || this.#shards(file) !== 1) return 'listed';
    if (this.#proven === table) return 'same';
    const expected = this.#all;
    const [a, b] = [32 * index, 32 * this.#entry(file)];
    for (let i = 0; i < 32; i++) if (digests[a + i] !== expected[b + i]) return 'listed';
    return 'same';
  }

  /** SHA-256 of all that is said, hex: the same for two lists that say the same. */
  get digest(): string {
    const { names, digestBytes } = this.#columns;
    const hash = nodeCrypto().createHash('sha256').update(`${this.count} ${digestBytes} ${names.encoded.length} `);
    return hash
      .update(names.encoded)
      .update(this.#all.subarray(0, this.count * digestBytes))
      .digest('hex');
  }

  #resource(i: number): Resource {
    const { ranges, digestBytes } = this.#columns;
    const digest = this.#all.toString('hex', i * digestBytes, (i + 1) * digestBytes);
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
