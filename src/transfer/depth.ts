/** To begin with: enough to see how long a call takes when it is not alone. */
const FIRST = 8;

/**
 * Twice the depth has to bring a third more at least: less is a server, or a processor, that has
 * enough to do.
 */
const LEAST_GAIN = 4 / 3;

/** Calls after which a deeper step is tried again: what was the matter may be over. */
const TRY_AGAIN = 4096;

/**
 * How many calls to keep in flight: twice as many as long as that makes them faster. By Little's
 * law their rate is their number over the mean time that one takes, so that time tells.
 */
export class Depth {
  #depth = FIRST;
  /** Calls that were begun before the last change, and do not count. */
  #skip = 0;
  #count = 0;
  #sum = 0;
  /** Calls per millisecond at half of the depth. */
  #before: number | undefined;

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
    this.#sum += milliseconds;
    if (++this.#count < this.#depth) return;
    const rate = this.#count / Math.max(this.#sum / this.#count, 1e-3);
    const isWorse = this.#before !== undefined && rate < LEAST_GAIN * this.#before;
    if (isWorse) this.#set(Math.max(1, Math.floor(this.#depth / 2)), TRY_AGAIN, undefined);
    else if (this.#depth >= most) this.#set(this.#depth, TRY_AGAIN, undefined);
    else this.#set(Math.min(most, 2 * this.#depth), this.#depth, rate);
  }

  #set(depth: number, skip: number, before: number | undefined): void {
    this.#depth = depth;
    this.#skip = skip;
    this.#before = before;
    this.#count = 0;
    this.#sum = 0;
  }
}
