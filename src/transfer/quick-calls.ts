import type { Done } from '../fs/index.ts';

/**
 * A call that the kernel answers by itself takes a few microseconds; one that asks a server never
 * so few.
 */
const QUICK_MILLISECONDS = 0.15;

/** Calls after a slow one before it is tried again; twice as many each time that it is slow. */
const TRY_AGAIN = 64;
const MOST_TRY_AGAIN = 4096;

/**
 * Whether one kind of call comes back at once, though its volume is slow: attributes that the
 * kernel keeps for a second, the end of a file whose size it knows. Such a call is made where it is
 * wanted; handing it to another thread would take ten times as long.
 */
export class QuickCalls {
  #skip = 0;
  #tryAgain = TRY_AGAIN;

  /**
   * @param now - makes the call and returns when it is done; throws its error
   * @param later - the same call, by another thread
   */
  call<T>(now: () => T, later: (done: Done<T>) => void, done: Done<T>): void {
    if (this.#skip > 0) {
      this.#skip--;
      later(done);
      return;
    }
    let value: T;
    try {
      value = this.#timed(now);
    } catch (error) {
      done(error);
      return;
    }
    done(null, value);
  }

  #timed<T>(now: () => T): T {
    const from = performance.now();
    try {
      return now();
    } finally {
      this.#took(performance.now() - from);
    }
  }

  #took(milliseconds: number): void {
    if (milliseconds < QUICK_MILLISECONDS) {
      this.#tryAgain = TRY_AGAIN;
      return;
    }
    this.#skip = this.#tryAgain;
    this.#tryAgain = Math.min(MOST_TRY_AGAIN, 2 * this.#tryAgain);
  }
}
