import { EntryReader } from '../fs/index.ts';
import { type Control, checkStop, countBytes } from './control.ts';
import { type Copy, createCopy } from './copy.ts';
import type { Next } from './queue.ts';

/** A file, or a shard of one, on its way into a hasher; staged meanwhile, where it is to be. */
export class Input {
  readonly #reader: EntryReader;
  readonly #copy: Copy | undefined;
  readonly #control: Control;

  constructor(reader: EntryReader, control: Control, copy?: Copy) {
    this.#reader = reader;
    this.#control = control;
    this.#copy = copy;
  }

  /** @throws WeighlockError `SOURCE_CHANGED`, `SOURCE_UNAVAILABLE` or what creating the copy throws */
  static open({ work, index, shard }: Next, control: Control): Input {
    const { root, files } = work.listing;
    const copy = work.copyTo === undefined ? undefined : createCopy(work.copyTo, files, index);
    try {
      return new Input(EntryReader.open(root, files, index, shard), control, copy);
    } catch (error) {
      copy?.close();
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
