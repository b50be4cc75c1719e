/** Shared between the main thread and the workers: what to stop, what comes next, what is done. */
export interface Control {
  readonly flags: Int32Array;
  readonly bytes: BigInt64Array;
  /** Most bytes per second over all threads, 0 for no limit; and when the run began, in milliseconds of `Date.now`. */
  readonly rate: Float64Array;
}

const STOP = 0;
const NEXT = 1;
const LISTED = 2;
const HASHED = 3;

/** Thrown inside a worker when the run was stopped; never leaves it. */
export class Stopped extends Error {}

export function createControl(): Control {
  return {
    flags: new Int32Array(new SharedArrayBuffer(16)),
    bytes: new BigInt64Array(new SharedArrayBuffer(8)),
    rate: new Float64Array(new SharedArrayBuffer(16)),
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

/** @throws Stopped once `requestStop` was called */
export function checkStop(control: Control): void {
  if (Atomics.load(control.flags, STOP) === 1) throw new Stopped();
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

/** Counts bytes, and waits as long as they came faster than the limit. @throws Stopped when the run ends meanwhile */
export function countBytes(control: Control, bytes: number): void {
  const before = Atomics.add(control.bytes, 0, BigInt(bytes));
  const limit = control.rate[0] ?? 0;
  if (limit === 0) return;
  const due = (control.rate[1] ?? 0) + (Number(before) + bytes) / (limit / 1000);
  for (let left = due - Date.now(); left > 0; left = due - Date.now()) {
    checkStop(control);
    Atomics.wait(control.flags, STOP, 0, Math.min(left, 100));
  }
}

/** @param bytesPerSecond - over all threads together */
export function limitRate(control: Control, bytesPerSecond: number): void {
  control.rate[1] = Date.now();
  control.rate[0] = bytesPerSecond;
}
