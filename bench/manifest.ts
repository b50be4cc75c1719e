import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dropPages, inTurns, measure, mebibytes, median, output, printTable } from './measure.ts';

const FILES = Number(process.env['BENCH_FILES'] ?? 1_000_000);

/** A signature that lists a million files, against a pin of the same files. */
export async function benchManifest(work: string, program: readonly string[], rounds: number): Promise<object> {
  const at = join(work, 'manifest');
  mkdirSync(at);
  // A million files take minutes to make: they may be there.
  const data = process.env['BENCH_DATA'] ?? join(at, 'data');
  for (let i = 0; i < FILES && process.env['BENCH_DATA'] === undefined; i++) {
    const folder = join(data, `shard-${String(Math.floor(i / 1000)).padStart(5, '0')}`);
    if (i % 1000 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `image-${String(i).padStart(8, '0')}.jpg`), `image ${i}\n`);
  }
  dropPages(program[0] ?? '');
  output(program, 'keygen', '--output', join(at, 'key'));
  // Before anything is measured: the first program that opens a million files waits for the disk.
  const pin = output(program, 'digest', data);
  const signature = join(at, 'model.sig');
  const sign = [...program, 'sign', data, '--key', join(at, 'key.key'), '--signature', signature];
  const signed = await measure(sign, true);
  const rss = new Map<string, number>();
  const watched = (name: string, command: readonly string[]) => async () => {
    const { seconds, peakRss } = await measure(command, true);
    rss.set(name, Math.max(rss.get(name) ?? 0, peakRss));
    return seconds;
  };
  const evidence = ['--key', join(at, 'key.pub'), '--insecure-ignore-tlog', '--signature', signature];
  const results = await inTurns(
    rounds,
    new Map([
      ['pinned', watched('pinned', [...program, 'verify', data, `--sha256=${pin}`])],
      ['signed', watched('signed', [...program, 'verify', data, ...evidence])],
    ]),
  );
  const base = median(results.get('pinned') ?? []);
  printTable(`${FILES} files; the signature has ${mebibytes(statSync(signature).size)} (median of ${rounds})`, [
    ['', 'seconds', 'x pinned', 'peak RSS'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      (median(values) / base).toFixed(2),
      mebibytes(rss.get(name)),
    ]),
    ['weighlock sign', signed.seconds.toFixed(2), '', mebibytes(signed.peakRss)],
  ]);
  rmSync(at, { recursive: true });
  return { ...Object.fromEntries(results), sign: signed.seconds, peakRss: Object.fromEntries(rss) };
}
