import { type BigIntStats, type Done, type EntrySource, type OpenEntry, readLater, readNow } from '../fs/index.ts';
import type { Reads } from './reads.ts';

/** What is asked for at once: what FUSE and the read-ahead of the kernel take for one request. */
export const PIECE_BYTES = 1 << 17;

/** A piece that was asked for. */
interface Slot {
  readonly buffer: Buffer;
  readonly position: number;
  /** Bytes of the file; one more is asked for behind the last. */
  readonly length: number;
  filled: number;
  isDone: boolean;
  error?: unknown;
}

/**
 * Part of an open file, of which many pieces are asked for at once. They come in any order, and are
 * handed out in that of the file: so the first fault in it is the one that is told. After the last
 * piece has come the file is looked at once more.
 */
export class Window implements EntrySource {
  /** A piece is there when it is full, or when a read has brought nothing. */
  readonly endsShortReads = true;
  /** Somebody takes its pieces: what nobody takes yet comes later. */
  isTaken = false;
  readonly #entry: OpenEntry;
  readonly #reads: Reads;
  readonly #slots: Slot[] = [];
  #next: number;
  #isIssued = false;
  #isClosed = false;
  /** Calls in flight. */
  #underWay = 0;
  #stat: { readonly stat: BigIntStats } | { readonly error: unknown } | undefined;

  constructor(entry: OpenEntry, reads: Reads) {
    this.#entry = entry;
    this.#reads = reads;
    this.#next = entry.start;
    // Only the end is to be looked for behind what was read before.
    this.#isIssued = entry.start >= entry.end && !entry.reachesEnd;
    reads.opens++;
    reads.add(this);
  }

  /** True while there is something left to ask for. */
  get isReadable(): boolean {
    return !this.#isIssued && !this.#isClosed;
  }

  /** Pieces that were asked for and are not used. */
  get ahead(): number {
    return this.#slots.length;
  }

  /** True when whoever takes the first piece, or all of a small file, does not have to wait. */
  get isReady(): boolean {
    const [slot] = this.#slots;
    if (slot === undefined || !slot.isDone) return false;
    const isOnly = this.#isIssued && this.#slots.length === 1;
    return !isOnly || slot.error !== undefined || slot.filled < slot.length || this.#stat !== undefined;
  }

  /** Bytes of the next piece. */
  get nextBytes(): number {
    return Math.min(this.#entry.end, this.#next - (this.#next % PIECE_BYTES) + PIECE_BYTES) - this.#next;
  }

  /** Asks for the next piece. @param buffer - for its bytes, and one more */
  issue(buffer: Buffer): void {
    const length = this.nextBytes;
    const slot: Slot = { buffer, position: this.#next, length, filled: 0, isDone: false };
    this.#next += length;
    this.#isIssued = this.#next >= this.#entry.end;
    this.#slots.push(slot);
    const wanted = this.#isIssued && this.#entry.reachesEnd ? length + 1 : length;
    this.#underWay++;
    this.#reads.begin<void>(
      (done) => this.#fill(slot, wanted, done),
      (error) => {
        this.#underWay--;
        slot.isDone = true;
        if (error !== null) slot.error = error;
        if (this.#isClosed) this.#release();
        else if (this.#isIssued && this.#underWay === 0) this.#look();
      },
    );
  }

  read(_room: Buffer, most: number, position: number): Buffer | undefined {
    this.#drop(position);
    const [slot] = this.#slots;
    if (slot === undefined || !slot.isDone) return undefined;
    if (slot.error !== undefined) throw slot.error;
    const from = position - slot.position;
    return slot.buffer.subarray(from, Math.min(slot.filled, from + most));
  }

  stat(): BigIntStats | undefined {
    // Of what was read before a window was made of it nothing was left to ask for.
    if (this.#stat === undefined && this.#slots.length === 0 && this.#underWay === 0) this.#look();
    const found = this.#stat;
    if (found === undefined) return undefined;
    if ('error' in found) throw found.error;
    return found.stat;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reads.remove(this);
    this.#release();
  }

  /**
   * A read that brings less than was asked for is continued: only one that brings nothing has met
   * the end.
   */
  #fill(slot: Slot, wanted: number, done: Done<void>): void {
    const { descriptor } = this.#entry;
    const rest = slot.buffer.subarray(slot.filled, wanted);
    const at = slot.position + slot.filled;
    const came: Done<number> = (error, length = 0) => {
      slot.filled += length;
      if (error === null && length > 0 && slot.filled < wanted && !this.#isClosed) this.#fill(slot, wanted, done);
      else done(error);
    };
    const later = (done: Done<number>) => readLater(descriptor, rest, at, done);
    if (slot.filled < slot.length) later(came);
    else this.#reads.quick.end.call(() => readNow(descriptor, rest, at), later, came);
  }

  /** Gives back the pieces before a position; the last one tells what lies behind the end. */
  #drop(position: number): void {
    for (let [slot] = this.#slots; slot?.isDone === true; [slot] = this.#slots) {
      const isLast = this.#isIssued && this.#slots.length === 1;
      if (isLast || position < slot.position + slot.length) return;
      this.#slots.shift();
      this.#reads.giveBack(slot.buffer);
    }
  }

  #look(): void {
    this.#underWay++;
    this.#reads.stat(this.#reads.quick.closing, this.#entry.descriptor, (error, stat) => {
      this.#underWay--;
      this.#stat = stat === undefined ? { error } : { stat };
      if (this.#isClosed) this.#release();
    });
  }

  /**
   * The descriptor is closed when no read of it is in flight: its number may be another file's
   * then.
   */
  #release(): void {
    if (this.#underWay > 0) return;
    for (const { buffer } of this.#slots.splice(0)) this.#reads.giveBack(buffer);
    this.#reads.close(this.#entry.descriptor);
  }
}
