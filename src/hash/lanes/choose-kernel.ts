// Which kernel is the fastest depends on the processor, and on what its other threads do at the time: the scalar lane beside the
// vector lanes was worth 20 % on one machine, and cost 15 % on another whose cores were shared. So it is measured.
//
// The kernels for eight lanes and more are worth their while only where V8 makes one operation of 256 bits out of two neighbouring
// ones of 128. That is an experiment of V8's behind a flag, so nothing is taken for granted: the flag is set only until the
// optimizing compiler is through with our module, and what it made is tested in this very process before it is used.
//
// No other flag is touched: with the baseline compiler switched off meanwhile, so that everything is optimized at once, V8 14.6
// stopped the process in one of ten runs ("Check failed: function_feedback").
import { createLaneHasher } from './create-lane-hasher.ts';
import { type LaneCount, LaneHasher } from './lane-hasher.ts';
import { WIDE_KERNEL } from './wide-kernel.ts';

/** A kernel, and why this one. */
export interface KernelChoice {
  readonly lanes: LaneCount;
  /** The kernels of wide registers; threads share what was compiled. */
  readonly wide?: WebAssembly.Module;
  /** What was measured, in MB/s: one message, and as many as there are lanes; absent where no kernel can be had. */
  readonly rates?: { readonly single: number; readonly several: number };
  /** For the report. */
  readonly reason: string;
}

/** Majors of V8 that the flag was measured with: one that does not know it complains on standard error. */
const MEASURED_V8 = [12, 13, 14];

const REVECTORIZE = '--experimental-wasm-revectorize';

/** Bytes of each lane in one pass of the measurement: a few tenths of a millisecond. */
const SAMPLE_BYTES = 32_768;

/** Of the measurement. The optimizing compiler works beside it: 5 ms, and longer where the processors have other things to do. */
const LEAST_PASSES = 6;
const LEAST_MILLISECONDS = 15;
const MOST_MILLISECONDS = 60;

/** Kernels of wide registers that are not this much faster than four lanes of narrow ones are not optimized yet, or will never be. */
const WIDER = 1.3;

/** One that is so many times as slow as another is not optimized yet: they are within a factor of two otherwise. */
const UNOPTIMIZED = 4;

/** What a scalar lane has to gain here: as soon as all cores are busy it may cost as much. */
const SCALAR_GAIN = 1.1;

let chosen: Promise<KernelChoice> | undefined;

/** The fastest kernel, found once in this process; takes 30 to 60 ms. */
export function fastestKernel(): Promise<KernelChoice> {
  chosen ??= chooseKernel();
  return chosen;
}

/** What tests put in the place of the real thing. */
interface Circumstances {
  /** The module of wide registers, base64. */
  readonly kernel?: string;
  /** What makes V8 revectorize. */
  readonly flag?: string;
  readonly v8Version?: string;
  readonly architecture?: string;
}

export async function chooseKernel({
  kernel = WIDE_KERNEL,
  flag = REVECTORIZE,
  v8Version = process.versions.v8,
  architecture = process.arch,
}: Circumstances = {}): Promise<KernelChoice> {
  const faults: string[] = [];
  let rates: Rate[] = [];
  let wide: WebAssembly.Module | undefined;
  const measure = (counts: readonly LaneCount[]) => {
    const hashers: LaneHasher[] = [];
    for (const lanes of counts) {
      try {
        hashers.push(new LaneHasher(kernelsFor(lanes, wide)));
      } catch {
        faults.push(`${lanes} lanes cannot be had`);
      }
    }
    rates = [...rates, ...ratesOf(hashers)];
  };
  const why = whyNotWide(v8Version, architecture);
  if (why === undefined) {
    await withFlag(flag, () => {
      wide = compile(kernel);
      if (wide !== undefined) return measure([4, 8]);
      faults.push('eight lanes could not be compiled');
    });
  } else faults.push(`eight lanes ${why}`);
  const rateOf = (count: LaneCount) => rates.find(({ lanes }) => lanes === count)?.rate ?? 0;
  // The scalar lane is not worth what compiling its kernel costs where there are wide registers.
  if (wide === undefined) measure([4, 5]);
  else if (rateOf(8) < WIDER * rateOf(4)) measure([5]);
  const worth = ({ lanes, rate }: Rate) => (lanes % 2 === 0 ? rate : rate / SCALAR_GAIN);
  const fastestFirst = [...rates].sort((a, b) => worth(b) - worth(a));
  const best = fastestFirst.find(({ lanes }) => {
    const isRight = createLaneHasher(kernelsFor(lanes, wide)) !== undefined;
    if (!isRight) faults.push(`${lanes} lanes failed their known-answer test`);
    return isRight;
  });
  const list = rates.map(({ lanes, rate }) => `${lanes} lanes ${rate.toFixed(0)} MB/s`);
  return {
    ...kernelsFor(best?.lanes ?? 4, wide),
    ...(best === undefined ? {} : { rates: { single: rates[0]?.single ?? 0, several: best.rate } }),
    reason: `measured here: ${[...list, ...faults].join(', ')}`,
  };
}

