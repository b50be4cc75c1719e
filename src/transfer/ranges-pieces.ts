import {
  MOST_PIECES,
  PIECE_BYTES,
  PIECES,
  PLACE_AT,
  placeAt,
  placeOf,
  type RangeLimits,
} from './ranges-connections.ts';

/**
 * The memory for what comes before its turn: what all threads have taken is limited together.
 * Whoever waits for memory need not hear of other threads: what is first in its own blob never
 * waits, and makes room.
 *
 * Pieces lie in memory that the threads share: buffers of their own, given back and made anew, were
 * up to 100 MiB of garbage at a time.
 */
export class Pieces {
  readonly #limits: RangeLimits;
  #waiting: (() => void)[] = [];

  constructor(limits: RangeLimits) {
    this.#limits = limits;
  }

  take(): Buffer {
    Atomics.add(this.#limits, PIECES, 1);
    // The first one that is free: what was never needed is never touched.
    for (let place = 0; PLACE_AT + place < this.#limits.length; place++) {
      if (Atomics.compareExchange(this.#limits, PLACE_AT + place, 0, 1) !== 0) continue;
      return placeAt(this.#limits, place);
    }
    return Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  give(piece: Buffer): void {
    const place = placeOf(this.#limits, piece);
    if (place !== undefined) Atomics.store(this.#limits, PLACE_AT + place, 0);
    Atomics.sub(this.#limits, PIECES, 1);
    this.announce();
  }

  /** True while nothing more should be received ahead of its turn. */
  get isShort(): boolean {
    return Atomics.load(this.#limits, PIECES) >= (this.#limits[MOST_PIECES] ?? 0);
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
}
