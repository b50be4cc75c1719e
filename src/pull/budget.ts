import { WeighlockError } from '../error/index.ts';

/** Bytes that archives may still unpack to, over all threads. */
export type Budget = BigInt64Array<SharedArrayBuffer>;

export function createBudget(bytes: number): Budget {
  const budget = new BigInt64Array(new SharedArrayBuffer(8));
  budget[0] = BigInt(bytes);
  return budget;
}

/**
 * What one archive takes of the budget: it grows while it is unpacked, and no manifest says how
 * far.
 */
export class Allowance {
  readonly #budget: Budget | undefined;
  #spent = 0;

  constructor(budget: Budget | undefined) {
    this.#budget = budget;
  }

  /** @throws WeighlockError `LIMIT_EXCEEDED` */
  spend(bytes: number): void {
    if (this.#budget === undefined) return;
    this.#spent += bytes;
    if (Atomics.sub(this.#budget, 0, BigInt(bytes)) < BigInt(bytes)) throw tooLarge();
  }

  /** What it became is taken away. */
  giveBack(): void {
    if (this.#budget !== undefined) Atomics.add(this.#budget, 0, BigInt(this.#spent));
    this.#spent = 0;
  }
}

function tooLarge(): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the archives unpack to more than there is room for',
    expected: 'at most --max-bytes, or what the volume has free',
    found: 'more',
    remedy: 'if the content is really that large, give the volume more capacity, or raise --max-bytes if it is set',
  });
}
