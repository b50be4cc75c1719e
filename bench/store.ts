import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTurns, measure, median, output, printTable, spread } from './measure.ts';
import type { SlowStoreSetup } from './slow-store.ts';

const SETUP: SlowStoreSetup = { rate: 40_000_000, wait: 20, one: 384 << 20, many: 10_000, bytes: 4096 };

const MEMORY = '/dev/shm';

/**
 * Objects that are asked for one after the other, to see how long all would take: 10,000 would take
 * minutes.
 */
const IN_A_ROW = 500;

/** A bucket that gives each connection 40 MB/s, and answers after 20 ms. */
export async function benchStore(work: string, program: readonly string[], rounds: number): Promise<object> {
  const server = fork(fileURLToPath(new URL('slow-store.ts', import.meta.url)), { stdio: 'inherit' });
  server.send(SETUP);
  const [port] = (await once(server, 'message')) as [number];
  const origin = `http://127.0.0.1:${port}`;
  Object.assign(process.env, { AWS_ENDPOINT_URL: origin, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' });
  // In memory where there is some: it is the network that is measured, and only one of the two
  // waits for a disk.
  const target = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : work, 'weighlock-store-'));
  const plain = `--plain-http=127.0.0.1:${port}`;
  const pin = (source: string) => output(program, 'digest', source, plain);
  const ours = (source: string) => {
    const words = ['verify', source, target, '--sha256', pin(source), plain, '--hasher=native'];
    return async () => {
      rmSync(target, { recursive: true, force: true });
      return (await measure([...program, ...words])).seconds;
    };
  };
  const curl = (range: string, share: number) => async () => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    const command = ['curl', '-sf', `${origin}/models/${range}`, '-o', join(target, share === 1 ? 'x' : '#1')];
    return (await measure(command)).seconds / share;
  };
  try {
    const one = await inTurns(
      rounds,
      new Map([
        ['weighlock', ours('s3://models/one/')],
        ['curl -o', curl('one/model.gguf', 1)],
      ]),
    );
    const many = await inTurns(
      rounds,
      new Map([
        ['weighlock', ours('s3://models/many/')],
        [
          `curl, one after the other (${IN_A_ROW}, times ${SETUP.many / IN_A_ROW})`,
          curl(`many/[0-${IN_A_ROW - 1}]`, IN_A_ROW / SETUP.many),
        ],
      ]),
    );
    return { one: show('One object of 384 MiB', one, 6), many: show('10,000 objects of 4 KiB', many, 8) };
  } finally {
    server.disconnect();
    rmSync(target, { recursive: true, force: true });
  }
}

function show(title: string, results: ReadonlyMap<string, number[]>, wanted: number): object {
  printTable(`${title} of a bucket: 40 MB/s for each connection, 20 ms for each request`, [
    ['', 'seconds', 'spread'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      `+-${(spread(values) * 100).toFixed(0)} %`,
    ]),
  ]);
  const [own = 0, peer = 0] = [...results.values()].map(median);
  const ratio = peer / own;
  console.log(`  ${ratio.toFixed(2)} times one connection (wanted: ${wanted})`);
  return { seconds: Object.fromEntries(results), ratio };
}
