import { NeedsMore, Unsound } from './cursor.ts';
import type { Read, Reader } from './inspector.ts';

/**
 * What the headers of all files may take that one thread reads at a time. One may have 100 MB, as
 * the reference implementation of safetensors allows; those of real models have a few, and many
 * files with ones of 100 MB are there to use up memory.
 */
export const MOST_HEADER_BYTES_AT_ONCE = 160 << 20;
let keptByThread = 0;

/** Keeps the beginning of a file, as much as its parser asks for. */
export class HeadReader implements Reader {
  readonly #parse: (head: Buffer, size: number) => Read;
  readonly #expected: number;
  readonly #most: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #nextTry = 0;
  #isEnough = false;
  /** What came of it for a file of the expected size. */
  #outcome: Read | Unsound | undefined;

  /** @param expected - bytes of the file, where they are known */
  constructor(expected: number | undefined, most: number, parse: (head: Buffer, size: number) => Read) {
    this.#expected = expected ?? Number.MAX_SAFE_INTEGER;
    this.#most = most;
    this.#parse = parse;
  }

  /** @throws Unsound */
  push(chunk: Buffer): void {
    if (this.#isEnough) return;
    const part = chunk.subarray(0, this.#most - this.#length);
    if (keptByThread + part.length > MOST_HEADER_BYTES_AT_ONCE) {
      this.drop();
      throw new Unsound(`headers of more than ${MOST_HEADER_BYTES_AT_ONCE} bytes are read at once, its own among them`);
    }
    keptByThread += part.length;
    this.#length += part.length;
    this.#chunks.push(Buffer.from(part));
    if (this.#length < this.#nextTry) return;
    this.#nextTry = 2 * this.#length;
    this.#isEnough = this.#length === this.#most || !this.#needsMore();
  }

  get ahead(): number {
    return this.#isEnough ? Number.POSITIVE_INFINITY : 0;
  }

  drop(): void {
    keptByThread -= this.#length;
    this.#length = 0;
    this.#chunks = [];
    this.#isEnough = true;
  }

  finish(size: number): Read {
    const outcome = size === this.#expected ? this.#outcome : undefined;
    try {
      if (outcome instanceof Unsound) throw outcome;
      return outcome ?? this.#parse(Buffer.concat(this.#chunks), size);
    } catch (error) {
      if (!(error instanceof NeedsMore)) throw error;
      throw new Unsound(`its header is longer than ${this.#most} bytes`);
    } finally {
      this.drop();
    }
  }

  #needsMore(): boolean {
    const head = Buffer.concat(this.#chunks);
    this.#chunks = [head];
    try {
      this.#outcome = this.#parse(head, this.#expected);
    } catch (error) {
      if (error instanceof NeedsMore) return true;
      if (!(error instanceof Unsound)) throw error;
      this.#outcome = error;
    }
    // It is read once, and nothing of it is kept, where the size of the file is known.
    if (this.#expected !== Number.MAX_SAFE_INTEGER) this.drop();
    return false;
  }
}
