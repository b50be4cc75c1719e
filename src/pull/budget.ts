import { WeighlockError } from '../error/index.ts';
import { memoryShare } from '../memory-share.ts';

/**
 * What archives may still come to, over all threads: bytes that they unpack to, and bytes of memory
 * for the names of their members.
 */
export type Budget = BigInt64Array<SharedArrayBuffer>;

const [CONTENT, NAMES] = [0, 1];

/**
 * What one member takes of memory until the artifact is published, beside its name, and how many
 * times that name: in records, paths, tables and messages between threads. Measured: 1.7 KB for a
 * name of 36 bytes, 45 KB for one of 3,800.
 */
const MEMBER_BYTES = 1024;
const NAME_COPIES = 12;

/** Of the container's memory: with 512 MiB 180,000 members with short names. */
const NAMES_SHARE = 2;
const LEAST_NAMES_BYTES = 128 << 20;

/** Where nobody knows how much there is room for. */
const WITHOUT_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * @param bytes - that archives may unpack to
 * @param names - bytes of memory
 */
export function createBudget(
  bytes: number = WITHOUT_LIMIT,
  names: number = memoryShare(NAMES_SHARE, LEAST_NAMES_BYTES),
): Budget {
  const budget = new BigInt64Array(new SharedArrayBuffer(16));
  budget[CONTENT] = BigInt(bytes);
  budget[NAMES] = BigInt(names);
  return budget;
}

/**
 * What one archive takes of the budget: it grows while it is unpacked, and no manifest says how
 * far.
 */
export class Allowance {
  readonly #budget: Budget;
  readonly #isWritten: boolean;
  readonly #spent = [0, 0];

  /** @param isWritten - false where it only is looked into: then it takes no room */
  constructor(budget: Budget, isWritten = true) {
    this.#budget = budget;
    this.#isWritten = isWritten;
  }

  /** @throws WeighlockError `LIMIT_EXCEEDED` */
  spend(bytes: number): void {
    if (this.#isWritten && !this.#take(CONTENT, bytes)) throw tooLarge();
  }

  /**
   * Takes what a member will need that is yet to be kept: the archive chooses how many there are,
   * and what they are called.
   *
   * @throws WeighlockError `LIMIT_EXCEEDED`
   */
  spendName(bytes: number): void {
    if (!this.#take(NAMES, MEMBER_BYTES + NAME_COPIES * bytes)) throw tooManyNames();
  }

  /** What it became is taken away. */
  giveBack(): void {
    for (const [at, spent] of this.#spent.entries()) Atomics.add(this.#budget, at, BigInt(spent));
    this.#spent.fill(0);
  }

  #take(at: number, bytes: number): boolean {
    this.#spent[at] = (this.#spent[at] ?? 0) + bytes;
    return Atomics.sub(this.#budget, at, BigInt(bytes)) >= BigInt(bytes);
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

function tooManyNames(): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the archives have more members, or longer names, than fit into memory',
    expected: 'at most what half of the memory of this container holds',
    found: 'more',
    remedy: 'if the content is really like that, raise the memory limit of the container, or split the artifact',
  });
}
