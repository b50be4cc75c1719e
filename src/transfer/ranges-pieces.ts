import { MOST_PIECES, PIECE_BYTES, PIECES, type RangeLimits } from './ranges-connections.ts';

/**
 * The memory for what comes before its turn: what all threads have taken is limited together.
 * Whoever waits for memory need not hear of other threads: what is first in its own blob never
 * waits, and makes room.
 */
export class Pieces {
  readonly #limits: RangeLimits;
  readonly #free: Buffer[] = [];
  #waiting: (() => void)[] = [];
  #threads = 1;

  constructor(limits: RangeLimits) {
    this.#limits = limits;
  }

  /** One of several threads keeps no more for later than its share. */
  shareWith(threads: number): void {
    this.#threads = threads;
  }

  take(): Buffer {
    Atomics.add(this.#limits, PIECES, 1);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  give(piece: Buffer): void {
    const taken = Atomics.sub(this.#limits, PIECES, 1) - 1;
    if (taken + this.#free.length * this.#threads < this.#most) this.#free.push(piece);
    this.announce();
  }

  /** True while nothing more should be received ahead of its turn. */
  get isShort(): boolean {
    return Atomics.load(this.#limits, PIECES) >= this.#most;
  }

  /** Resolves at the next change of anything that somebody may wait for. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  announce(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  get #most(): number {
    return this.#limits[MOST_PIECES] ?? 0;
  }
}
