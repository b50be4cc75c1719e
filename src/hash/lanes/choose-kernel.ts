// Which kernel is the fastest depends on the processor, and on what its other threads do at the
// time: the scalar lane beside the vector lanes was worth 20 % on one machine, and cost 15 % on
// another whose cores were shared. So it is measured.
//
// The kernels for eight lanes and more are worth their while only where V8 makes one operation of
// 256 bits out of two neighbouring ones of 128. That is an experiment of V8's behind a flag, so
// nothing is taken for granted: the flag is set only until the optimizing compiler is through with
// our module, and what it made is tested in this very process before it is used.
//
// Until it is, the kernels run as the baseline compiler made them, thirty times as slow, and V8 has
// the optimizing one begin after some megabytes only: most of the time that a choice took. So that
// budget is lowered with it; it is a number and nothing else. Switching the baseline compiler off
// instead made V8 14.6 stop the process in one of ten runs ("Check failed: function_feedback").
import { createLaneHasher } from './create-lane-hasher.ts';
import { type Rate, ratesOf, WIDER } from './kernel-rates.ts';
import { type LaneCount, LaneHasher } from './lane-hasher.ts';
import { WIDE_KERNEL } from './wide-kernel.ts';

/** A kernel, and why this one. */
export interface KernelChoice {
  readonly lanes: LaneCount;
  /** The kernels of wide registers; threads share what was compiled. */
  readonly wide?: WebAssembly.Module;
  /**
   * What was measured, in MB/s: one message, and as many as there are lanes; absent where no kernel
   * can be had.
   */
  readonly rates?: { readonly single: number; readonly several: number };
  /** For the report. */
  readonly reason: string;
}

/**
 * Majors of V8 that the flag was measured with: one that does not know it complains on standard
 * error.
 */
const MEASURED_V8 = [12, 13, 14];

const REVECTORIZE = '--experimental-wasm-revectorize';

/**
 * Bytes of code, about, that a function runs through before it is optimized; and as V8 14 has it.
 */
const BUDGET = '--wasm-tiering-budget';
const LITTLE_BUDGET = 500_000;
const USUAL_BUDGET = 13_000_000;

/** What a scalar lane has to gain here: as soon as all cores are busy it may cost as much. */
const SCALAR_GAIN = 1.1;

let chosen: Promise<KernelChoice> | undefined;

/** The fastest kernel, found once in this process; takes 10 to 60 ms. */
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
  /** How fast hashers are. */
  readonly race?: typeof ratesOf;
}

export async function chooseKernel({
  kernel = WIDE_KERNEL,
  flag = REVECTORIZE,
  v8Version = process.versions.v8,
  architecture = process.arch,
  race = ratesOf,
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
    rates = [...rates, ...race(hashers)];
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
  setFlagsFromString(`${BUDGET}=${LITTLE_BUDGET}`);
  try {
    action();
  } finally {
    setFlagsFromString(`--no-${REVECTORIZE.slice(2)}`);
    setFlagsFromString(`${BUDGET}=${USUAL_BUDGET}`);
  }
}

function compile(kernel: string): WebAssembly.Module | undefined {
  try {
    return new WebAssembly.Module(Buffer.from(kernel, 'base64'));
  } catch {
    return undefined;
  }
}
