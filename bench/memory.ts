import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure, output, printTable } from './measure.ts';

const GIB = 2 ** 30;

/**
 * Peak resident memory for 1 GiB, for 64 GiB (holes: nothing is read from disk), and for 100,000
 * files.
 */
export async function benchMemory(work: string, program: readonly string[]): Promise<object> {
  const cases: [string, string, string][] = [];
  for (const [name, bytes] of [
    ['1 GiB', GIB],
    ['64 GiB', 64 * GIB],
  ] as const) {
    const folder = join(work, name.replace(' ', '-'));
    mkdirSync(folder);
    for (let file = 0; file < 4; file++) {
      const descriptor = openSync(join(folder, `${file}`), 'w');
      ftruncateSync(descriptor, bytes / 4);
      closeSync(descriptor);
    }
    for (const hasher of bytes > GIB ? ['native'] : ['native', 'wasm'])
      cases.push([`${name} in 4 files`, hasher, folder]);
  }
  const small = join(work, 'small');
  for (let i = 0; i < 100_000; i++) {
    if (i % 1000 === 0) mkdirSync(join(small, `${i / 1000}`), { recursive: true });
    writeFileSync(join(small, `${Math.floor(i / 1000)}/part-${i}.bin`), Buffer.alloc(4096, i));
  }
  cases.push(['100,000 files of 4 KiB', 'wasm', small]);
  const rows = [['', 'hasher', 'peak RSS', 'seconds']];
  const result: Record<string, object> = {};
  for (const [name, hasher, folder] of cases) {
    const digest = output(program, 'digest', '--hasher=native', folder);
    const verify = [...program, 'verify', folder, `--sha256=${digest}`, `--hasher=${hasher}`, '--format=json'];
    const { peakRss, seconds } = await measure(verify, true);
    rows.push([name, hasher, `${(peakRss / 2 ** 20).toFixed(0)} MiB`, seconds.toFixed(1)]);
    result[`${name}, ${hasher}`] = { peakRss, seconds };
  }
  printTable('Peak memory of weighlock verify', rows);
  return result;
}
