import { setTimeout as delay } from 'node:timers/promises';
import type { WeighlockError } from '../error/index.ts';
import { FIRST_PAUSE, LONGEST_PAUSE, LONGEST_RETRY_AFTER, MAX_TRIES } from './limits.ts';
import { Retryable } from './retryable.ts';

/** Statuses that a later try may not meet again. */
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504, 522]);

export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status);
}

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, section 10.2.3); undefined for anything else.
 *
 * @param now - milliseconds since the epoch
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Milliseconds before the next try: half a second doubled each time, plus or minus a fifth. */
export function pause(failures: number, random: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)) * (0.8 + 0.4 * random);
}

export interface Patience {
  readonly signal: AbortSignal;
  /** A number that grows whenever the action gets somewhere: the count of failures then starts afresh. */
  readonly progress?: () => number;
  /** Told of every pause, for the log. */
  readonly onRetry?: (failure: WeighlockError, milliseconds: number) => void;
}

/**
 * Tries until it works, or until it failed `MAX_TRIES` times in a row without any progress. A server that asks for a
 * pause gets it, up to five minutes.
 */
export async function withRetries<T>(action: () => Promise<T>, { signal, progress, onRetry }: Patience): Promise<T> {
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
      seen = now;
      if (failures >= MAX_TRIES || (error.after ?? 0) > LONGEST_RETRY_AFTER) throw error.failure;
      const wait = Math.max(error.after ?? 0, pause(failures, Math.random()));
      onRetry?.(error.failure, wait);
      await delay(wait, undefined, { signal }).catch(() => {
        throw signal.reason;
      });
    }
  }
}
