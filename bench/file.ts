import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LaneHasher } from '../src/hash/lanes/index.ts';
import { makeFiles } from './files.ts';
import { inTurns, measure, output, printRatios, rate, updated } from './measure.ts';

const BYTES = 2 ** 32;
const MILLISECONDS = 500;
const SHARD_BYTES = 128 * 2 ** 20;

/**
 * One file of 4 GiB, warm: a single stream, which no number of processors makes faster, against its
 * hash in memory; and in shards.
 */
export async function benchFile(work: string, program: readonly string[], rounds: number): Promise<object> {
  const folder = join(work, 'large');
  makeFiles(folder, 1, BYTES);
  const path = join(folder, 'model-00001-of-00001.safetensors');
  const block = randomBytes(1 << 20);
  const key = join(work, 'file-signer');
  output(program, 'keygen', '--output', key);
  const signature = join(work, 'large.sig');
  output(program, 'sign', path, '--key', `${key}.key`, '--signature', signature, `--shard-size=${SHARD_BYTES}`);
  const command = (words: readonly string[]) => async () => BYTES / 2 ** 20 / (await measure(words)).seconds;
  const ours = (hasher: string) => command([...program, 'digest', path, `--hasher=${hasher}`]);
  const trust = ['--key', `${key}.pub`, '--insecure-ignore-tlog', '--signature', signature];
  const inShards = (hasher: string) => command([...program, 'verify', path, ...trust, `--hasher=${hasher}`]);
  const openssl = createHash('sha256');
  const lane = new LaneHasher();
  lane.begin(0);
  const contestants = new Map<string, () => Promise<number>>([
    ['OpenSSL in memory', async () => rate(() => updated(openssl, block), MILLISECONDS)],
    ['weighlock, native', ours('native')],
    ['one lane of ours in memory', async () => rate(() => oneLane(lane), MILLISECONDS)],
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

/** @returns the bytes that it hashed */
function oneLane(hasher: LaneHasher): number {
  const { length } = hasher.room(0);
  hasher.add(0, length);
  hasher.run();
  return length;
}
