import { type Failure, failureOf } from '../../error/index.ts';
import { EntryReader } from '../../fs/index.ts';
import { type Control, checkStop, countBytes, Stopped } from '../control.ts';
import { type Copy, createCopy } from '../copy.ts';
import type { HashReply, HashRequest } from '../protocol.ts';
import { type Next, store, takeNext } from '../queue.ts';
import type { LaneHasher } from './lane-hasher.ts';

/** A file, or a shard, in a lane. */
interface Job {
  readonly lane: number;
  readonly next: Next;
  readonly reader: EntryReader;
  readonly copy: Copy | undefined;
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
  const release = ({ lane, copy, reader }: Job) => {
    jobs.delete(lane);
    hasher.drop(lane);
    copy?.close();
    reader.close();
  };

  const failed = (task: number, error: unknown) => {
    if (error instanceof Stopped) throw error;
    failures.push({ task, failure: failureOf(error) });
  };

  /** Puts the next file that can be opened into a lane. */
  const take = (lane: number) => {
    for (let next = takeNext(request, control); next !== undefined; next = takeNext(request, control)) {
      try {
        jobs.set(lane, open(next, lane));
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
          fill(job, hasher, control);
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

function open(next: Next, lane: number): Job {
  const { work, index, shard } = next;
  const { root, files } = work.listing;
  const copy = work.copyTo === undefined ? undefined : createCopy(work.copyTo, files, index);
  try {
    return { lane, next, reader: new EntryReader(root, files, index, shard), copy, isEnded: false };
  } catch (error) {
    copy?.close();
    throw error;
  }
}

/** A file so large that the others are done before it is hashed by itself: beside them it would only be slower. */
function laneCount(request: HashRequest, { lanes }: LaneHasher, jobs: ReadonlyMap<number, Job>): number {
  for (const { next } of jobs.values()) if (next.length > request.aloneBytes) return 0;
  return Math.min(request.lanes, lanes);
}

/** Brings the next bytes of a file into its lane, and ends its message behind the last. */
function fill(job: Job, hasher: LaneHasher, control: Control): void {
  const { lane, reader, copy } = job;
  while (!job.isEnded && hasher.isIdle(lane)) {
    checkStop(control);
    if (!reader.isAtEnd) {
      const room = hasher.room(lane);
      const length = reader.read(room);
      copy?.write(room.subarray(0, length));
      hasher.add(lane, length);
      countBytes(control, length);
    }
    if (!reader.isAtEnd) continue;
    reader.check();
    copy?.sync();
    hasher.end(lane);
    job.isEnded = true;
  }
}
