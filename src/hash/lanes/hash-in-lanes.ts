import { type Failure, failureOf } from '../../error/index.ts';
import { digestAt, EntryReader, type FileTable } from '../../fs/index.ts';
import { type Control, checkStop, countBytes, countFile, nextInQueue, Stopped } from '../control.ts';
import { type Copy, createCopy } from '../copy.ts';
import { locate } from '../hash-files.ts';
import type { HashReply, HashRequest } from '../protocol.ts';
import { LANES, type LaneHasher } from './lane-hasher.ts';

/** A file in a lane. */
interface Job {
  readonly lane: number;
  readonly task: number;
  readonly index: number;
  readonly files: FileTable;
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

  const give = (job: Job, error: unknown) => {
    hasher.drop(job.lane);
    jobs.delete(job.lane);
    job.copy?.close();
    job.reader.close();
    if (error instanceof Stopped) throw error;
    failures.push({ task: job.task, failure: failureOf(error) });
  };

  /** The next file that can be opened, in this lane; false when there is none. */
  const take = (lane: number): boolean => {
    for (let next = nextInQueue(control); next < request.order.length; next = nextInQueue(control)) {
      const { task, index } = locate(request.tasks, request.order[next] ?? 0);
      const work = request.tasks[task];
      if (work === undefined) break;
      const { root, files } = work.listing;
      try {
        const copy = work.copyTo === undefined ? undefined : createCopy(work.copyTo, files, index);
        try {
          const reader = new EntryReader(root, files, index);
          hasher.begin(lane);
          jobs.set(lane, { lane, task, index, files, reader, copy, isEnded: false });
          return true;
        } catch (error) {
          copy?.close();
          throw error;
        }
      } catch (error) {
        failures.push({ task, failure: failureOf(error) });
      }
    }
    isEmpty = true;
    return false;
  };

  try {
    for (;;) {
      for (let lane = 0; lane < laneCount(request, jobs) && !isEmpty; lane++) if (!jobs.has(lane)) take(lane);
      if (jobs.size === 0) return { failures, second: [] };
      for (const job of [...jobs.values()]) {
        try {
          fill(job, hasher, control);
        } catch (error) {
          give(job, error);
        }
      }
      hasher.run();
      for (const job of [...jobs.values()]) {
        if (!job.isEnded || !hasher.isIdle(job.lane)) continue;
        digestAt(job.files, job.index).set(hasher.digest(job.lane));
        job.files.hashed[job.index] = 1;
        countFile(control);
        jobs.delete(job.lane);
        job.copy?.close();
        job.reader.close();
      }
    }
  } finally {
    for (const { lane, copy, reader } of jobs.values()) {
      hasher.drop(lane);
      copy?.close();
      reader.close();
    }
  }
}

/** A file so large that the others are done before it is hashed by itself: beside them it would only be slower. */
function laneCount(request: HashRequest, jobs: ReadonlyMap<number, Job>): number {
  for (const { files, index } of jobs.values()) if ((files.size[index] ?? 0) > request.aloneBytes) return 0;
  return Math.min(request.lanes, LANES);
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
