import type { LaneCount, LaneHasher } from './lane-hasher.ts';

/**
 * Kernels of wide registers that are not this much faster than four lanes of narrow ones are not
 * optimized yet, or will never be.
 */
export const WIDER = 1.3;

/**
 * One that is so many times as slow as another is not optimized yet: they are within a factor of
 * two otherwise.
 */
const UNOPTIMIZED = 4;

/** What the optimizing compiler gains at least over the baseline one; it is 10 to 30. */
const OPTIMIZED = 3;

/**
 * One pass takes so long, about, in microseconds; and so many bytes of each lane, between these.
 */
const PASS = 150;
const LEAST_BYTES = 4096;
const MOST_BYTES = 32_768;

/** Passes with everything optimized. */
const PASSES = 4;

/** Without wide kernels, which show by their speed that the compiler is through, time has to do. */
const LEAST_MILLISECONDS = 15;
const MOST_MILLISECONDS = 60;

/** In bytes per microsecond, which are MB/s. */
export interface Rate {
  readonly lanes: LaneCount;
  /** With all lanes full. */
  readonly rate: number;
  /** With one, for four lanes; 0 for others. */
  readonly single: number;
}

/** One kernel at work: so many lanes of a hasher. */
interface Contestant {
  readonly hasher: LaneHasher;
  readonly width: number;
  /** The first pass, and the best so far, in bytes per microsecond. */
  first: number;
  rate: number;
}

/**
 * Each hasher's best pass, in turns, so that one interruption does not decide. The kernels for
 * fewer lanes run too: what does not run now is optimized later, without the flag. The optimizing
 * compiler works beside it: 5 ms, and longer where the processors have other things to do.
 */
export function ratesOf(hashers: readonly LaneHasher[]): Rate[] {
  const contestants = hashers.flatMap((hasher) =>
    [hasher.lanes, ...(hasher.lanes === 8 ? [4] : hasher.lanes === 4 ? [1] : [])].map(
      (width): Contestant => ({ hasher, width, first: 0, rate: 0 }),
    ),
  );
  const rateOf = (lanes: LaneCount, width: number) =>
    contestants.find((one) => one.hasher.lanes === lanes && one.width === width)?.rate ?? 0;
  const isWide = hashers.some(({ lanes }) => lanes === 8);
  const isWideOptimized = () =>
    rateOf(8, 8) > WIDER * rateOf(4, 4) &&
    rateOf(8, 4) > WIDER * rateOf(4, 4) &&
    rateOf(8, 8) < UNOPTIMIZED * rateOf(4, 4);
  const isOptimized = () =>
    contestants.every(({ rate, first }) => rate > OPTIMIZED * first) &&
    UNOPTIMIZED * rateOf(4, 1) >= rateOf(4, 4) &&
    (!isWide || isWideOptimized());
  const begun = performance.now();
  let passes = 0;
  const isDue = () => {
    const taken = performance.now() - begun;
    return taken > MOST_MILLISECONDS || (passes >= PASSES && (isWide || taken > LEAST_MILLISECONDS));
  };
  while (!isDue()) {
    for (const one of contestants) {
      const rate = measured(one);
      if (one.first === 0) one.first = rate;
      one.rate = Math.max(one.rate, rate);
    }
    if (isOptimized()) passes++;
  }
  return contestants
    .filter(({ hasher, width }) => hasher.lanes === width)
    .map(({ hasher: { lanes }, rate }) => ({ lanes, rate, single: rateOf(lanes, 1) }));
}

/** Bytes per microsecond of one pass. */
function measured({ hasher, width, rate }: Contestant): number {
  // Whole blocks for every kernel, the one that takes four of a message at a time included.
  const bytes = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, Math.floor((rate * PASS) / width / 256) * 256));
  for (let lane = 0; lane < width; lane++) {
    hasher.begin(lane);
    hasher.room(lane);
    hasher.add(lane, bytes);
  }
  const start = performance.now();
  hasher.run();
  const microseconds = (performance.now() - start) * 1000;
  for (let lane = 0; lane < width; lane++) hasher.drop(lane);
  return (width * bytes) / microseconds;
}
