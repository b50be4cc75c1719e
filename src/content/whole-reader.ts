import { memoryShare } from '../memory-share.ts';
import { Unsound } from './cursor.ts';
import type { Read, Reader } from './inspector.ts';

/**
 * A thread keeps no more of the files that it reads at a time than this part of the memory: two
 * threads a quarter of it. What is beyond it is refused, and not killed for it.
 */
const SHARE = 8;
const MIB = 2 ** 20;
/** Of any container: images and vocabularies are smaller. */
const LEAST_BYTES = 32 * MIB;
let keptByThread = 0;

/** Bytes that the files of one thread may take that are looked at as a whole. */
export function mostKeptBytes(memory?: number): number {
  return memoryShare(SHARE, LEAST_BYTES, memory);
}

/** Keeps all of a file that is not large. */
export class WholeReader implements Reader {
  readonly #most: number;
  readonly #mostKept: number;
  readonly #parse: (bytes: Buffer) => Read;
  /** Nothing is kept of what is too large, which its size says before. */
  #keeps: boolean;
  #chunks: Buffer[] = [];
  #kept = 0;
  #length = 0;

  /**
   * @param expected - bytes of the file, where they are known
   * @param most - bytes of a file that is looked at
   */
  constructor(expected: number | undefined, most: number, parse: (bytes: Buffer) => Read, mostKept = mostKeptBytes()) {
    this.#most = most;
    this.#mostKept = mostKept;
    this.#parse = parse;
    this.#keeps = expected === undefined || expected <= most;
  }

  /** @throws Unsound */
  push(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.#most) this.drop();
    if (!this.#keeps) return;
    if (keptByThread + chunk.length > this.#mostKept) {
      this.drop();
      const most = Math.floor(this.#mostKept / MIB);
      throw new Unsound(
        `what is looked at as a whole takes more than ${most} MiB at once, its own among it: more memory allows more`,
      );
    }
    keptByThread += chunk.length;
    this.#kept += chunk.length;
    this.#chunks.push(Buffer.from(chunk));
  }

  drop(): void {
    keptByThread -= this.#kept;
    this.#kept = 0;
    this.#chunks = [];
    this.#keeps = false;
  }

  finish(): Read {
    const isWhole = this.#keeps;
    const bytes = Buffer.concat(this.#chunks);
    this.drop();
    if (isWhole) return this.#parse(bytes);
    throw new Unsound(`it is larger than ${this.#most} bytes, and cannot be looked at as a whole`);
  }
}
