import { createEngine, type Engine, type EngineName, type Hasher } from './engine.ts';

/** Which engine a run uses, and why, for the report. */
export interface EngineChoice {
  readonly name: EngineName;
  readonly reason: string;
}

/** 2 MiB is about 5 ms of the slower engine: long enough to see a factor, short enough not to be noticed. */
const SAMPLE_BYTES = 2 << 20;

/** Turns `--hasher` into an engine; `auto` measures both on this processor and takes the faster one. */
export async function chooseEngine(hasher: Hasher): Promise<EngineChoice> {
  if (hasher !== 'auto') return { name: hasher, reason: 'asked for' };
  const sample = new Uint8Array(SAMPLE_BYTES);
  const wasm = megabytesPerSecond(await createEngine('wasm'), sample);
  const native = megabytesPerSecond(await createEngine('native'), sample);
  const speeds = `measured here: wasm ${wasm.toFixed(0)} MB/s, native ${native.toFixed(0)} MB/s`;
  return { name: native > wasm ? 'native' : 'wasm', reason: speeds };
}

/** Best of three passes, so that a single interruption does not decide. */
function megabytesPerSecond(engine: Engine, sample: Uint8Array): number {
  let best = 0;
  for (let pass = 0; pass < 3; pass++) {
    const start = performance.now();
    engine.init();
    engine.update(sample);
    engine.digest();
    best = Math.max(best, sample.length / 1000 / (performance.now() - start));
  }
  return best;
}