function kernelsFor(lanes: LaneCount, wide: WebAssembly.Module | undefined): Pick<KernelChoice, 'lanes' | 'wide'> {
  return { lanes, ...(lanes > 5 && wide !== undefined ? { wide } : {}) };
}

function whyNotWide(v8Version: string, architecture: string): string | undefined {
  if (architecture !== 'x64') return 'are for x86-64';
  return MEASURED_V8.includes(Number.parseInt(v8Version, 10)) ? undefined : `were not measured with V8 ${v8Version}`;
}

async function withFlag(flag: string, action: () => void): Promise<void> {
  // Loaded only when it is used.
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString(flag);
  try {
    action();
  } finally {
    setFlagsFromString(`--no-${REVECTORIZE.slice(2)}`);
  }
}

function compile(kernel: string): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(Buffer.from(kernel, 'base64'));
  } catch {
    return undefined;
  }
}

/** In bytes per microsecond, which are MB/s. */
interface Rate {
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
  /** Best so far, in bytes per microsecond. */
  rate: number;
}

/**
 * Each hasher's best pass, in turns, so that one interruption does not decide. The kernels for fewer lanes run too: what does not run
 * now is optimized later, without the flag.
 */
function ratesOf(hashers: readonly LaneHasher[]): Rate[] {
  const contestants = hashers.flatMap((hasher) =>
    [hasher.lanes, ...(hasher.lanes === 8 ? [4] : hasher.lanes === 4 ? [1] : [])].map(
      (width): Contestant => ({ hasher, width, rate: 0 }),
    ),
  );
  const rateOf = (lanes: LaneCount, width: number) =>
    contestants.find((one) => one.hasher.lanes === lanes && one.width === width)?.rate ?? 0;
  const isWideOptimized = () =>
    rateOf(8, 8) > WIDER * rateOf(4, 4) &&
    rateOf(8, 4) > WIDER * rateOf(4, 4) &&
    rateOf(8, 8) < UNOPTIMIZED * rateOf(4, 4);
  const isOptimized = () =>
    UNOPTIMIZED * rateOf(4, 1) >= rateOf(4, 4) && (!hashers.some(({ lanes }) => lanes === 8) || isWideOptimized());
  const begun = performance.now();
  const isDue = () => performance.now() - begun > (isOptimized() ? LEAST_MILLISECONDS : MOST_MILLISECONDS);
  for (let pass = 0; pass < LEAST_PASSES || !isDue(); pass++) {
    for (const one of contestants) one.rate = Math.max(one.rate, measured(one));
  }
  return contestants
    .filter(({ hasher, width }) => hasher.lanes === width)
    .map(({ hasher: { lanes }, rate }) => ({ lanes, rate, single: rateOf(lanes, 1) }));
}

/** Bytes per microsecond of one pass. */
function measured({ hasher, width }: Contestant): number {
  for (let lane = 0; lane < width; lane++) {
    hasher.begin(lane);
    hasher.room(lane);
    hasher.add(lane, SAMPLE_BYTES);
  }
  const start = performance.now();
  hasher.run();
  const microseconds = (performance.now() - start) * 1000;
  for (let lane = 0; lane < width; lane++) hasher.drop(lane);
  return (width * SAMPLE_BYTES) / microseconds;
}
