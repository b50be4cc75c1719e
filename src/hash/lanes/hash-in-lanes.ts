import type { ReadWhole } from '../../fs/index.ts';
import type { Control } from '../control.ts';
import type { Input, Inputs } from '../inputs.ts';
import { type Next, store } from '../queue.ts';
import type { HashRequest, Kernel } from '../task.ts';
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
 * One worker's share of the files, several at once: a lane that is done takes the next one, so that
 * the lanes are full until there is none left. What is wrong with one file leaves the others alone.
 *
 * @returns what computed the digests
 */
export async function hashInLanes(
  inputs: Inputs,
  together: Together,
  hasher: LaneHasher,
  control: Control,
): Promise<Kernel> {
  const jobs = new Map<number, Job>();
  hasher.usedWide = false;

  /** Frees a lane, whatever came of its file. */
  const release = ({ lane, input }: Job) => {
    jobs.delete(lane);
    hasher.drop(lane);
    input.close();
  };

  /** @returns false when there is no file for a lane now */
  const take = (lane: number): boolean => {
    const taken = inputs.take();
    isEmpty = taken === undefined;
    if (taken === undefined || taken === 'later') return false;
    jobs.set(lane, { lane, ...taken });
    hasher.begin(lane);
    return true;
  };

  let isEmpty = false;
  try {
    for (;;) {
      for (let lane = 0; lane < laneCount(together, hasher, jobs) && !isEmpty; lane++)
        if (!jobs.has(lane) && !take(lane)) break;
      if (jobs.size === 0 && isEmpty) return hasher.kernel;
      let isBusy = false;
      for (const job of [...jobs.values()]) {
        try {
          fill(job, hasher);
          isBusy ||= job.isWhole !== undefined || !hasher.isIdle(job.lane);
        } catch (error) {
          release(job);
          inputs.failed(job.next, error);
          isBusy = true;
        }
      }
      if (!isBusy) {
        await inputs.arrival();
        continue;
      }
      hasher.run();
      for (const job of [...jobs.values()]) {
        if (job.isWhole === undefined || !hasher.isIdle(job.lane)) continue;
        store(job.next, hasher.digest(job.lane), control, job.isWhole);
        release(job);
      }
      const turn = inputs.turn();
      if (turn !== undefined) await turn;
    }
  } finally {
    for (const job of [...jobs.values()]) release(job);
  }
}

/**
 * A file so large that the others are done before it is hashed by itself: beside them it would only
 * be slower.
 */
function laneCount(together: Together, { lanes }: LaneHasher, jobs: ReadonlyMap<number, Job>): number {
  for (const { next } of jobs.values()) if (next.length > together.aloneBytes) return 0;
  return Math.min(together.lanes, lanes);
}

/**
 * Brings the next bytes of a file into its lane, as far as they have come, and ends its message
 * behind the last.
 */
function fill(job: Job, hasher: LaneHasher): void {
  const { lane, input } = job;
  while (job.isWhole === undefined && hasher.isIdle(lane)) {
    if (!input.isAtEnd) {
      const room = hasher.room(lane);
      const chunk = input.take(room);
      if (chunk === undefined) return;
      if (chunk.buffer !== room.buffer) chunk.copy(room);
      hasher.add(lane, chunk.length);
    }
    if (!input.isAtEnd) continue;
    const isWhole = input.finish();
    if (isWhole === undefined) return;
    hasher.end(lane);
    job.isWhole = isWhole;
  }
}
