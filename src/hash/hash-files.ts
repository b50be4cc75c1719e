import { type Failure, failureOf } from '../error/index.ts';
import { digestAt, readEntry } from '../fs/index.ts';
import { type Control, checkStop, countBytes, countFile, nextInQueue, Stopped } from './control.ts';
import { createCopy } from './copy.ts';
import type { Engine } from './engine.ts';
import type { HashReply, HashRequest, HashTask, SecondDigests } from './protocol.ts';
import { SecondHasher } from './second-hash.ts';

/** One worker's share of a hash request: takes files off the common queue until it is empty. */
export async function hashFiles(
  request: HashRequest,
  engine: Engine,
  buffer: Buffer,
  control: Control,
): Promise<HashReply> {
  const failures: { task: number; failure: Failure }[] = [];
  const second: SecondDigests[] = [];
  const hashers = await Promise.all(
    request.tasks.map((task) => (task.second === undefined ? undefined : SecondHasher.create(task.second))),
  );
  for (let next = nextInQueue(control); next < request.order.length; next = nextInQueue(control)) {
    const { task, index } = locate(request.tasks, request.order[next] ?? 0);
    const job = request.tasks[task];
    if (job === undefined) break;
    try {
      const digests = hashFile(job, index, engine, hashers[task], buffer, control);
      if (digests !== undefined) second.push({ task, index, digests });
      countFile(control);
    } catch (error) {
      if (error instanceof Stopped) throw error;
      failures.push({ task, failure: failureOf(error) });
    }
  }
  return { failures, second };
}

/** Which file of which task a position of the queue means. */
export function locate(tasks: readonly HashTask[], position: number): { task: number; index: number } {
  let index = position;
  for (const [task, { listing }] of tasks.entries()) {
    if (index < listing.files.count) return { task, index };
    index -= listing.files.count;
  }
  return { task: tasks.length, index };
}

function hashFile(
  job: HashTask,
  index: number,
  engine: Engine,
  second: SecondHasher | undefined,
  buffer: Buffer,
  control: Control,
): readonly string[] | undefined {
  const { root, files } = job.listing;
  const copy = job.copyTo === undefined ? undefined : createCopy(job.copyTo, files, index);
  try {
    engine.init();
    second?.init();
    readEntry(root, files, index, buffer, (chunk) => {
      checkStop(control);
      engine.update(chunk);
      second?.update(chunk);
      copy?.write(chunk);
      countBytes(control, chunk.length);
    });
    copy?.sync();
  } finally {
    copy?.close();
  }
  digestAt(files, index).set(engine.digest());
  files.hashed[index] = 1;
  return second?.finish();
}
