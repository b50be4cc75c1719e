import { type Control, depthOf, isAnySlow, isSlow, markQuick, markSlow } from '../hash/index.ts';
import { timesBlocked } from './blocked.ts';
import { PIECE_BYTES } from './window.ts';

/**
 * For each piece. Page caches and disks of a node take 0.02 to 0.15 ms, network volumes from 0.6
 * on.
 */
const SLOW_MILLISECONDS = 0.5;

/** So many in a row: a thread that was interrupted once is none. */
const SLOW_IN_A_ROW = 2;

/**
 * A file of the page cache is opened and read in 0.02 to 0.05 ms; one that a server is asked for
 * never so fast.
 */
const QUICK_MILLISECONDS = 0.15;

/**
 * Files of a slow volume after which one is read as if it were none: twice as many each time that
 * it is.
 */
const TRY_AGAIN = 64;
const MOST_TRY_AGAIN = 4096;

/** Where that was quick every eighth one is; and after so many in a row, the volume is. */
const NEXT_TRIAL = 8;
const QUICK_IN_A_ROW = 8;

/** Finds out, from how long the reads of one thread take, which volumes are slow. */
export class Pace {
  readonly #control: Control;
  readonly #inARow = new Map<bigint, number>();
  readonly #timesBlocked: () => number | undefined;
  #blocked: number | undefined;
  #measured = 0;
  #untilTrial = TRY_AGAIN;
  #tryAgain = TRY_AGAIN;
  #isTrying = false;
  #quickInARow = 0;

  constructor(control: Control, blocked = timesBlocked) {
    this.#timesBlocked = blocked;
    this.#control = control;
  }

  get isAnySlow(): boolean {
    return isAnySlow(this.#control);
  }

  /** Whether many reads of this volume are to be kept in flight. */
  isSlow(device: () => bigint): boolean {
    return this.isAnySlow && (depthOf(this.#control).isGiven || isSlow(this.#control, device()));
  }

  /**
   * Whether the next file of a slow volume is to be opened and read by calls that return when they
   * are done, to find out whether the volume still is slow: a disk whose cache was empty is not for
   * long, and on a busy machine one that is not may look like it. To ask others for what the kernel
   * has at hand takes ten times as long.
   */
  isTrialDue(): boolean {
    if (depthOf(this.#control).isGiven || this.#untilTrial-- > 0) return false;
    this.#untilTrial = NEXT_TRIAL;
    this.#isTrying = true;
    return true;
  }

  /** True for the file of a trial, which may have been opened before. */
  takesTrial(): boolean {
    const isOne = this.#isTrying || this.isTrialDue();
    this.#isTrying = false;
    return isOne;
  }

  /** That took so long. */
  tried(milliseconds: number, device: () => bigint): void {
    const isQuick = milliseconds < QUICK_MILLISECONDS;
    this.#quickInARow = isQuick ? this.#quickInARow + 1 : 0;
    if (isQuick && this.#quickInARow < QUICK_IN_A_ROW) return;
    this.#quickInARow = 0;
    this.#untilTrial = this.#tryAgain;
    this.#tryAgain = Math.min(MOST_TRY_AGAIN, 2 * this.#tryAgain);
    if (isQuick) markQuick(this.#control, device());
  }

  /** How much of a buffer to read into: little, while it is not known whether that takes long. */
  part(room: Buffer): Buffer {
    const isKnown = this.#measured >= SLOW_IN_A_ROW && this.#inARow.size === 0;
    return isKnown || room.length <= PIECE_BYTES ? room : room.subarray(0, PIECE_BYTES);
  }

  /** Whether that is as long as a network volume takes for so many bytes. */
  isLong(milliseconds: number, bytes: number): boolean {
    return milliseconds >= SLOW_MILLISECONDS * Math.max(1, bytes / PIECE_BYTES);
  }

  /** Reading so many bytes took so long. */
  took(milliseconds: number, bytes: number, device: () => bigint): void {
    this.#measured++;
    if (!this.isLong(milliseconds, bytes)) {
      if (this.#inARow.size > 0) this.#inARow.delete(device());
      return;
    }
    const before = this.#inARow.get(device()) ?? 0;
    const blocked = this.#timesBlocked();
    // The first one is only a suspicion.
    const hasWaited = before === 0 || blocked === undefined || blocked !== this.#blocked;
    this.#blocked = blocked;
    const count = hasWaited ? before + 1 : 1;
    this.#inARow.set(device(), count);
    if (count < SLOW_IN_A_ROW) return;
    this.#inARow.delete(device());
    markSlow(this.#control, device());
  }
}
