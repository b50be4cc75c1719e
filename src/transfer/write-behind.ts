import { closeSync, fdatasync, write } from 'node:fs';
import { ioError, lacksSync, tookNothing } from '../fs/index.ts';
import { PIECE_BYTES } from '../hash/index.ts';

/** Pieces on their way to the disk before whoever brings more has to wait. */
const DEPTH = 4;

/**
 * Written bytes are sent on to the disk in steps of this size, so that the last sync finds little
 * left to do.
 */
export const SYNC_BYTES = 128 << 20;

type Step =
  | { readonly kind: 'write'; readonly file: number; readonly piece: Buffer; from: number; position: number }
  | { readonly kind: 'close'; readonly file: number };

/**
 * Writes pieces to files in order, in libuv's threads, while the next ones are received and hashed
 * here. A failure is kept, and thrown at the next `room` or `drain`.
 */
export class WriteBehind {
  readonly #free: Buffer[] = [];
  readonly #steps: Step[] = [];
  #isBusy = false;
  #isSyncing = false;
  #unsynced = 0;
  #failure: unknown;
  #waiting: (() => void)[] = [];

  /** An empty piece of `PIECE_BYTES`; a new one when all are on their way. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  /** Gives back a piece that is not to be written. */
  give(piece: Buffer): void {
    if (this.#free.length < DEPTH) this.#free.push(whole(piece));
  }

  /**
   * Writes a piece that `take` gave, or its beginning, at a position of a file; it belongs to the
   * queue from now on.
   */
  write(file: number, piece: Buffer, position: number): void {
    this.#steps.push({ kind: 'write', file, piece, from: 0, position });
    this.#next();
  }

  /** Closes a file after everything before it was written. */
  close(file: number): void {
    this.#steps.push({ kind: 'close', file });
    this.#next();
  }

  /** Resolves when there is room for more. @throws WeighlockError I/O codes */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#steps.length >= DEPTH) await this.#progress();
    this.#rethrow();
  }

  /** True when `room` would have to wait, or to throw. */
  get isFull(): boolean {
    return this.#failure !== undefined || this.#steps.length >= DEPTH;
  }

  /** Resolves when everything was written. @throws WeighlockError I/O codes */
  async drain(): Promise<void> {
    await this.settle();
    this.#rethrow();
  }

  /** Resolves when nothing is on its way any more, whatever came of it. */
  async settle(): Promise<void> {
    while (this.#isBusy || this.#isSyncing || this.#steps.length > 0) await this.#progress();
  }

  /** Forgets a failure: the queue serves another file. */
  reset(): void {
    this.#failure = undefined;
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw ioError(this.#failure, 'write to the staging folder');
  }

  #progress(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #next(): void {
    if (this.#isBusy) return;
    const step = this.#steps[0];
    if (step === undefined) return;
    if (step.kind === 'close') {
      if (this.#isSyncing) return;
      this.#steps.shift();
      this.#close(step.file);
    } else if (this.#failure !== undefined) {
      // After a failure nothing more is written, but every file is still closed.
      this.#steps.shift();
      this.give(step.piece);
    } else {
      this.#write(step);
      return;
    }
    this.#next();
    this.#wake();
  }

  /** Some file systems, such as NFS, say only then that there was no room. */
  #close(file: number): void {
    try {
      closeSync(file);
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #write(step: Step & { kind: 'write' }): void {
    this.#isBusy = true;
    const { file, piece, from, position } = step;
    write(file, piece, from, piece.length - from, position, (error, written) => {
      this.#isBusy = false;
      if (error !== null || written === 0) this.#failure ??= error ?? tookNothing();
      step.from += written;
      step.position += written;
      if (step.from === piece.length) {
        this.#steps.shift();
        this.give(piece);
        this.#sync(file, piece.length);
      }
      this.#next();
      this.#wake();
    });
  }

  #sync(file: number, bytes: number): void {
    this.#unsynced += bytes;
    if (this.#isSyncing || this.#unsynced < SYNC_BYTES) return;
    this.#isSyncing = true;
    this.#unsynced = 0;
    fdatasync(file, (error) => {
      this.#isSyncing = false;
      if (error !== null && !lacksSync(error)) this.#failure ??= error;
      this.#next();
      this.#wake();
    });
  }
}

function whole(piece: Buffer): Buffer {
  return piece.length === PIECE_BYTES ? piece : Buffer.from(piece.buffer, piece.byteOffset, PIECE_BYTES);
}
