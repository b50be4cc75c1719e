import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, measure, output, printRatios } from './measure.ts';

const PARTS = 32;
const FILES = 512;
const FILE_BYTES = 1 << 28;

/**
 * All parts of a verification, one after the other on this machine, against the verification of the
 * whole.
 */
export async function benchParts(work: string, program: readonly string[], rounds: number): Promise<object> {
  const at = join(work, 'parts');
  const data = join(at, 'data');
  mkdirSync(join(at, 'out'), { recursive: true });
  mkdirSync(data);
  // Holes: nothing comes from a disk. A part costs a start and a list, so it is for what takes much
  // longer than that.
  for (let i = 0; i < FILES; i++) {
    const descriptor = openSync(join(data, `train-${String(i).padStart(5, '0')}.parquet`), 'w');
    ftruncateSync(descriptor, FILE_BYTES);
    closeSync(descriptor);
  }
  output(program, 'keygen', '--output', join(at, 'key'));
  output(program, 'sign', data, '--key', join(at, 'key.key'), '--signature', join(at, 'model.sig'), '--hasher=native');
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
  rmSync(at, { recursive: true });
  printRatios(`128 GiB of holes in ${FILES} files (median of ${rounds})`, 'seconds', 'the whole', results, 2);
  return Object.fromEntries(results);
}
