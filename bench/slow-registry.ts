import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memoryLimit, SMALL_LIMIT } from './limited.ts';
import { inTurns, measure, mebibytes, median, printTable, spread } from './measure.ts';
import type { SlowServerCount, SlowServerReady, SlowServerSetup } from './slow-server.ts';

const RATE = 40_000_000;
const WAIT_MS = 20;
const ONE = 384 << 20;
const FOUR = 96 << 20;

interface Contestant {
  readonly name: string;
  readonly command: (target: string) => string[];
}

/** A registry and an HTTPS server that give each connection 40 MB/s, and answer after 20 ms. */
export async function benchSlowRegistry(work: string, program: readonly string[], rounds: number): Promise<object> {
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout slow.key -out slow.pem
     -addext subjectAltName=DNS:localhost`.split(/\s+/),
    { cwd: work, stdio: 'ignore' },
  );
  const ca = join(work, 'slow.pem');
  const server = fork(fileURLToPath(new URL('slow-server.ts', import.meta.url)), { stdio: 'inherit' });
  const setup: SlowServerSetup = {
    rate: RATE,
    wait: WAIT_MS,
    repositories: { 'bench/one': [ONE], 'bench/four': [FOUR, FOUR, FOUR, FOUR] },
    key: readFileSync(join(work, 'slow.key'), 'utf8'),
    certificate: readFileSync(ca, 'utf8'),
  };
  server.send(setup);
  const [ready] = (await once(server, 'message')) as [SlowServerReady];
  const run = (title: string, bytes: number, contestants: readonly Contestant[]) =>
    compare(work, server, rounds, title, bytes, contestants);
  try {
    const host = `127.0.0.1:${ready.port}`;
    const urls = (repository: string, origin: string) =>
      (ready.blobs[repository] ?? []).map((digest) => `${origin}/v2/${repository}/blobs/${digest}`);
    const image = (repository: string) => `${host}/${repository}@${ready.manifests[repository]}`;
    using limit = memoryLimit(SMALL_LIMIT);
    const ours = (repository: string): Contestant[] => [...unlimited(repository), ...limited(repository)];
    const limited = (repository: string): Contestant[] =>
      unlimited(repository).flatMap(({ name, command }) =>
        limit === undefined
          ? []
          : [{ name: `${name}, limit of 128 MiB`, command: (to: string) => limit.limited(command(to)) }],
      );
    const unlimited = (repository: string): Contestant[] =>
      ['native', 'wasm'].map((hasher) => ({
        name: `weighlock, ${hasher}`,
        command: (to) => [
          ...program,
          ...['verify', `oci://${image(repository)}`, to, `--plain-http=${host}`, `--hasher=${hasher}`],
        ],
      }));
    const [url = ''] = urls('bench/one', `http://${host}`);
    const origin = `https://localhost:${ready.securePort}`;
    const [secure = ''] = urls('bench/one', origin);
    const pin = secure.slice(-64);
    return {
      one: await run('One blob of 384 MiB from a registry', ONE, [
        ...ours('bench/one'),
        { name: 'curl -o', command: (to) => ['curl', '-sf', '-o', to, url] },
        aria2(url, []),
        ...registryPeers(image('bench/one')),
      ]),
      four: await run('4 blobs of 96 MiB from a registry', 4 * FOUR, [
        ...ours('bench/four'),
        {
          name: 'curl, 4 at a time',
          command: (to) => [
            'sh',
            '-c',
            `mkdir -p "$1" && cd "$1" && shift && printf '%s\\n' "$@" | xargs -P4 -n1 curl -sfO`,
            'sh',
            to,
            ...urls('bench/four', `http://${host}`),
          ],
        },
        ...registryPeers(image('bench/four')),
      ]),
      https: await run('One file of 384 MiB from an HTTPS server', ONE, [
        ...['native', 'wasm'].map((hasher) => ({
          name: `weighlock, ${hasher}`,
          command: (to: string) => [
            ...program,
            ...['verify', secure, to, `--sha256=${pin}`, `--registry-cacert=${ca}`, `--hasher=${hasher}`],
          ],
        })),
        { name: 'curl -o', command: (to) => ['curl', '-sf', '--cacert', ca, '-o', to, secure] },
        aria2(secure, [`--ca-certificate=${ca}`]),
      ]),
    };
  } finally {
    server.disconnect();
  }
}

function aria2(url: string, more: readonly string[]): Contestant {
  return {
    name: 'aria2c -x8 (no check)',
    command: (to) => [
      'aria2c',
      '-q',
      '-x8',
      '-s8',
      '-k1M',
      '--file-allocation=none',
      ...more,
      '-d',
      to,
      '-o',
      'x',
      url,
    ],
  };
}

function registryPeers(image: string): Contestant[] {
  return [
    {
      name: 'skopeo copy',
      command: (to) => ['skopeo', 'copy', '--quiet', '--src-tls-verify=false', `docker://${image}`, `dir:${to}`],
    },
    { name: 'oras pull', command: (to) => ['oras', 'pull', '--plain-http', '--output', to, image] },
  ];
}

async function compare(
  work: string,
  server: ChildProcess,
  rounds: number,
  title: string,
  bytes: number,
  contestants: readonly Contestant[],
): Promise<object> {
  const target = join(work, 'slow-target');
  const rss = new Map<string, number>();
  const counts = new Map<string, SlowServerCount>();
  const count = async (): Promise<SlowServerCount> => {
    server.send('count');
    return ((await once(server, 'message')) as [SlowServerCount])[0];
  };
  const usable = contestants.filter(
    ({ command }) => spawnSync(command('')[0] ?? '', ['--version']).error === undefined,
  );
  const results = await inTurns(
    rounds,
    new Map(
      usable.map(({ name, command }) => [
        name,
        async () => {
          rmSync(target, { recursive: true, force: true });
          if (name === 'oras pull') mkdirSync(target);
          await count();
          const { seconds, peakRss } = await measure(command(target), true);
          if (command('')[0] !== 'sh' || name.startsWith('weighlock'))
            rss.set(name, Math.max(rss.get(name) ?? 0, peakRss));
          counts.set(name, await count());
          return seconds;
        },
      ]),
    ),
  );
  rmSync(target, { recursive: true, force: true });
  printTable(`${title}: 40 MB/s for each connection, ${WAIT_MS} ms for each request (median of ${rounds})`, [
    ['', 'seconds', 'MB/s', 'connections', 'requests', 'bytes sent', 'peak RSS', 'spread'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      (bytes / 1e6 / median(values)).toFixed(0),
      `${counts.get(name)?.mostConnections}`,
      `${counts.get(name)?.requests}`,
      `${((counts.get(name)?.bytes ?? 0) / bytes).toFixed(2)} x`,
      mebibytes(rss.get(name)),
      `+-${(spread(values) * 100).toFixed(0)} %`,
    ]),
  ]);
  const most = Math.max(...[...rss].filter(([name]) => name.startsWith('weighlock')).map(([, size]) => size));
  console.log(`  at most ${mebibytes(most)} of weighlock's are resident (wanted: 256 MiB)`);
  const ratios: Record<string, number> = {};
  const connection = bytes / RATE;
  for (const name of ['weighlock, native', 'weighlock, wasm']) {
    const ratio = connection / median(results.get(name) ?? []);
    ratios[name] = ratio;
    console.log(`  ${name}: ${ratio.toFixed(2)} times one connection (wanted of one blob: 6)`);
  }
  return { seconds: Object.fromEntries(results), peakRss: Object.fromEntries(rss), ratios };
}
