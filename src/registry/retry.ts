import { setTimeout as delay } from 'node:timers/promises';
import { toFailure, WeighlockError } from '../error/index.ts';
import { FIRST_PAUSE, LONGEST_PAUSE, LONGEST_RETRY_AFTER, MAX_TRIES } from './limits.ts';
import { Retryable } from './retryable.ts';

/** Statuses that a later try may not meet again. */
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504, 522]);

export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status);
}

/**
 * The three forms of an HTTP date (RFC 9110, section 5.6.7): `Sun, 06 Nov`, `Sunday, 06-Nov-94`,
 * `Sun Nov 6`.
 */
const DATE = /^[A-Z][a-z]{2}(?:[a-z]{3,6})?(,)? /;

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, section 10.2.3); undefined for
 * anything else.
 *
 * @param now - milliseconds since the epoch, by the server's clock if it said so
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  const form = DATE.exec(text);
  if (form === null) return undefined;
  // The form of asctime(3) does not say that it is in UTC.
  const date = Date.parse(form[1] === undefined ? `${text} GMT` : text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Milliseconds before the next try: half a second doubled each time, plus or minus a fifth. */
export function pause(failures: number, random: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)) * (0.8 + 0.4 * random);
}

/** Waits; throws when the signal aborts. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;

let pace = 1;

/**
 * Lets this thread wait a part of each pause only, as tests want it.
 *
 * @param part - above 0, at most 1
 */
export function setPace(part: number): void {
  pace = part;
}

export const sleep: Sleep = (milliseconds, signal) => delay(milliseconds * pace, undefined, { signal });

export interface Patience {
  readonly signal: AbortSignal;
  /**
   * A number that grows whenever the action gets further than ever: the count of failures then
   * starts afresh.
   */
  readonly progress?: () => number;
  /** Told of every pause, for the log. */
  readonly onRetry?: (failure: WeighlockError, milliseconds: number) => void;
  readonly sleep?: Sleep;
}

/**
 * The one rule for trying again, whatever is asked for: until it works, or until it failed
 * `MAX_TRIES` times in a row without any progress. A server that asks for a pause gets it; what
 * asks for hours is told at once.
 */
export async function withRetries<T>(action: () => Promise<T>, patience: Patience): Promise<T> {
  const { signal, progress, onRetry } = patience;
  let failures = 0;
  let seen = progress?.() ?? 0;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof Retryable)) throw error;
      const now = progress?.() ?? 0;
      failures = now > seen ? 1 : failures + 1;
      seen = Math.max(seen, now);
      const after = error.after ?? 0;
      if (after > LONGEST_RETRY_AFTER) throw rateLimited(error.failure, after);
      if (failures >= (error.tries ?? MAX_TRIES)) throw error.failure;
      const wait = Math.max(after, pause(failures, Math.random()));
      onRetry?.(error.failure, wait);
      await (patience.sleep ?? sleep)(wait, signal).catch(() => {
        throw signal.reason;
      });
    }
  }
}

function rateLimited(failure: WeighlockError, after: number): WeighlockError {
  return new WeighlockError(
    {
      ...toFailure(failure),
      message: `${failure.message}, a rate limit: it asks to wait ${durationText(after)} before the next try`,
      remedy: 'try again later; credentials of an account with a higher limit, or a mirror, are served sooner',
    },
    { cause: failure.cause },
  );
}

function durationText(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours > 48 ? `${Math.floor(hours / 24)} days` : `${hours} h ${minutes % 60} min`;
}
