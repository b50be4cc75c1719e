import type { ReadWhole } from '../fs/index.ts';
import { AdditionalHasher } from './additional-hash.ts';
import type { Control } from './control.ts';
import type { Engine } from './engine.ts';
import type { Input, Inputs } from './inputs.ts';
import { store } from './queue.ts';
import type { AdditionalDigests, HashRequest, Kernel } from './task.ts';

const NOTHING = Buffer.alloc(0);

/** Second hashes: their hashers by task, and what they came to. */
interface Additional {
  readonly hashers: readonly (AdditionalHasher | undefined)[];
  readonly digests: AdditionalDigests[];
}

export async function additionalOf({ tasks }: HashRequest): Promise<Additional> {
  const hashers = tasks.map(({ second }) => (second === undefined ? undefined : AdditionalHasher.create(second)));
  return { hashers: await Promise.all(hashers), digests: [] };
}

/** One worker's share of the files, one after the other. @returns what computed the digests */
export async function hashFiles(
  inputs: Inputs,
  engine: Engine,
  buffer: Buffer,
  control: Control,
  additional?: Additional,
): Promise<Kernel> {
  for (let taken = inputs.take(); taken !== undefined; taken = inputs.take()) {
    if (taken === 'later') {
      await inputs.arrival();
      continue;
    }
    const turn = inputs.turn();
    if (turn !== undefined) await turn;
    const { next, input } = taken;
    const { task, index } = next;
    const second = additional?.hashers[task];
    try {
      let [digest, isWhole]: [Uint8Array?, ReadWhole?] = [];
      try {
        const first = input.isAtEnd ? NOTHING : (input.take(buffer) ?? (await arrived(inputs, input, buffer)));
        if (input.isAtEnd && second === undefined) digest = engine.digestOf(first);
        else {
          engine.init();
          second?.init();
          for (let chunk = first; ; chunk = input.take(buffer) ?? (await arrived(inputs, input, buffer))) {
            engine.update(chunk);
            second?.update(chunk);
            if (input.isAtEnd) break;
            const turn = inputs.turn();
            if (turn !== undefined) await turn;
          }
        }
        for (isWhole = input.finish(); isWhole === undefined; isWhole = input.finish()) await inputs.arrival();
      } finally {
        input.close();
      }
      store(next, digest ?? engine.digest(), control, isWhole);
      if (second !== undefined) additional?.digests.push({ task, index, digests: second.finish() });
    } catch (error) {
      inputs.failed(next, error);
    }
  }
  return engine.name === 'wasm' ? 'hash-wasm' : 'openssl';
}

/** Waits for more of a file. */
async function arrived(inputs: Inputs, input: Input, buffer: Buffer): Promise<Buffer> {
  for (;;) {
    await inputs.arrival();
    const chunk = input.take(buffer);
    if (chunk !== undefined) return chunk;
  }
}
