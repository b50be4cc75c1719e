import { toFailure, WeighlockError } from '../error/index.ts';
import { unavailable } from './faults.ts';
import { MAX_SLOW_DOCUMENTS, QUICK_DOCUMENT } from './limits.ts';
import { Retryable } from './retryable.ts';

/** An answer that did not end in time. What it says of the place is added where that is known. */
export class TooSlow extends Error {}

/**
 * When something small has to be there as a whole. A limit between two bytes does not bound it: a
 * server may send a byte a second, one informational answer after the other, headers that never
 * end, or redirects.
 */
export class Deadline {
  readonly #end: number;
  readonly #milliseconds: number;

  /** @param milliseconds - 0 for none */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
    this.#end = milliseconds === 0 ? Number.POSITIVE_INFINITY : performance.now() + milliseconds;
  }

  /** Calls back once when the time is over. @returns what takes that back */
  onEnd(callback: (error: TooSlow) => void): () => void {
    const left = this.#end - performance.now();
    if (left === Number.POSITIVE_INFINITY) return () => {};
    const timer = setTimeout(() => callback(new TooSlow('too slow')), Math.max(0, left));
    return () => clearTimeout(timer);
  }

  /**
   * The failure of what was asked for and came too slowly; a link that is full may be better a
   * second time.
   */
  fault(url: URL, cause?: unknown): Retryable {
    const failure = unavailable(url, `was not answered whole within ${this.#milliseconds / 1000} s`, cause);
    const remedy = 'check the registry or server; if it takes long to answer, raise --response-timeout';
    return new Retryable(new WeighlockError({ ...toFailure(failure), remedy }, { cause }), { tries: 2 });
  }
}

/**
 * Runs something that asks for one small document, perhaps several times, within a time.
 *
 * @param action - is given a signal that also ends with the time
 * @throws TooSlow, if it is the time that ended it
 */
export async function withinTime<T>(
  milliseconds: number,
  signal: AbortSignal,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const done = new Deadline(milliseconds).onEnd((error) => controller.abort(error));
  try {
    return await action(AbortSignal.any([signal, controller.signal]));
  } finally {
    done();
  }
}

/**
 * The time that the small documents of a run may take together, beyond what each usually takes.
 * Each within its own limit, a thousand of them would still take a day.
 */
export class Slowness {
  readonly #most: number;
  readonly #now: () => number;
  #spent = 0;

  /** @param now - milliseconds of a clock that only goes forward */
  constructor(documentTimeout: number, now = () => performance.now()) {
    this.#now = now;
    this.#most = documentTimeout === 0 ? Number.POSITIVE_INFINITY : documentTimeout * MAX_SLOW_DOCUMENTS;
  }

  /** @throws WeighlockError `SOURCE_UNAVAILABLE` when too much time went by */
  require(url: URL): void {
    if (this.#spent <= this.#most) return;
    throw unavailable(url, `its small documents took ${Math.round(this.#spent / 1000)} s together, which is too long`);
  }

  /** Counts the time of one step. @returns what ends it */
  begin(): () => void {
    const begun = this.#now();
    return () => {
      this.#spent += Math.max(0, this.#now() - begun - QUICK_DOCUMENT);
    };
  }
}
