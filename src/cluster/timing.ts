import type { Pauses } from './back-off.ts';

/** How long a reporter waits for what; milliseconds. */
export interface Timing {
  readonly pauses: Pauses;
  /** Where a right is missing, somebody has to grant it first. */
  readonly forbiddenPauses: Pauses;
  /**
   * Least time from one write of an object to the next: a pod may change a hundred times in a
   * minute.
   */
  readonly interval: number;
  /** For this long the report of a namespace waits for more pods of it. */
  readonly settle: number;
  /** After this, everything is listed again. */
  readonly relist: number;
  /** After this, what did not change is written again: somebody may have changed the report. */
  readonly reapply: number;
  /** Older verdicts become no events: the API server keeps those for an hour. */
  readonly eventAge: number;
}

export const TIMING: Timing = {
  pauses: { first: 1000, longest: 60_000 },
  forbiddenPauses: { first: 30_000, longest: 300_000 },
  interval: 10_000,
  settle: 5000,
  relist: 600_000,
  reapply: 3_600_000,
  eventAge: 3_600_000,
};
