import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FieldMount, whyNoFuse } from '../test/fuse/mount.ts';
import { makeFiles } from './files.ts';
import { memoryLimit, SMALL_LIMIT } from './limited.ts';
import { inTurns, measure, mebibytes, median, output, printTable, spread } from './measure.ts';

/** What a network file system takes for each request: far away, and near. */
const DELAYS_MS = [5, 1];

const MODEL_SIGNING = fileURLToPath(new URL('../build/model-signing/bin/python', import.meta.url));

/** A folder on the slow volume, its peers, and how many times as fast as each we have to be. */
interface Work {
  readonly title: string;
  readonly folder: string;
  /** What we are given: the folder, or the file in it. */
  readonly path: string;
  readonly bytes: number;
  readonly peers: readonly { readonly name: string; readonly shell: string; readonly limits: readonly number[] }[];
}

/**
 * Volumes that take milliseconds for every request: a FUSE file system in C that sleeps in each
 * operation, 128 KiB each read. It drops the pages of a file whenever it is opened, and the kernel
 * keeps names and attributes for a second: no cache answers a contestant.
 */
export async function benchSlowVolume(
  work: string,
  program: readonly string[],
  rounds: number,
): Promise<object | undefined> {
  const why = whyNoFuse();
  if (why !== false) {
    console.log(`\n${why}: slow volumes are not measured`);
    return undefined;
  }
  const backing = join(work, 'slow');
  const works = prepare(backing);
  const key = join(work, 'slow-signer');
  output(program, 'keygen', '--output', key);
  for (const { folder } of works)
    output(program, 'sign', join(backing, folder), '--key', `${key}.key`, '--signature', join(work, `${folder}.sig`));
  const report: Record<string, object> = {};
  const mount = await FieldMount.open(backing, '', { cache: 1 });
  try {
    for (const [i, milliseconds] of DELAYS_MS.entries()) {
      mount.rules(`* delay=${milliseconds}ms`);
      for (const one of works) report[`${one.title}, ${milliseconds} ms`] = await compare(one, i);
    }
  } finally {
    await mount.unmount();
    rmSync(backing, { recursive: true });
  }
  return report;

  async function compare(one: Work, delay: number): Promise<object> {
    const path = join(mount.path, one.path);
    const rss = new Map<string, number>();
    const depth = new Map<string, number>();
    const contestant = (name: string, command: readonly string[]) => async () => {
      mount.rules(`* delay=${DELAYS_MS[delay]}ms`);
      const { seconds, peakRss } = await measure(command, true);
      if (command[0] !== 'sh' || name.startsWith('weighlock')) rss.set(name, Math.max(rss.get(name) ?? 0, peakRss));
      depth.set(name, Math.max(depth.get(name) ?? 0, mount.counts().get('read')?.mostAtOnce ?? 0));
      return seconds;
    };
    const all: [string, readonly string[]][] = [
      ['weighlock, native', [...program, 'digest', path, '--hasher=native']],
      ['weighlock, wasm', [...program, 'digest', path, '--hasher=wasm']],
      ...one.peers.map(({ name, shell }): [string, string[]] => [name, ['sh', '-c', shell, 'sh', path]]),
    ];
    using limit = memoryLimit(SMALL_LIMIT);
    if (limit !== undefined)
      all.push(['weighlock, wasm, limit of 128 MiB', limit.limited([...program, 'digest', path, '--hasher=wasm'])]);
    if (existsSync(MODEL_SIGNING)) {
      const trust = ['--signature', join(work, `${one.folder}.sig`), '--public_key', `${key}.pub`];
      all.push([
        'model_signing verify',
        [MODEL_SIGNING, '-m', 'model_signing', 'verify', 'key', join(mount.path, one.folder), ...trust],
      ]);
    }
    const results = await inTurns(rounds, new Map(all.map(([name, command]) => [name, contestant(name, command)])));
    const taken = (name: string) => median(results.get(name) ?? []);
    printTable(
      `${one.title}, ${DELAYS_MS[delay]} ms for each request, cold (median of ${rounds})`,
      table(results, one.bytes, rss, depth),
    );
    const most = Math.max(...[...rss].filter(([name]) => name.startsWith('weighlock')).map(([, bytes]) => bytes));
    console.log(`  at most ${mebibytes(most)} of weighlock's are resident (wanted: 192 MiB)`);
    const ratios: Record<string, number> = {};
    for (const { name, limits } of one.peers) {
      for (const engine of ['native', 'wasm']) {
        const ratio = taken(name) / taken(`weighlock, ${engine}`);
        ratios[`${engine} / ${name}`] = ratio;
        console.log(`  ${engine} is ${ratio.toFixed(2)} times as fast as ${name} (wanted: ${limits[delay]})`);
      }
    }
    return { seconds: Object.fromEntries(results), peakRss: Object.fromEntries(rss), ratios };
  }
}

function table(
  results: ReadonlyMap<string, readonly number[]>,
  bytes: number,
  rss: ReadonlyMap<string, number>,
  depth: ReadonlyMap<string, number>,
): string[][] {
  return [
    ['', 'seconds', 'MiB/s', 'reads at once', 'peak RSS', 'spread'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      (bytes / 2 ** 20 / median(values)).toFixed(0),
      `${depth.get(name)}`,
      mebibytes(rss.get(name)),
      `+-${(spread(values) * 100).toFixed(0)} %`,
    ]),
  ];
}

function prepare(backing: string): Work[] {
  makeFiles(join(backing, 'one'), 1, 256 << 20);
  makeFiles(join(backing, 'shards'), 4, 64 << 20);
  for (let i = 0; i < 2000; i++) {
    const folder = join(backing, 'small', `class-${i % 20}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `sample-${i}.json`), Buffer.alloc(4096, `a small file ${i} `));
  }
  const file = 'one/model-00001-of-00001.safetensors';
  const each = (xargs: string) => `find "$1" -type f -print0 | xargs -0 ${xargs} sha256sum`;
  return [
    {
      title: 'One file of 256 MiB',
      folder: 'one',
      path: file,
      bytes: 256 << 20,
      peers: [{ name: 'sha256sum', shell: 'sha256sum "$1"', limits: [5, 2] }],
    },
    {
      title: '4 shards of 64 MiB',
      folder: 'shards',
      path: 'shards',
      bytes: 256 << 20,
      peers: [{ name: 'xargs -P2 sha256sum', shell: each('-P2 -n1'), limits: [4, 2] }],
    },
    {
      title: '2000 files of 4 KiB',
      folder: 'small',
      path: 'small',
      bytes: 2000 * 4096,
      peers: [
        { name: 'xargs -P2 sha256sum', shell: each('-P2 -n100'), limits: [6, 2] },
        { name: 'xargs -P32 sha256sum', shell: each('-P32 -n10'), limits: [1, 1] },
      ],
    },
  ];
}
