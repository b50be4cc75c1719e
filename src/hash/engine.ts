import { WeighlockError } from '../error/index.ts';
import { knownAnswerFault } from './known-answer.ts';
import { nativeEngine } from './native.ts';
import { wasmEngine } from './wasm.ts';

/** One SHA-256 at a time: `init`, any number of `update`s, `digest`. */
export interface Engine {
  readonly name: EngineName;
  /** The read size in bytes that this engine was measured to be fastest with. */
  readonly chunkBytes: number;
  init(): void;
  update(chunk: Uint8Array): void;
  /** 32 raw bytes. */
  digest(): Uint8Array;
  /** Of a whole message; ends what was begun with `init`. */
  digestOf(message: Uint8Array): Uint8Array;
}

export type EngineName = 'wasm' | 'native';

/** What `--hasher` accepts. */
export const HASHERS = ['wasm', 'native', 'auto'] as const;
export type Hasher = (typeof HASHERS)[number];

const ENGINES: Readonly<Record<EngineName, () => Promise<Engine>>> = { wasm: wasmEngine, native: nativeEngine };

/**
 * Makes an engine and has it pass the known-answer test before anyone may trust a digest of it.
 *
 * @throws WeighlockError `ENGINE_FAULT` when one answer is wrong: a damaged binary or a faulty
 * processor.
 */
export async function createEngine(name: EngineName): Promise<Engine> {
  const engine = await ENGINES[name]();
  const fault = knownAnswerFault(engine);
  if (fault !== undefined) {
    throw new WeighlockError({
      code: 'ENGINE_FAULT',
      message: `the ${name} hasher failed its known-answer test: ${fault}`,
      remedy: 'the binary is damaged or the processor computes wrongly: pull the image again, or run on another node',
    });
  }
  return engine;
}
