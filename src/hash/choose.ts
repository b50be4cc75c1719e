import { createEngine, type Engine, type EngineName, type Hasher } from './engine.ts';
import { fastestKernel } from './lanes/index.ts';

/** Which engine a run uses, and why, for the report. */
export interface EngineChoice {
  readonly name: EngineName;
  readonly reason: string;
}

/**
 * 2 MiB is about 5 ms of the slower engine: long enough to see a factor, short enough not to be
 * noticed.
 */
const SAMPLE_BYTES = 2 << 20;

/** Turns `--hasher` into an engine; `auto` measures on this processor and takes the faster one. */
export async function chooseEngine(hasher: Hasher): Promise<EngineChoice> {
  if (hasher !== 'auto') return { name: hasher, reason: 'asked for' };
  const sample = new Uint8Array(SAMPLE_BYTES);
  const rates = (await fastestKernel()).rates ?? same(megabytesPerSecond(streamOf(await createEngine('wasm'), sample)));
  const native = megabytesPerSecond(streamOf(await createEngine('native'), sample));
  const [one, many, openssl] = [rates.single, rates.several, native].map((rate) => rate.toFixed(0));
  return {
    // Models come in several files; where they do not, OpenSSL without SHA instructions is not much
    // faster.
    name: native > rates.several ? 'native' : 'wasm',
    reason: `measured here: wasm ${one} MB/s, ${many} with several files at once, native ${openssl} MB/s`,
  };
}

/** hash-wasm takes one message after the other. */
function same(rate: number): { single: number; several: number } {
  return { single: rate, several: rate };
}

/** One pass over the sample. @returns bytes hashed */
function streamOf(engine: Engine, sample: Uint8Array): () => number {
  return () => {
    engine.init();
    engine.update(sample);
    engine.digest();
    return sample.length;
  };
}

/** Best of three passes, so that a single interruption does not decide. */
function megabytesPerSecond(pass: () => number): number {
  let best = 0;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    const bytes = pass();
    best = Math.max(best, bytes / 1000 / (performance.now() - start));
  }
  return best;
}
