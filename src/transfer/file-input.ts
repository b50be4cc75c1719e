import type { EntryReader, ReadWhole } from '../fs/index.ts';
import { awaitBytes, checkStop, countBytes, type Input } from '../hash/index.ts';
import type { Copy } from './copy.ts';
import type { ReadingThread } from './thread.ts';
import { Window } from './window.ts';

/**
 * A file, or a shard of one, on its way into a hasher; staged meanwhile, where it is to be. It is
 * read by calls that return when they are done, and from the moment on that its volume is found to
 * be slow by many calls at once.
 */
export class FileInput implements Input {
  readonly #reader: EntryReader;
  readonly #thread: ReadingThread;
  readonly #device: () => bigint;
  readonly #makeCopy: (() => Copy) | undefined;
  #copy: Copy | undefined;
  #window: Window | undefined;
  /** Milliseconds that opening it took, until they are counted. */
  #opening: number;
  #isTrial = false;

  /** @param device - `st_dev` */
  constructor(
    reader: EntryReader,
    thread: ReadingThread,
    device: () => bigint,
    { opening = 0, makeCopy }: { readonly opening?: number; readonly makeCopy?: (() => Copy) | undefined } = {},
  ) {
    this.#reader = reader;
    this.#thread = thread;
    this.#device = device;
    this.#opening = opening;
    this.#makeCopy = makeCopy;
  }

  get isAtEnd(): boolean {
    return this.#reader.isAtEnd;
  }

  /** True when whoever takes something of it does not have to wait. */
  get isReady(): boolean {
    return this.#window?.isReady !== false;
  }

  /** From now on, many of its reads may be in flight. */
  readAhead(): Window {
    const { reads } = this.#thread;
    return this.#reader.readFrom((open) => {
      this.#window = new Window(open, reads);
      reads.pump();
      return this.#window;
    });
  }

  /** Said when it is about to be hashed. @throws WeighlockError when the copy cannot be created */
  begin(): void {
    this.#copy = this.#makeCopy?.();
    if (this.#window !== undefined) this.#window.isTaken = true;
  }

  take(room: Buffer): Buffer | undefined {
    const { control, pace } = this.#thread;
    checkStop(control);
    if (this.#window === undefined && pace.isSlow(this.#device)) {
      this.#isTrial = pace.takesTrial();
      if (!this.#isTrial) this.readAhead().isTaken = true;
    }
    const chunk = this.#window === undefined ? this.#takeNow(pace.part(room)) : this.#reader.read(room);
    if (chunk === undefined) return undefined;
    this.#copy?.write(chunk);
    countBytes(control, chunk.length);
    return chunk;
  }

  finish(): ReadWhole | undefined {
    const isWhole = this.#reader.finish();
    if (isWhole !== undefined) this.#copy?.sync();
    return isWhole;
  }

  close(): void {
    this.#copy?.close();
    this.#reader.close();
  }

  #takeNow(room: Buffer): Buffer | undefined {
    const { control, pace } = this.#thread;
    awaitBytes(control, Math.min(this.#reader.left, room.length));
    const opening = this.#opening;
    this.#opening = 0;
    // Where that took long it counts by itself: so the first read may tell.
    const wasLong = !this.#isTrial && pace.isLong(opening, 0);
    if (wasLong) pace.took(opening, 0, this.#device);
    const from = performance.now();
    const chunk = this.#reader.read(room);
    const reading = performance.now() - from;
    const length = chunk?.length ?? 0;
    if (this.#isTrial) pace.tried(opening + reading, this.#device);
    else if (!wasLong) pace.took(opening + reading, length, this.#device);
    else if (pace.isLong(reading, length)) pace.took(reading, length, this.#device);
    return chunk;
  }
}
