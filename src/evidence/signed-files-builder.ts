import { MAX_PATH_BYTES, type PathBytes } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { FrontCodedNames } from './front-coded-names.ts';
import { SignedFiles } from './signed-files.ts';
import { MalformedError } from './strict-json.ts';

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

  /** The raw digests, in the order in which they were added. */
  get digests(): Buffer {
    return this.#digests.subarray(0, this.count * this.#digestBytes);
  }

  /** SHA-256 over these, hex. */
  root(): string {
    return nodeCrypto().createHash('sha256').update(this.digests).digest('hex');
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
