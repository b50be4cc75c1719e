/** To begin with: enough to see how long a call takes when it is not alone. */
const FIRST = 8;

/**
 * Twice the depth has to bring a third more at least: less is a server, or a processor, that has
 * enough to do.
 */
const LEAST_GAIN = 4 / 3;

/** Calls that tell how long one takes, at least. */
const LEAST_CALLS = 16;

/**
 * Calls after which a deeper step is tried again: what was the matter may be over. Twice as many
 * each time that it is not.
 */
const TRY_AGAIN = 256;
const MOST_TRY_AGAIN = 8192;

/**
 * How many calls to keep in flight: twice as many as long as that makes them faster. By Little's
 * law their rate is their number over the time that one takes, so that time tells. It is that of
 * the quickest quarter: a server that has enough to do lets all of them wait, and a thread that was
 * interrupted, or hashes, only some.
 */
export class Depth {
  #depth = FIRST;
  /**
   * Calls that do not count: those that were begun before the last change, and those that found
   * free what had served them.
   */
  #skip = 0;
  /** Milliseconds of each call since then. */
  #times: number[] = [];
  /** Calls per millisecond at half of the depth. */
  #before: number | undefined;
  #tryAgain = TRY_AGAIN;

  /** @param most - the limit may change at any time */
  now(most: number): number {
    return Math.min(this.#depth, most);
  }

  /** A call took so long. */
  completed(milliseconds: number, most: number): void {
    if (this.#skip > 0) {
      this.#skip--;
      return;
    }
    if (this.#times.push(milliseconds) < Math.max(LEAST_CALLS, this.#depth)) return;
    const depth = Math.min(this.#depth, most);
    const rate = depth / Math.max(this.#quickQuarter(), 1e-3);
    const gain = this.#before === undefined ? undefined : rate / this.#before;
    if (gain !== undefined && gain < LEAST_GAIN) this.#stepBack();
    else {
      if (gain !== undefined) this.#tryAgain = TRY_AGAIN;
      if (this.#depth >= most) this.#set(this.#depth, TRY_AGAIN, undefined);
      else this.#deepen(Math.min(most, 2 * this.#depth), rate);
    }
  }

  #deepen(depth: number, rate: number): void {
    this.#set(depth, 2 * depth, rate);
  }

  #stepBack(): void {
    this.#set(Math.max(1, Math.floor(this.#depth / 2)), this.#tryAgain, undefined);
    this.#tryAgain = Math.min(MOST_TRY_AGAIN, 2 * this.#tryAgain);
  }

  #quickQuarter(): number {
    const sorted = this.#times.sort((a, b) => a - b);
    return sorted[sorted.length >> 2] ?? 0;
  }

  #set(depth: number, skip: number, before: number | undefined): void {
    this.#depth = depth;
    this.#skip = skip;
    this.#before = before;
    this.#times = [];
  }
}
