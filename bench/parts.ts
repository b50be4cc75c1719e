import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, measure, output, printRatios } from './measure.ts';

const PARTS = 32;
/** 48 for each part: with a dozen of them, two threads of eight lanes are not filled. */
const FILES = 1536;
const FILE_BYTES = 1 << 26;

/**
 * All parts of a verification, one after the other on this machine, against the verification of the
 * whole. `BENCH_PARTS` is a folder in which what is verified is kept for another run.
 */
export async function benchParts(work: string, program: readonly string[], rounds: number): Promise<object> {
  const kept = process.env['BENCH_PARTS'];
  const at = kept ?? join(work, 'parts');
  const data = join(at, 'data');
  mkdirSync(join(at, 'out'), { recursive: true });
  if (!existsSync(join(at, 'model.sig'))) prepare(program, at, data);
  const evidence = ['--key', join(at, 'key.pub'), '--insecure-ignore-tlog', '--signature', join(at, 'model.sig')];
  const whole = [...program, 'verify', data, ...evidence];
  const part = (index: number) => [
    ...whole,
    ...['--part', `${index}/${PARTS}`, '--run-id', 'bench'],
    ...['--verdict', join(at, 'out', `part-${index}`), '--verdict-key', join(at, 'key.key')],
  ];
  const merge = [
    ...[...program, 'verdict', 'merge', join(at, 'out'), '--verifier-key', join(at, 'key.pub')],
    ...['--verdict', join(at, 'verdict'), '--verdict-key', join(at, 'key.key')],
  ];
  const results = await inTurns(
    rounds,
    new Map([
      ['the whole', async () => (await measure(whole)).seconds],
      [
        `${PARTS} parts and their merge`,
        async () => {
          let seconds = 0;
          for (let i = 0; i < PARTS; i++) seconds += (await measure(part(i))).seconds;
          return seconds + (await measure(merge)).seconds;
        },
      ],
    ]),
  );
  if (kept === undefined) rmSync(at, { recursive: true });
  printRatios(
    `${(FILES * FILE_BYTES) / 2 ** 30} GiB of holes in ${FILES} files (median of ${rounds})`,
    'seconds',
    'the whole',
    results,
    2,
  );
  return Object.fromEntries(results);
}

/**
 * Holes, and a signature of them: nothing comes from a disk. A part costs a start and a list, so it
 * is for what takes much longer than that.
 */
function prepare(program: readonly string[], at: string, data: string): void {
  mkdirSync(data);
  for (let i = 0; i < FILES; i++) {
    const descriptor = openSync(join(data, `train-${String(i).padStart(5, '0')}.parquet`), 'w');
    ftruncateSync(descriptor, FILE_BYTES);
    closeSync(descriptor);
  }
  output(program, 'keygen', '--output', join(at, 'key'));
  output(program, 'sign', data, '--key', join(at, 'key.key'), '--signature', join(at, 'model.sig'), '--hasher=native');
}
