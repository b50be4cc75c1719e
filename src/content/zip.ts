import { Unsound } from './cursor.ts';
import type { Read, Reader } from './inspector.ts';
import { ZipArrays } from './zip-arrays.ts';
import { ZipNames } from './zip-names.ts';

/** A larger one is a zip, whatever it holds. */
export const MOST_ZIP_BYTES = 64 << 20;

/**
 * What a zip is, as it comes and in constant memory: arrays of NumPy, which hold data alone, or
 * something that executes when it is loaded.
 */
export class ZipReader implements Reader {
  readonly #names = new ZipNames();
  readonly #arrays = new ZipArrays();
  #fault: Unsound | undefined;
  #size = 0;
  readonly #expected: number;

  /** @param expected - bytes of the file, where they are known */
  constructor(expected: number | undefined) {
    this.#expected = expected ?? 0;
  }

  push(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#isTooLarge) return;
    this.#names.push(chunk);
    if (this.#fault !== undefined) return;
    try {
      this.#arrays.push(chunk);
    } catch (error) {
      if (!(error instanceof Unsound)) throw error;
      // What it is called by its names is said all the same.
      this.#fault = error;
    }
  }

  get ahead(): number {
    if (this.#isTooLarge) return Number.POSITIVE_INFINITY;
    return this.#fault === undefined ? this.#arrays.ahead : 0;
  }

  skip(bytes: number): void {
    this.#size += bytes;
    if (this.#isTooLarge) return;
    this.#names.skip();
    try {
      this.#arrays.skip(bytes);
    } catch (error) {
      if (!(error instanceof Unsound)) throw error;
      this.#fault = error;
    }
  }

  /** @throws Unsound */
  finish(): Read {
    if (this.#isTooLarge) return { format: 'zip' };
    const named = this.#names.finish();
    if (named !== undefined) return { format: named };
    if (this.#fault !== undefined) throw this.#fault;
    return { format: this.#arrays.finish() };
  }

  get #isTooLarge(): boolean {
    return this.#size > MOST_ZIP_BYTES || this.#expected > MOST_ZIP_BYTES;
  }
}
