import { EntryReader, type ReadWhole } from '../fs/index.ts';
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

  /** @throws WeighlockError `SOURCE_CHANGED`, what a system call's error means, or what creating the copy throws */
  static open({ work, index, shard }: Next, control: Control): Input {
    const { root, files } = work.listing;
    const copy = work.copyTo === undefined ? undefined : createCopy(work.copyTo, files, index, work.isAgain === true);
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

  /** Looks for the end behind the last byte, and at the file once more; syncs the copy. @throws WeighlockError as `EntryReader.finish` */
  finish(): ReadWhole {
    const isWhole = this.#reader.finish();
    this.#copy?.sync();
    return isWhole;
  }

  close(): void {
    this.#copy?.close();
    this.#reader.close();
  }
}
