/** Shared between the main thread and the workers: what to stop, what comes next, what is done. */
export interface Control {
  readonly flags: Int32Array;
  /** Bytes that were hashed, and bytes that were asked for where there is a limit. */
  readonly bytes: BigInt64Array;
  /**
   * Most bytes per second over all threads, 0 for no limit; and when the run began, in milliseconds
   * of `Date.now`.
   */
  readonly rate: Float64Array;
  /** Volumes (`st_dev`) whose reads take so long that many are kept in flight; or `NONE`. */
  readonly slow: BigUint64Array;
}

const STOP = 0;
const NEXT = 1;
const LISTED = 2;
const HASHED = 3;
const SLOW = 4;
const DEPTH = 5;
const IS_GIVEN = 6;
const THREADS = 7;
const ARE_SLOW = 8;

/**
 * System calls in flight on slow volumes, unless somebody says otherwise: 56 reads of 128 KiB in 5
 * ms are 1.4 GB/s.
 */
export const MOST_DEPTH = 56;

/** More volumes than so many in one run are read as if they answered at once. */
const MOST_SLOW = 16;

/** The number of no device. */
const NONE = 2n ** 64n - 1n;

/** Thrown inside a worker when the run was stopped; never leaves it. */
export class Stopped extends Error {}

export function createControl(): Control {
  const flags = new Int32Array(new SharedArrayBuffer(64));
  flags[DEPTH] = MOST_DEPTH;
  return {
    flags,
    bytes: new BigInt64Array(new SharedArrayBuffer(16)),
    rate: new Float64Array(new SharedArrayBuffer(16)),
    slow: new BigUint64Array(new SharedArrayBuffer(8 * MOST_SLOW)).fill(NONE),
  };
}

/** How far a run is. */
export interface Progress {
  /** Directory entries seen. */
  readonly entries: number;
  /** Files hashed to their end. */
  readonly files: number;
  /** Bytes hashed. */
  readonly bytes: number;
}

export function progressOf(control: Control): Progress {
  return {
    entries: Atomics.load(control.flags, LISTED),
    files: Atomics.load(control.flags, HASHED),
    bytes: Number(Atomics.load(control.bytes, 0)),
  };
}

export function requestStop(control: Control): void {
  Atomics.store(control.flags, STOP, 1);
}

export function isStopped(control: Control): boolean {
  return Atomics.load(control.flags, STOP) === 1;
}

/** @throws Stopped once `requestStop` was called */
export function checkStop(control: Control): void {
  if (isStopped(control)) throw new Stopped();
}

export function restartQueue(control: Control): void {
  Atomics.store(control.flags, NEXT, 0);
}

/** The next position of the queue; each is handed out once. */
export function nextInQueue(control: Control): number {
  return Atomics.add(control.flags, NEXT, 1);
}

export function countEntry(control: Control): void {
  Atomics.add(control.flags, LISTED, 1);
}

export function countFile(control: Control): void {
  Atomics.add(control.flags, HASHED, 1);
}

/** Counts bytes that were hashed. */
export function countBytes(control: Control, bytes: number): void {
  Atomics.add(control.bytes, 0, BigInt(bytes));
}

/**
 * Takes bytes that are asked for off what may be read.
 *
 * @returns milliseconds to wait before the next are asked for; 0 where there is no limit
 */
export function takeBytes(control: Control, bytes: number): number {
  const limit = control.rate[0] ?? 0;
  if (limit === 0) return 0;
  const before = Atomics.add(control.bytes, 1, BigInt(bytes));
  const due = (control.rate[1] ?? 0) + (Number(before) + bytes) / (limit / 1000);
  return Math.max(0, due - Date.now());
}

/** The same, and waits in this thread. @throws Stopped when the run ends meanwhile */
export function awaitBytes(control: Control, bytes: number): void {
  if (control.rate[0] === 0) return;
  for (let end = Date.now() + takeBytes(control, bytes), left = end - Date.now(); left > 0; left = end - Date.now()) {
    checkStop(control);
    Atomics.wait(control.flags, STOP, 0, Math.min(left, 100));
  }
}

/** @param bytesPerSecond - over all threads together */
export function limitRate(control: Control, bytesPerSecond: number): void {
  control.rate[1] = Date.now();
  control.rate[0] = bytesPerSecond;
}

/**
 * How many system calls on volumes may be in flight, over all threads.
 *
 * @param isGiven - somebody asked for so many: then nothing is measured
 */
export function limitDepth(control: Control, depth: number, isGiven: boolean): void {
  Atomics.store(control.flags, DEPTH, depth);
  Atomics.store(control.flags, IS_GIVEN, isGiven ? 1 : 0);
}

/** Says how many threads share them. */
export function shareDepth(control: Control, threads: number): void {
  Atomics.store(control.flags, THREADS, threads);
}

/** What one thread may have of them, at least 1; and whether somebody asked for it. */
export function depthOf({ flags }: Control): { readonly most: number; readonly isGiven: boolean } {
  const most = Math.floor(Atomics.load(flags, DEPTH) / Math.max(1, Atomics.load(flags, THREADS)));
  return { most: Math.max(1, most), isGiven: Atomics.load(flags, IS_GIVEN) === 1 };
}

/** Says that the reads of a volume are slow. */
export function markSlow(control: Control, device: bigint): void {
  if (isSlow(control, device)) return;
  const place = Atomics.add(control.flags, SLOW, 1);
  if (place >= MOST_SLOW) return;
  Atomics.store(control.slow, place, device);
  Atomics.add(control.flags, ARE_SLOW, 1);
}

/** Says that they are no more. Each time takes one of the places for those that are. */
export function markQuick(control: Control, device: bigint): void {
  for (let i = 0; i < MOST_SLOW; i++)
    if (Atomics.compareExchange(control.slow, i, device, NONE) === device) Atomics.sub(control.flags, ARE_SLOW, 1);
}

/**
 * Whether any volume is slow, or somebody said how to read them: asked before each read, so it must
 * cost nothing.
 */
export function isAnySlow({ flags }: Control): boolean {
  return Atomics.load(flags, ARE_SLOW) > 0 || Atomics.load(flags, IS_GIVEN) === 1;
}

export function isSlow(control: Control, device: bigint): boolean {
  const count = Math.min(MOST_SLOW, Atomics.load(control.flags, SLOW));
  for (let i = 0; i < count; i++) if (Atomics.load(control.slow, i) === device) return true;
  return false;
}
