import { type Failure, failureOf } from '../error/index.ts';
import { digestAt, EntryReader, readEntry } from '../fs/index.ts';
import { type Control, checkStop, countBytes, countFile, Stopped } from './control.ts';
import { createCopy } from './copy.ts';
import type { Engine } from './engine.ts';
import { closeLine, type Line, LineSender } from './line.ts';
import type { HashReply, HashRequest, HashTask, SecondDigests } from './protocol.ts';
import { takeNext } from './queue.ts';
import { SecondHasher } from './second-hash.ts';

/** Reads the one file of a request for the thread that hashes it. */
export function readAhead(request: HashRequest, line: Line, control: Control): HashReply['failures'] {
  const next = takeNext(request, control);
  if (next === undefined) return [];
  const { work, task, index } = next;
  const { root, files } = work.listing;
  const check = () => checkStop(control);
  const stream = new LineSender(line).open();
  try {
    const copy = work.copyTo === undefined ? undefined : createCopy(work.copyTo, files, index);
    try {
      const reader = new EntryReader(root, files, index);
      try {
        stream.init();
        while (!reader.isAtEnd) {
          const piece = stream.piece(check);
          const length = reader.read(piece);
          copy?.write(piece.subarray(0, length));
          stream.send(length);
          countBytes(control, length);
        }
        reader.check();
      } finally {
        reader.close();
      }
      copy?.sync();
    } finally {
      copy?.close();
    }
    digestAt(files, index).set(stream.digestNow(check));
    files.hashed[index] = 1;
    countFile(control);
    return [];
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return [{ task, failure: failureOf(error) }];
  } finally {
    stream.close();
    closeLine(line);
  }
}

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
  for (let next = takeNext(request, control); next !== undefined; next = takeNext(request, control)) {
    const { work, task, index } = next;
    try {
      const digests = hashFile(work, index, engine, hashers[task], buffer, control);
      if (digests !== undefined) second.push({ task, index, digests });
      countFile(control);
    } catch (error) {
      if (error instanceof Stopped) throw error;
      failures.push({ task, failure: failureOf(error) });
    }
  }
  return { kernel: engine.name === 'wasm' ? 'hash-wasm' : 'openssl', failures, second };
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
