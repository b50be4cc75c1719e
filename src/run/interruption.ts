import { setTimeout as delay } from 'node:timers/promises';

/** How long threads may take to stop: a termination signal has to be obeyed within a second. */
const STOP_MILLISECONDS = 400;

/** For those that stop nevertheless. */
const STUCK_MILLISECONDS = 50;

/** Once a thread did not stop in that time, it is not waited for a second time. */
let hasRunOut = false;

/** Waits for the work, or throws the signal's reason as soon as it aborts. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([work, aborted]);
}

/**
 * Waits for threads to stop, but not for one that is stuck in a system call. True when they are
 * gone.
 */
export async function stopWithin(stop: () => Promise<void>): Promise<boolean> {
  const stopped = stop().then(() => true);
  const isOver = await Promise.race([stopped, delay(hasRunOut ? STUCK_MILLISECONDS : STOP_MILLISECONDS, false)]);
  hasRunOut ||= !isOver;
  return isOver;
}
