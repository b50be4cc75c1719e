import { type Failure, failureOf } from '../../error/index.ts';
import { type Control, Stopped } from '../control.ts';
import { Input } from '../input.ts';
import type { HashReply, HashRequest } from '../protocol.ts';
import { type Next, store, takeNext } from '../queue.ts';
import type { LaneHasher } from './lane-hasher.ts';

/** A file, or a shard, in a lane. */
interface Job {
  readonly lane: number;
  readonly next: Next;
  readonly input: Input;
  isEnded: boolean;
}

/**
 * One worker's share of a hash request, several files at once: a lane that is done takes the next file off the common
 * queue, so that the lanes are full until the queue is empty. What is wrong with one file leaves the others alone.
 */
export function hashInLanes(request: HashRequest, hasher: LaneHasher, control: Control): HashReply {
  const failures: { task: number; failure: Failure }[] = [];
  const jobs = new Map<number, Job>();
  let isEmpty = false;
  hasher.usedWide = false;

  /** Frees a lane, whatever came of its file. */
  const release = ({ lane, input }: Job) => {
    jobs.delete(lane);
    hasher.drop(lane);
    input.close();
  };

  const failed = (task: number, error: unknown) => {
    if (error instanceof Stopped) throw error;
    failures.push({ task, failure: failureOf(error) });
  };

  /** Puts the next file that can be opened into a lane. */
  const take = (lane: number) => {
    for (let next = takeNext(request, control); next !== undefined; next = takeNext(request, control)) {
      try {
        jobs.set(lane, { lane, next, input: new Input(next, control), isEnded: false });
        hasher.begin(lane);
        return;
      } catch (error) {
        failed(next.task, error);
      }
    }
    isEmpty = true;
  };

  try {
    for (;;) {
      for (let lane = 0; lane < laneCount(request, hasher, jobs) && !isEmpty; lane++) if (!jobs.has(lane)) take(lane);
      if (jobs.size === 0) return { kernel: hasher.kernel, failures, second: [] };
      for (const job of [...jobs.values()]) {
        try {
          fill(job, hasher);
        } catch (error) {
          release(job);
          failed(job.next.task, error);
        }
      }
      hasher.run();
      for (const job of [...jobs.values()]) {
        if (!job.isEnded || !hasher.isIdle(job.lane)) continue;
        store(job.next, hasher.digest(job.lane), control);
        release(job);
      }
    }
  } finally {
    for (const job of [...jobs.values()]) release(job);
  }
}

/** A file so large that the others are done before it is hashed by itself: beside them it would only be slower. */
function laneCount(request: HashRequest, { lanes }: LaneHasher, jobs: ReadonlyMap<number, Job>): number {
  for (const { next } of jobs.values()) if (next.length > request.aloneBytes) return 0;
  return Math.min(request.lanes, lanes);
}

/** Brings the next bytes of a file into its lane, and ends its message behind the last. */
function fill(job: Job, hasher: LaneHasher): void {
  const { lane, input } = job;
  while (!job.isEnded && hasher.isIdle(lane)) {
    if (!input.isAtEnd) hasher.add(lane, input.read(hasher.room(lane)));
    if (!input.isAtEnd) continue;
    input.finish();
    hasher.end(lane);
    job.isEnded = true;
  }
}
