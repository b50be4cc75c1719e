import type { ReadWhole } from '../fs/index.ts';
import {
  type Control,
  checkStop,
  type Input,
  type Inputs,
  type RingBuffer,
  RingSender,
  type RingStream,
  store,
} from '../hash/index.ts';

/** Large files, one after the other: this thread reads, and another one hashes what came. */
export async function readIntoRing(inputs: Inputs, ring: RingBuffer, control: Control): Promise<void> {
  const check = () => checkStop(control);
  const stream = new RingSender(ring).open();
  try {
    for (let taken = inputs.take(); taken !== undefined; taken = inputs.take()) {
      if (taken === 'later') {
        await inputs.arrival();
        continue;
      }
      try {
        const isWhole = await readWhole(inputs, taken.input, stream, check);
        store(taken.next, stream.digestNow(check), control, isWhole);
      } catch (error) {
        inputs.failed(taken.next, error);
      }
    }
  } finally {
    stream.close();
  }
}

/** @throws what is wrong with the file */
async function readWhole(inputs: Inputs, input: Input, stream: RingStream, check: () => void): Promise<ReadWhole> {
  try {
    stream.init();
    while (!input.isAtEnd) {
      const turn = inputs.turn();
      if (turn !== undefined) await turn;
      const room = stream.piece(check);
      const chunk = input.take(room);
      if (chunk === undefined) {
        await inputs.arrival();
        continue;
      }
      if (chunk.buffer !== room.buffer) chunk.copy(room);
      stream.send(chunk.length);
    }
    for (;;) {
      const isWhole = input.finish();
      if (isWhole !== undefined) return isWhole;
      await inputs.arrival();
    }
  } finally {
    input.close();
  }
}
