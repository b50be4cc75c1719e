import type { ReadWhole } from '../fs/index.ts';
import {
  type Control,
  checkStop,
  type Input,
  type Inputs,
  type Next,
  type RingBuffer,
  RingSender,
  type RingStream,
  store,
} from '../hash/index.ts';

/** A file on its way through a stream of the ring. */
interface Job {
  readonly next: Next;
  readonly input: Input;
  readonly stream: RingStream;
  /** Set when all of it was read and its digest asked for. */
  isWhole?: ReadWhole;
}

/** What became of a step: `reads` and `hasher` are what it has to wait for. */
type Step = 'moved' | 'done' | 'reads' | 'hasher';

/**
 * Large files, as many at a time as the ring has streams: this thread reads, and another one hashes
 * what came. What is wrong with one file leaves the others alone.
 */
export async function readIntoRing(inputs: Inputs, ring: RingBuffer, control: Control): Promise<void> {
  const sender = new RingSender(ring);
  const jobs = new Set<Job>();
  let isEmpty = false;
  const release = (job: Job) => {
    jobs.delete(job);
    job.input.close();
    job.stream.close();
  };

  /** @returns false when there is no file now */
  const take = (): boolean => {
    const taken = inputs.take();
    isEmpty = taken === undefined;
    if (taken === undefined || taken === 'later') return false;
    const stream = sender.open();
    jobs.add({ ...taken, stream });
    stream.init();
    return true;
  };

  const advance = (job: Job): Step => {
    try {
      const step = job.isWhole === undefined ? read(job) : 'hasher';
      if (job.isWhole === undefined) return step;
      const digest = job.stream.digestNow();
      if (digest === undefined) return step;
      store(job.next, digest, control, job.isWhole);
      release(job);
      return 'done';
    } catch (error) {
      release(job);
      inputs.failed(job.next, error);
      return 'done';
    }
  };

  try {
    for (;;) {
      while (jobs.size < ring.streams && !isEmpty && take());
      if (jobs.size === 0 && isEmpty) return;
      const seen = sender.done;
      const steps = [...jobs].map(advance);
      if (steps.includes('moved') || steps.includes('done')) {
        const turn = inputs.turn();
        if (turn !== undefined) await turn;
      } else if (steps.length === 0 || steps.includes('reads')) {
        // What is read ahead may all be of a file that waits for the hasher.
        const isBoth = steps.includes('hasher');
        await (isBoth ? Promise.race([inputs.arrival(), sender.changed(seen)]) : inputs.arrival());
      } else {
        checkStop(control);
        sender.block();
      }
    }
  } finally {
    for (const job of [...jobs]) release(job);
  }
}

/**
 * Brings what has come of a file into the ring, a piece at most. @throws what is wrong with it
 */
function read(job: Job): Step {
  const { input, stream } = job;
  let step: Step = 'reads';
  while (!input.isAtEnd) {
    const room = stream.pieceLeft();
    if (room === undefined) return step === 'moved' ? step : 'hasher';
    const chunk = input.take(room);
    if (chunk === undefined) {
      // Better little than nothing: otherwise the other thread would stand still.
      if (stream.isIdle) stream.flush();
      return step;
    }
    if (chunk.buffer !== room.buffer) chunk.copy(room);
    step = 'moved';
    if (stream.filled(chunk.length)) return step;
  }
  const isWhole = input.finish();
  if (isWhole === undefined) return step;
  stream.end();
  job.isWhole = isWhole;
  return 'moved';
}
