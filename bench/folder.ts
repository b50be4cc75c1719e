import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { makeFiles } from './files.ts';
import { inTurns, measure, median, output, printTable, spread } from './measure.ts';

const TOTAL_BYTES = 2 ** 32;
const PROCESSORS = 2;

/**
 * The reference implementation of OpenSSF Model Signing, where there is one (.ci/run makes this
 * one).
 */
const PYTHON =
  process.env['MODEL_SIGNING_PYTHON'] ?? fileURLToPath(new URL('../build/model-signing/bin/python', import.meta.url));

/**
 * 4 GiB in few files and in many, warm in the page cache, two processors: whole program against
 * whole program.
 */
export async function benchFolder(work: string, program: readonly string[], rounds: number): Promise<object> {
  const few = await compare(work, program, rounds, 8);
  return { '8 files': few, '32 files': await compare(work, program, rounds, 32) };
}

async function compare(work: string, program: readonly string[], rounds: number, count: number): Promise<object> {
  const folder = join(work, 'folder');
  makeFiles(folder, count, TOTAL_BYTES / count);
  const ours = (...args: string[]) => output(program, ...args);
  const pin = ours('digest', '--hasher=native', folder);
  const verify = (hasher: string) =>
    seconds([...program, 'verify', folder, `--sha256=${pin}`, `--hasher=${hasher}`, `--concurrency=${PROCESSORS}`]);
  const atATime = (tool: string) =>
    seconds(['sh', '-c', `ls "$1"/* | xargs -P${PROCESSORS} -n1 ${tool}`, 'sh', folder]);
  const contestants = new Map<string, () => Promise<number>>([
    ['weighlock --hasher native', verify('native')],
    ['weighlock --hasher wasm', verify('wasm')],
    [`hash-wasm alone, ${PROCESSORS} threads`, () => inMemory()],
    [`sha256sum, ${PROCESSORS} at a time`, atATime('sha256sum')],
  ]);
  if (spawnSync('openssl', ['version']).status === 0)
    contestants.set(`openssl dgst, ${PROCESSORS} at a time`, atATime('openssl dgst -sha256'));
  if (existsSync(PYTHON)) {
    const key = join(work, 'folder-signer');
    if (!existsSync(`${key}.key`)) ours('keygen', '--output', key);
    const signature = join(work, 'folder.sig');
    ours('sign', folder, '--key', `${key}.key`, '--signature', signature);
    const theirs = ['-m', 'model_signing', 'verify', 'key', folder, '--signature', signature];
    contestants.set('model_signing verify', seconds([PYTHON, ...theirs, '--public_key', `${key}.pub`]));
  }
  const results = await inTurns(rounds, contestants);
  rmSync(folder, { recursive: true });
  const taken = new Map([...results].map(([name, values]) => [name, median(values)]));
  const rate = (name: string) => TOTAL_BYTES / 2 ** 20 / (taken.get(name) ?? Number.NaN);
  printTable(
    `${count} files x ${TOTAL_BYTES / count / 2 ** 20} MiB, page cache warm, ${PROCESSORS} processors (median of ${rounds})`,
    [
      ['', 'seconds', 'MiB/s', 'spread'],
      ...[...results].map(([name, values]) => [
        name,
        median(values).toFixed(2),
        rate(name).toFixed(0),
        `+-${(spread(values) * 100).toFixed(0)} %`,
      ]),
    ],
  );
  const wasm = rate('weighlock --hasher wasm');
  const ratios = {
    'native / openssl dgst': rate('weighlock --hasher native') / rate(`openssl dgst, ${PROCESSORS} at a time`),
    'wasm / openssl dgst': wasm / rate(`openssl dgst, ${PROCESSORS} at a time`),
    'wasm / hash-wasm alone': wasm / rate(`hash-wasm alone, ${PROCESSORS} threads`),
    'wasm / sha256sum': wasm / rate(`sha256sum, ${PROCESSORS} at a time`),
    'wasm / model_signing': wasm / rate('model_signing verify'),
  };
  for (const [name, ratio] of Object.entries(ratios)) console.log(`  ${name.padEnd(24)} ${ratio.toFixed(2)}`);
  return { seconds: Object.fromEntries(results), ratios };
}

function seconds(command: readonly string[]): () => Promise<number> {
  return async () => (await measure(command)).seconds;
}

/** Seconds that hash-wasm alone takes for as many bytes, all threads at once. */
async function inMemory(): Promise<number> {
  const bytes = TOTAL_BYTES / PROCESSORS / 4;
  const times = await Promise.all(
    Array.from({ length: PROCESSORS }, () => {
      const worker = new Worker(new URL('./in-memory-worker.ts', import.meta.url), { workerData: { bytes } });
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  return Math.max(...times) * 4;
}
