import type { ReadWhole } from '../fs/index.ts';
import { type Control, checkStop, Stopped } from './control.ts';
import type { Engine } from './engine.ts';
import { Input } from './input.ts';
import { closeLine, type Line, LineSender } from './line.ts';
import type { HashReply, HashRequest, Kernel, SecondDigests } from './protocol.ts';
import { fileFailure, type Inputs, type Next, store, takeNext } from './queue.ts';
import { SecondHasher } from './second-hash.ts';

/** Reads the one file of a request for the thread that hashes it. */
export function readAhead(request: HashRequest, line: Line, control: Control): HashReply['failures'] {
  const next = takeNext(request, control);
  if (next === undefined) return [];
  const check = () => checkStop(control);
  const stream = new LineSender(line).open();
  try {
    const input = Input.open(next, control);
    let isWhole: ReadWhole;
    try {
      stream.init();
      while (!input.isAtEnd) stream.send(input.read(stream.piece(check)));
      isWhole = input.finish();
    } finally {
      input.close();
    }
    store(next, stream.digestNow(check), control, isWhole);
    return [];
  } catch (error) {
    if (error instanceof Stopped) throw error;
    return [fileFailure(next, error)];
  } finally {
    stream.close();
    closeLine(line);
  }
}

/** Second hashes: their hashers by task, and what they came to. */
interface Seconds {
  readonly hashers: readonly (SecondHasher | undefined)[];
  readonly digests: SecondDigests[];
}

export async function secondsOf({ tasks }: HashRequest): Promise<Seconds> {
  const hashers = tasks.map(({ second }) => (second === undefined ? undefined : SecondHasher.create(second)));
  return { hashers: await Promise.all(hashers), digests: [] };
}

/** One worker's share of the files, one after the other. @returns what computed the digests */
export function hashFiles(inputs: Inputs, engine: Engine, buffer: Buffer, control: Control, seconds?: Seconds): Kernel {
  for (let taken = inputs.take(); taken !== undefined; taken = inputs.take()) {
    const { next, input } = taken;
    const { task, index } = next;
    try {
      const digests = hashOne(next, input, engine, seconds?.hashers[task], buffer, control);
      if (digests !== undefined) seconds?.digests.push({ task, index, digests });
    } catch (error) {
      inputs.failed(next, error);
    }
  }
  return engine.name === 'wasm' ? 'hash-wasm' : 'openssl';
}

function hashOne(
  next: Next,
  input: Input,
  engine: Engine,
  second: SecondHasher | undefined,
  buffer: Buffer,
  control: Control,
): readonly string[] | undefined {
  let isWhole: ReadWhole;
  try {
    let chunk = buffer.subarray(0, input.isAtEnd ? 0 : input.read(buffer));
    if (input.isAtEnd && second === undefined) {
      store(next, engine.digestOf(chunk), control, input.finish());
      return undefined;
    }
    engine.init();
    second?.init();
    for (;;) {
      engine.update(chunk);
      second?.update(chunk);
      if (input.isAtEnd) break;
      chunk = buffer.subarray(0, input.read(buffer));
    }
    isWhole = input.finish();
  } finally {
    input.close();
  }
  store(next, engine.digest(), control, isWhole);
  return second?.finish();
}
