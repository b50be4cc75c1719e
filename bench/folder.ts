import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { inTurns, measure, median, printTable, spread } from './measure.ts';

const FILES = 8;
const FILE_BYTES = 512 << 20;
const PROCESSORS = 2;

/** 8 files of 512 MiB, warm in the page cache, two processors: whole program against whole program. */
export async function benchFolder(work: string, program: readonly string[], rounds: number): Promise<object> {
  const folder = join(work, 'folder');
  makeFiles(folder);
  const pin = execFileSync(program[0] ?? '', [...program.slice(1), 'digest', '--hasher=native', folder], {
    encoding: 'utf8',
  }).trim();
  const verify = (hasher: string) => async () =>
    (
      await measure([
        ...program,
        'verify',
        folder,
        `--sha256=${pin}`,
        `--hasher=${hasher}`,
        `--concurrency=${PROCESSORS}`,
      ])
    ).seconds;
  const atATime = (tool: string) => async () =>
    (await measure(['sh', '-c', `ls "$1"/* | xargs -P${PROCESSORS} -n1 ${tool}`, 'sh', folder])).seconds;
  const contestants = new Map<string, () => Promise<number>>([
    ['weighlock --hasher native', verify('native')],
    ['weighlock --hasher wasm', verify('wasm')],
    [`hash-wasm alone, ${PROCESSORS} threads`, () => inMemory()],
    [`sha256sum, ${PROCESSORS} at a time`, atATime('sha256sum')],
  ]);
  if (spawnSync('openssl', ['version']).status === 0)
    contestants.set(`openssl dgst, ${PROCESSORS} at a time`, atATime('openssl dgst -sha256'));
  const results = await inTurns(rounds, contestants);
  const seconds = new Map([...results].map(([name, values]) => [name, median(values)]));
  const rate = (name: string) => (FILES * FILE_BYTES) / 2 ** 20 / (seconds.get(name) ?? Number.NaN);
  printTable(`8 files x 512 MiB, page cache warm, ${PROCESSORS} processors (median of ${rounds})`, [
    ['', 'seconds', 'MiB/s', 'spread'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      rate(name).toFixed(0),
      `+-${(spread(values) * 100).toFixed(0)} %`,
    ]),
  ]);
  const ratios = {
    'native / openssl dgst': rate('weighlock --hasher native') / rate(`openssl dgst, ${PROCESSORS} at a time`),
    'wasm / hash-wasm alone': rate('weighlock --hasher wasm') / rate(`hash-wasm alone, ${PROCESSORS} threads`),
    'wasm / sha256sum': rate('weighlock --hasher wasm') / rate(`sha256sum, ${PROCESSORS} at a time`),
  };
  for (const [name, ratio] of Object.entries(ratios)) console.log(`  ${name.padEnd(24)} ${ratio.toFixed(2)}`);
  return { seconds: Object.fromEntries(results), ratios };
}

/** Seconds that hash-wasm alone takes for as many bytes, all threads at once. */
async function inMemory(): Promise<number> {
  const bytes = (FILES * FILE_BYTES) / PROCESSORS / 4;
  const times = await Promise.all(
    Array.from({ length: PROCESSORS }, () => {
      const worker = new Worker(new URL('./in-memory-worker.ts', import.meta.url), { workerData: { bytes } });
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  return Math.max(...times) * 4;
}

/** Real bytes, not holes: a hole is read from nowhere. */
function makeFiles(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const block = Buffer.alloc(1 << 20);
  for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761) >>> 24;
  for (let file = 0; file < FILES; file++) {
    const descriptor = openSync(join(folder, `model-0000${file + 1}-of-0000${FILES}.safetensors`), 'w');
    for (let done = 0; done < FILE_BYTES; done += block.length) {
      block.writeUInt32LE(file * 1000 + done / block.length, 0);
      writeSync(descriptor, block);
    }
    closeSync(descriptor);
  }
  execFileSync('sh', ['-c', 'cat "$1"/* > /dev/null', 'sh', folder]);
}
