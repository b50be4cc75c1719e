import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a command. */
export interface Sample {
  /** Wall-clock seconds. */
  readonly seconds: number;
  /** Peak resident set in bytes (`VmHWM`), as last seen before the process ended. */
  readonly peakRss: number;
}

/**
 * Runs a command to its end; anything but exit code 0 is an error, so that no failure is ever taken
 * for speed.
 */
export function measure(command: readonly string[], watchRss = false): Promise<Sample> {
  const [file = '', ...args] = command;
  const start = performance.now();
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakRss = 0;
  const poll = () => {
    try {
      const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
      peakRss = Math.max(peakRss, Number(kilobytes ?? 0) * 1024);
    } catch {
      // Already gone.
    }
  };
  const timer = watchRss ? setInterval(poll, 10) : undefined;
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status) => {
      clearInterval(timer);
      if (status === 0) resolve({ seconds: (performance.now() - start) / 1000, peakRss });
      else reject(new Error(`${command.join(' ')} ended with ${status}`));
    });
  });
}

/**
 * Seconds of processors that a command takes, in user and system mode: less noisy than a clock
 * where others are at work.
 */
export function processorSeconds(command: readonly string[]): number {
  const text = execFileSync('sh', ['-c', '"$@" > /dev/null || exit; times', 'sh', ...command], { encoding: 'utf8' });
  const ofChildren = text.trim().split('\n').at(-1) ?? '';
  const seconds = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => 60 * Number(minutes) + Number(rest),
  );
  return seconds.reduce((sum, one) => sum + one, 0);
}

/** MiB per second of something that returns the bytes of each call. */
export function rate(run: () => number, milliseconds = 200): number {
  const start = performance.now();
  let bytes = 0;
  while (performance.now() - start < milliseconds) bytes += run();
  return bytes / 2 ** 20 / ((performance.now() - start) / 1000);
}

/** Hashes a chunk. @returns its bytes, for `rate` */
export function updated(hash: { update(chunk: Uint8Array): unknown }, chunk: Uint8Array): number {
  hash.update(chunk);
  return chunk.length;
}

/** Runs the program that is measured, for what is needed before. @returns what it prints */
export function output([file = '', ...before]: readonly string[], ...args: readonly string[]): string {
  return execFileSync(file, [...before, ...args], { encoding: 'utf8' }).trim();
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * Makes the kernel read the program from the disk again: of a file that it still has in its cache
 * since it was written, it maps several times as much around each page that is needed.
 */
export function dropPages(file: string): void {
  spawnSync('sync', [file]);
  spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
}

/** For a table; of what a shell ran nothing is known. */
export function mebibytes(bytes: number | undefined): string {
  return bytes === undefined ? '-' : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** Half the distance between the smallest and the largest value, relative to the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

/**
 * Things to compare, run in turns (a, b, c, a, b, c, ...), so that a noisy minute hits all of them
 * alike.
 */
export async function inTurns(
  rounds: number,
  contestants: ReadonlyMap<string, () => Promise<number>>,
): Promise<Map<string, number[]>> {
  const results = new Map<string, number[]>([...contestants.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of contestants) results.get(name)?.push(await run());
  }
  return results;
}

/** Prints the median of each contestant, and how many times that of the first-named one it is. */
export function printRatios(
  title: string,
  unit: string,
  base: string,
  results: ReadonlyMap<string, readonly number[]>,
  digits = 1,
): void {
  const reference = median(results.get(base) ?? []);
  printTable(title, [
    ['', unit, `x ${base}`, 'spread'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(digits),
      (median(values) / reference).toFixed(2),
      `+-${(spread(values) * 100).toFixed(0)} %`,
    ]),
  ]);
}

/** Prints rows under a title, columns aligned. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  console.log(`\n${title}`);
  for (const row of rows)
    console.log(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()}`,
    );
}
