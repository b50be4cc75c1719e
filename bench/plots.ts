import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFiles } from './files.ts';
import { inTurns, measure, median } from './measure.ts';

const FILES = 32;
const SIZES_MIB = [1, 4, 16, 64, 256, 1024, 4096];

/** What was measured at each place of an axis: by contestant, the median. */
type Curve = { x: number; y: Record<string, number> }[];

/**
 * Throughput against worker threads, and time against size; drawn by gnuplot into docs/, where
 * there is one.
 */
export async function benchPlots(work: string, program: readonly string[], rounds: number): Promise<object> {
  const folder = join(work, 'plots');
  const timed = (words: readonly string[]) => async () => (await measure(words)).seconds;
  const ours = (hasher: string, threads: number) =>
    timed([...program, 'digest', folder, `--hasher=${hasher}`, `--concurrency=${threads}`]);
  const peer = (tool: string, threads: number) =>
    timed(['sh', '-c', `ls "$1"/* | xargs -P${threads} -n1 ${tool}`, 'sh', folder]);
  const contestants = (threads: number) =>
    new Map([
      ['weighlock wasm', ours('wasm', threads)],
      ['weighlock native', ours('native', threads)],
      ['openssl dgst', peer('openssl dgst -sha256', threads)],
      ['sha256sum', peer('sha256sum', threads)],
    ]);
  const medians = async (threads: number) =>
    Object.fromEntries(
      [...(await inTurns(rounds, contestants(threads)))].map(([name, values]) => [name, median(values)]),
    );
  const processors = availableParallelism();
  const time: Curve = [];
  for (const size of SIZES_MIB) {
    makeFiles(folder, FILES, (size * 2 ** 20) / FILES);
    time.push({ x: size, y: await medians(processors) });
  }
  const largest = SIZES_MIB.at(-1) ?? 0;
  const throughput: Curve = [];
  const most = Math.max(4, processors);
  for (let threads = 1; threads <= most; threads = threads < 4 ? threads + 1 : threads * 2) {
    const seconds = Object.entries(await medians(threads));
    throughput.push({ x: threads, y: Object.fromEntries(seconds.map(([name, value]) => [name, largest / value])) });
  }
  rmSync(folder, { recursive: true });
  draw(work, 'throughput', throughput, `4 GiB in 32 files, warm, ${processors} processors`, [
    'set xlabel "threads"; set ylabel "MiB/s"; set yrange [0:*]; set xtics 1; set key left top',
  ]);
  draw(work, 'time', time, `32 files, warm, ${processors} processors`, [
    'set xlabel "MiB"; set ylabel "seconds"; set logscale xy; set key left top; set format y "%g"',
  ]);
  return { throughput, time };
}

function draw(work: string, name: string, curve: Curve, title: string, settings: readonly string[]): void {
  const names = Object.keys(curve[0]?.y ?? {});
  const data = join(work, `${name}.dat`);
  writeFileSync(data, curve.map(({ x, y }) => [x, ...names.map((one) => y[one])].join(' ')).join('\n'));
  for (const { x, y } of curve)
    console.log(`  ${name} ${x}: ${names.map((one) => `${one} ${y[one]?.toPrecision(3)}`).join(', ')}`);
  const docs = fileURLToPath(new URL('../docs', import.meta.url));
  mkdirSync(docs, { recursive: true });
  const lines = names.map(
    (one, i) => `"${data}" using 1:${i + 2} with linespoints linewidth 2 pointtype 7 title "${one}"`,
  );
  const script = [
    'set terminal svg size 720,420 font "sans,13" background "#ffffff"',
    `set output "${join(docs, `${name}.svg`)}"`,
    `set title "${title}"; set grid`,
    ...settings,
    `plot ${lines.join(', ')}`,
  ].join('\n');
  const { error } = spawnSync('gnuplot', { input: script, stdio: ['pipe', 'ignore', 'inherit'] });
  if (error !== undefined) console.log('  no gnuplot on this machine: the plots are not drawn');
}
