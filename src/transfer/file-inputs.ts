import { errno } from '../error/index.ts';
import { type BigIntStats, openFileLater, type PathBytes } from '../fs/index.ts';
import { checkStop, type Inputs, type Next } from '../hash/index.ts';
import type { FileInput } from './file-input.ts';
import type { ReadingThread } from './thread.ts';

/** The files of one request, each of which is taken once. */
export interface Files {
  /** The next one; undefined when there is none left. */
  next(): Next | undefined;
  /** Whether it lies on a slow volume, as far as is known. */
  isSlow(next: Next): boolean;
  /** Opens it now. @returns undefined where it is not to be read @throws what is wrong with it */
  open(next: Next): FileInput | undefined;
  /** Where it is opened: the path below an open folder. */
  place(next: Next): readonly [folder: number, path: PathBytes];
  /**
   * Makes one of what was opened there.
   *
   * @param stat - its attributes; throws a system call's error
   * @throws as `open`
   */
  opened(next: Next, descriptor: number, stat: () => BigIntStats): FileInput | undefined;
  /** What to say when it could not be opened; undefined where nothing is said. */
  fault(next: Next, error: unknown): unknown;
  failed(next: Next, error: unknown): void;
}

/** A file with its input. */
interface Taken {
  readonly next: Next;
  readonly input: FileInput;
}

/**
 * Of files that nobody hashes yet no more than these and one are open: what one thread could not
 * begin to read is better left to another.
 */
const MOST_AHEAD_BYTES = 4 << 20;

/** Errors of a process, or a machine, that has no more descriptors. */
const TOO_MANY = ['EMFILE', 'ENFILE'];

/**
 * Opens files for a thread that hashes: one after the other as they are taken, and many ahead where
 * their volume is slow. Those are handed out as soon as there is something of them.
 */
export class FileInputs implements Inputs {
  readonly #files: Files;
  readonly #thread: ReadingThread;
  /**
   * Were taken from the files ahead, and are opened when nothing else is left: their volume is not
   * slow.
   */
  readonly #waiting: Next[] = [];
  /** Could not be opened for want of a descriptor. */
  readonly #again: Next[] = [];
  /** Open, and nothing has come yet; those that are being opened. */
  readonly #coming = new Set<Taken>();
  #opening = 0;
  /** Bytes of all these. */
  #aheadBytes = 0;
  #isOver = false;

  constructor(files: Files, thread: ReadingThread) {
    this.#files = files;
    this.#thread = thread;
  }

  take(): Taken | 'later' | undefined {
    checkStop(this.#thread.control);
    for (;;) {
      if (this.#coming.size > 0 || this.#opening > 0) {
        const ready = this.#firstReady();
        if (ready !== undefined) return ready;
        if (this.#coming.size > 0 || this.#opening > 0) {
          this.#thread.reads.pump();
          return 'later';
        }
      }
      const next = this.#leftOver() ?? this.#next();
      if (next === undefined) return undefined;
      if (this.#thread.pace.isAnySlow && this.#files.isSlow(next)) {
        this.#thread.reads.opener = this.#open;
        this.#openLater(next);
        continue;
      }
      const taken = this.#openNow(next);
      if (taken !== undefined) return taken;
    }
  }

  failed(next: Next, error: unknown): void {
    this.#files.failed(next, error);
  }

  arrival(): Promise<void> {
    return this.#thread.reads.arrival();
  }

  turn(): Promise<void> | undefined {
    return this.#thread.reads.turn();
  }

  /** Ends what nobody takes any more, and waits for what is in flight. */
  async close(): Promise<void> {
    this.#isOver = true;
    const { reads } = this.#thread;
    reads.opener = undefined;
    for (const { input } of this.#coming) input.close();
    this.#coming.clear();
    await reads.idle();
  }

  #leftOver(): Next | undefined {
    if (this.#again.length > 0) return this.#again.shift();
    return this.#waiting.length > 0 ? this.#waiting.shift() : undefined;
  }

  #next(): Next | undefined {
    const next = this.#isOver ? undefined : this.#files.next();
    this.#isOver = next === undefined;
    return next;
  }

  #firstReady(): Taken | undefined {
    for (const taken of this.#coming) {
      if (!taken.input.isReady) continue;
      this.#coming.delete(taken);
      this.#aheadBytes -= taken.next.length;
      if (this.#isBegun(taken)) return taken;
    }
    return undefined;
  }

  #openNow(next: Next): Taken | undefined {
    try {
      const input = this.#files.open(next);
      return input !== undefined && this.#isBegun({ next, input }) ? { next, input } : undefined;
    } catch (error) {
      this.#files.failed(next, error);
      return undefined;
    }
  }

  #isBegun({ next, input }: Taken): boolean {
    try {
      input.begin();
      return true;
    } catch (error) {
      input.close();
      this.#files.failed(next, error);
      return false;
    }
  }

  /** Opens another file ahead. */
  readonly #open = (): boolean => {
    if (this.#aheadBytes >= MOST_AHEAD_BYTES) return false;
    if (!this.#thread.pace.isAnySlow) return false;
    const next = this.#again.shift() ?? this.#next();
    if (next === undefined) return false;
    if (!this.#files.isSlow(next)) this.#waiting.push(next);
    else if (this.#thread.pace.isTrialDue()) this.#openTrial(next);
    else this.#openLater(next);
    return true;
  };

  #openTrial(next: Next): void {
    try {
      const input = this.#files.open(next);
      if (input === undefined) return;
      this.#coming.add({ next, input });
      this.#aheadBytes += next.length;
    } catch (error) {
      // Some of those that are open will be closed.
      if (TOO_MANY.includes(errno((error as Error).cause) ?? '')) this.#again.push(next);
      else this.#files.failed(next, error);
    }
  }

  #openLater(next: Next): void {
    const { reads } = this.#thread;
    const [folder, path] = this.#files.place(next);
    this.#opening++;
    this.#aheadBytes += next.length;
    reads.opens++;
    reads.call<number>(
      (done) => openFileLater(folder, path, done),
      (error, descriptor) => {
        if (descriptor === undefined) this.#notOpened(next, error);
        else
          reads.stat(reads.quick.opened, descriptor, (statError, stat) =>
            this.#opened(next, descriptor, statError, stat),
          );
      },
    );
  }

  #notOpened(next: Next, error: unknown): void {
    const { reads } = this.#thread;
    this.#opening--;
    this.#aheadBytes -= next.length;
    reads.opens--;
    // Some of those that are open will be closed.
    if (TOO_MANY.includes(errno(error) ?? '') && reads.opens > 0) {
      reads.openFewer();
      this.#again.push(next);
      return;
    }
    const fault = this.#files.fault(next, error);
    if (fault !== undefined) this.#files.failed(next, fault);
  }

  #opened(next: Next, descriptor: number, error: unknown, stat: BigIntStats | undefined): void {
    this.#opening--;
    this.#aheadBytes -= next.length;
    const look = () => {
      if (stat === undefined) throw error;
      return stat;
    };
    try {
      const input = this.#files.opened(next, descriptor, look);
      if (input === undefined) return;
      // From now on its window counts it.
      this.#thread.reads.opens--;
      input.readAhead();
      this.#coming.add({ next, input });
      this.#aheadBytes += next.length;
    } catch (fault) {
      this.#files.failed(next, fault);
    }
  }
}
