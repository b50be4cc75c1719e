import type { ReadWhole } from '../../fs/index.ts';
import type { Control } from '../control.ts';
import type { Input } from '../input.ts';
import type { HashRequest, Kernel } from '../protocol.ts';
import { type Inputs, type Next, store } from '../queue.ts';
import type { LaneHasher } from './lane-hasher.ts';

/** A file, or a shard, in a lane. */
interface Job {
  readonly lane: number;
  readonly next: Next;
  readonly input: Input;
  /** Set when all of it was read and its message ended. */
  isWhole?: ReadWhole;
}

/** How many files at once, and beyond which size one by itself, in bytes. */
export type Together = Pick<HashRequest, 'lanes' | 'aloneBytes'>;

/**
 * One worker's share of the files, several at once: a lane that is done takes the next one, so that the lanes are full until
 * there is none left. What is wrong with one file leaves the others alone.
 *
 * @returns what computed the digests
 */
export function hashInLanes(inputs: Inputs, together: Together, hasher: LaneHasher, control: Control): Kernel {
  const jobs = new Map<number, Job>();
  let isEmpty = false;
  hasher.usedWide = false;

  /** Frees a lane, whatever came of its file. */
  const release = ({ lane, input }: Job) => {
    jobs.delete(lane);
    hasher.drop(lane);
    input.close();
  };

  const take = (lane: number) => {
    const taken = inputs.take();
    isEmpty = taken === undefined;
    if (taken === undefined) return;
    jobs.set(lane, { lane, ...taken });
    hasher.begin(lane);
  };

  try {
    for (;;) {
      for (let lane = 0; lane < laneCount(together, hasher, jobs) && !isEmpty; lane++) if (!jobs.has(lane)) take(lane);
      if (jobs.size === 0) return hasher.kernel;
      for (const job of [...jobs.values()]) {
        try {
          fill(job, hasher);
        } catch (error) {
          release(job);
          inputs.failed(job.next, error);
        }
      }
      hasher.run();
      for (const job of [...jobs.values()]) {
        if (job.isWhole === undefined || !hasher.isIdle(job.lane)) continue;
        store(job.next, hasher.digest(job.lane), control, job.isWhole);
        release(job);
      }
    }
  } finally {
    for (const job of [...jobs.values()]) release(job);
  }
}

/** A file so large that the others are done before it is hashed by itself: beside them it would only be slower. */
function laneCount(together: Together, { lanes }: LaneHasher, jobs: ReadonlyMap<number, Job>): number {
  for (const { next } of jobs.values()) if (next.length > together.aloneBytes) return 0;
  return Math.min(together.lanes, lanes);
}

/** Brings the next bytes of a file into its lane, and ends its message behind the last. */
function fill(job: Job, hasher: LaneHasher): void {
  const { lane, input } = job;
  while (job.isWhole === undefined && hasher.isIdle(lane)) {
    if (!input.isAtEnd) hasher.add(lane, input.read(hasher.room(lane)));
    if (!input.isAtEnd) continue;
    const isWhole = input.finish();
    hasher.end(lane);
    job.isWhole = isWhole;
  }
}
