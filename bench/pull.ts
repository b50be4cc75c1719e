import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inTurns, measure, median, printTable, spread } from './measure.ts';

const LAYERS = 8;
const LAYER_BYTES = 512 << 20;
const BLOB_BYTES = 2 ** 31;
const PORT = 5089;
const HOST = `127.0.0.1:${PORT}`;

/**
 * 4 GiB in 8 layers, and one blob of 2 GiB, from Debian's docker-registry on this machine to its
 * disk.
 */
export async function benchPull(work: string, program: readonly string[], rounds: number): Promise<object | undefined> {
  if (spawnSync('docker-registry', ['--version']).status !== 0) {
    console.log('\nno docker-registry on this machine: the pull is not measured');
    return undefined;
  }
  const data = join(work, 'registry');
  writeFileSync(
    join(work, 'registry.yml'),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${data}}}\nhttp: {addr: ${HOST}}\n`,
  );
  const many = store(
    data,
    'bench/many',
    Array.from({ length: LAYERS }, (_, i) => ({ name: `shard-${i}.safetensors`, bytes: LAYER_BYTES, seed: i })),
  );
  const one = store(data, 'bench/one', [{ name: 'model.safetensors', bytes: BLOB_BYTES, seed: 99 }]);
  const server = spawn('docker-registry', ['serve', join(work, 'registry.yml')], { stdio: 'ignore' });
  try {
    await delay(1500);
    const layers = await compare(
      work,
      program,
      rounds,
      'bench/many',
      many.digest,
      LAYERS * LAYER_BYTES,
      `${LAYERS} layers of 512 MiB`,
      [],
    );
    const curl: [string, (target: string) => string[]][] = [
      ['curl -o', (target) => ['curl', '-sf', '-o', target, `http://${HOST}/v2/bench/one/blobs/${one.layers[0]}`]],
      [
        'curl -o, then sync',
        (target) => [
          'sh',
          '-c',
          `curl -sf -o "$1" "$2" && sync "$1"`,
          'sh',
          target,
          `http://${HOST}/v2/bench/one/blobs/${one.layers[0]}`,
        ],
      ],
      [
        'curl -o, then sha256sum',
        (target) => [
          'sh',
          '-c',
          `curl -sf -o "$1" "$2" && sha256sum "$1" >/dev/null`,
          'sh',
          target,
          `http://${HOST}/v2/bench/one/blobs/${one.layers[0]}`,
        ],
      ],
    ];
    const blob = await compare(work, program, rounds, 'bench/one', one.digest, BLOB_BYTES, 'one blob of 2 GiB', curl);
    return { layers, blob };
  } finally {
    server.kill('SIGKILL');
  }
}

async function compare(
  work: string,
  program: readonly string[],
  rounds: number,
  repository: string,
  digest: string,
  bytes: number,
  title: string,
  more: readonly [string, (target: string) => string[]][],
): Promise<object> {
  const target = join(work, 'pulled');
  const rss = new Map<string, number>();
  const contestant = (name: string, command: (target: string) => string[]) => async () => {
    rmSync(target, { recursive: true, force: true });
    // Memory that a virtual machine's host took back meanwhile costs whoever touches it first as
    // much as all the rest: nothing is left to be written, and every page was touched just before,
    // for everybody.
    spawnSync('sync');
    touchMemory(bytes + (2 << 30));
    const { seconds, peakRss } = await measure(command(target), true);
    rss.set(name, Math.max(rss.get(name) ?? 0, peakRss));
    return seconds;
  };
  const ours = (hasher: string) => (to: string) => [
    ...program,
    'verify',
    `oci://${HOST}/${repository}@${digest}`,
    to,
    `--plain-http=${HOST}`,
    `--hasher=${hasher}`,
    '--format=json',
  ];
  const all: [string, (to: string) => string[]][] = [
    ['weighlock, native', ours('native')],
    ['weighlock, wasm', ours('wasm')],
    [
      'skopeo copy',
      (to) => [
        'skopeo',
        'copy',
        '--quiet',
        '--src-tls-verify=false',
        `docker://${HOST}/${repository}@${digest}`,
        `dir:${to}`,
      ],
    ],
    ...more,
  ];
  const usable = all.filter(([, command]) => spawnSync(command('')[0] ?? '', ['--version']).error === undefined);
  const results = await inTurns(rounds, new Map(usable.map(([name, command]) => [name, contestant(name, command)])));
  rmSync(target, { recursive: true, force: true });
  const native = median(results.get('weighlock, native') ?? []);
  printTable(`Pull from a registry on this machine: ${title} (median of ${rounds})`, [
    ['', 'seconds', 'MiB/s', 'time of native to it', 'peak RSS', 'spread'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      (bytes / 2 ** 20 / median(values)).toFixed(0),
      (native / median(values)).toFixed(2),
      `${((rss.get(name) ?? 0) / 2 ** 20).toFixed(0)} MiB`,
      `+-${(spread(values) * 100).toFixed(0)} %`,
    ]),
  ]);
  return { seconds: Object.fromEntries(results), peakRss: Object.fromEntries(rss) };
}

/** In a process of its own, whose memory is free again when it has ended. */
function touchMemory(bytes: number): void {
  const script = `const all = []; for (let left = ${bytes}; left > 0; left -= 2 ** 28) all.push(Buffer.alloc(2 ** 28, 1));`;
  spawnSync(process.execPath, ['-e', script]);
}

interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly seed: number;
}

/**
 * Puts an artifact straight into the registry's storage: pushing gigabytes would only warm the
 * machine.
 */
function store(data: string, repository: string, parts: readonly Part[]): { digest: string; layers: string[] } {
  const root = join(data, 'docker/registry/v2');
  const link = (folder: string, digest: string) => {
    mkdirSync(join(root, 'repositories', repository, folder, digest.replace(':', '/')), { recursive: true });
    writeFileSync(join(root, 'repositories', repository, folder, digest.replace(':', '/'), 'link'), digest);
  };
  const blob = (write: (path: string) => string): string => {
    mkdirSync(root, { recursive: true });
    const temporary = join(root, 'incoming');
    const digest = write(temporary);
    const hex = digest.slice('sha256:'.length);
    const folder = join(root, 'blobs/sha256', hex.slice(0, 2), hex);
    mkdirSync(folder, { recursive: true });
    renameSync(temporary, join(folder, 'data'));
    return digest;
  };
  const text = (content: string) =>
    blob((path) => {
      writeFileSync(path, content);
      return `sha256:${createHash('sha256').update(content).digest('hex')}`;
    });
  const layers = parts.map((part) => blob((path) => writeBlob(path, part)));
  const config = text('{}');
  for (const digest of [...layers, config]) link('_layers', digest);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
    layers: layers.map((digest, i) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest,
      size: parts[i]?.bytes,
      annotations: { 'org.opencontainers.image.title': parts[i]?.name },
    })),
  });
  const digest = text(manifest);
  link('_manifests/revisions', digest);
  return { digest, layers };
}

function writeBlob(path: string, { bytes, seed }: Part): string {
  const hash = createHash('sha256');
  const block = Buffer.alloc(1 << 20);
  for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761 + seed) >>> 24;
  const descriptor = openSync(path, 'w');
  for (let done = 0; done < bytes; done += block.length) {
    block.writeUInt32LE(seed * 10_000 + done / block.length, 0);
    hash.update(block);
    writeSync(descriptor, block);
  }
  closeSync(descriptor);
  return `sha256:${hash.digest('hex')}`;
}
