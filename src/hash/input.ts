import { EntryReader } from '../fs/index.ts';
import { type Control, checkStop, countBytes } from './control.ts';
import { type Copy, createCopy } from './copy.ts';
import type { Next } from './queue.ts';

/** A file, or a shard of one, on its way into a hasher; staged meanwhile, where it is to be. */
export class Input {
  readonly #reader: EntryReader;
  readonly #copy: Copy | undefined;
  readonly #control: Control;

  /** @throws WeighlockError `SOURCE_CHANGED`, `SOURCE_UNAVAILABLE` or what creating the copy throws */
  constructor({ work, index, shard }: Next, control: Control) {
    const { root, files } = work.listing;
    this.#control = control;
    this.#copy = work.copyTo === undefined ? undefined : createCopy(work.copyTo, files, index);
    try {
      this.#reader = new EntryReader(root, files, index, shard);
    } catch (error) {
      this.#copy?.close();
      throw error;
    }
  }

  /** True when all of it was read. */
  get isAtEnd(): boolean {
    return this.#reader.isAtEnd;
  }

  /** Reads some of what is left. @returns how many bytes @throws Stopped when the run ends */
  read(buffer: Buffer): number {
    checkStop(this.#control);
    const length = this.#reader.read(buffer);
    this.#copy?.write(buffer.subarray(0, length));
    countBytes(this.#control, length);
    return length;
  }

  /** Looks at it once more, after the last byte, and syncs the copy. @throws WeighlockError `SOURCE_CHANGED` */
  finish(): void {
    this.#reader.check();
    this.#copy?.sync();
  }

  close(): void {
    this.#copy?.close();
    this.#reader.close();
  }
}
