import { type Failure, failureOf } from '../error/index.ts';
import { type Control, checkStop, Stopped } from './control.ts';
import type { Engine } from './engine.ts';
import { Input } from './input.ts';
import { closeLine, type Line, LineSender } from './line.ts';
import type { HashReply, HashRequest, SecondDigests } from './protocol.ts';
import { type Next, store, takeNext } from './queue.ts';
import { SecondHasher } from './second-hash.ts';

/** Reads the one file of a request for the thread that hashes it. */
export function readAhead(request: HashRequest, line: Line, control: Control): HashReply['failures'] {
  const next = takeNext(request, control);
  if (next === undefined) return [];
  const check = () => checkStop(control);
  const stream = new LineSender(line).open();
  try {
    const input = new Input(next, control);
    try {
      stream.init();
      while (!input.isAtEnd) stream.send(input.read(stream.piece(check)));
      input.finish();
    } finally {
      input.close();
    }
    store(next, stream.digestNow(check), control);
    return [];
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return [{ task: next.task, failure: failureOf(error) }];
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
    const { task, index } = next;
    try {
      const digests = hashOne(next, engine, hashers[task], buffer, control);
      if (digests !== undefined) second.push({ task, index, digests });
    } catch (error) {
      if (error instanceof Stopped) throw error;
      failures.push({ task, failure: failureOf(error) });
    }
  }
  return { kernel: engine.name === 'wasm' ? 'hash-wasm' : 'openssl', failures, second };
}

function hashOne(
  next: Next,
  engine: Engine,
  second: SecondHasher | undefined,
  buffer: Buffer,
  control: Control,
): readonly string[] | undefined {
  const input = new Input(next, control);
  try {
    engine.init();
    second?.init();
    while (!input.isAtEnd) {
      const chunk = buffer.subarray(0, input.read(buffer));
      engine.update(chunk);
      second?.update(chunk);
    }
    input.finish();
  } finally {
    input.close();
  }
  store(next, engine.digest(), control);
  return second?.finish();
}
