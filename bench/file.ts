import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LaneHasher } from '../src/hash/lanes/index.ts';
import { makeFiles } from './files.ts';
import { inTurns, measure, printRatios } from './measure.ts';

const BYTES = 2 ** 32;
const CHUNK = 1 << 17;
const SHARD_BYTES = 128 * 2 ** 20;

/** One file of 4 GiB, warm: a single stream, which no number of processors makes faster, against its hash in memory; and in shards. */
export async function benchFile(work: string, program: readonly string[], rounds: number): Promise<object> {
  const folder = join(work, 'large');
  makeFiles(folder, 1, BYTES);
  const path = join(folder, 'model-00001-of-00001.safetensors');
  const block = randomBytes(1 << 20);
  const [program0 = '', ...before] = program;
  const key = join(work, 'file-signer');
  execFileSync(program0, [...before, 'keygen', '--output', key], { stdio: 'ignore' });
  const signature = join(work, 'large.sig');
  const sign = ['sign', path, '--key', `${key}.key`, '--signature', signature, `--shard-size=${SHARD_BYTES}`];
  execFileSync(program0, [...before, ...sign], { stdio: 'ignore' });
  const command = (words: readonly string[]) => async () => BYTES / 2 ** 20 / (await measure(words)).seconds;
  const ours = (hasher: string) => command([...program, 'digest', path, `--hasher=${hasher}`]);
  const trust = ['--key', `${key}.pub`, '--insecure-ignore-tlog', '--signature', signature];
  const inShards = (hasher: string) => command([...program, 'verify', path, ...trust, `--hasher=${hasher}`]);
  const openssl = createHash('sha256');
  const lane = new LaneHasher();
  lane.begin(0);
  const contestants = new Map<string, () => Promise<number>>([
    ['OpenSSL in memory', async () => rate(() => void openssl.update(block), block.length)],
    ['weighlock, native', ours('native')],
    ['one lane of ours in memory', async () => rate(() => oneLane(lane), CHUNK)],
    ['weighlock, wasm', ours('wasm')],
    ['weighlock, native, signed in shards', inShards('native')],
    ['weighlock, wasm, signed in shards', inShards('wasm')],
    ['openssl dgst', command(['openssl', 'dgst', '-sha256', path])],
    ['sha256sum', command(['sha256sum', path])],
  ]);
  for (const [name, words] of [
    ['openssl dgst', ['openssl', 'version']],
    ['sha256sum', ['sha256sum', '--version']],
  ] as const)
    if (spawnSync(words[0], words.slice(1)).error !== undefined) contestants.delete(name);
  const results = await inTurns(rounds, contestants);
  rmSync(folder, { recursive: true });
  printRatios(`One file of 4 GiB, warm (median of ${rounds})`, 'MiB/s', 'OpenSSL in memory', results, 0);
  return Object.fromEntries(results);
}

function oneLane(hasher: LaneHasher): void {
  hasher.add(0, hasher.room(0).length);
  hasher.run();
}

/** MiB per second, for half a second. */
function rate(run: () => void, bytes: number): number {
  const start = performance.now();
  let total = 0;
  for (; performance.now() - start < 500; total += bytes) run();
  return total / 2 ** 20 / ((performance.now() - start) / 1000);
}
