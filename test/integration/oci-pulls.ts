// Pulls from a registry of the tests, for the tests of what it may do.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FakeRegistry, type Handler, isBlob } from '../registry/fake.ts';
import { descriptor, sha256, titled } from '../registry/push.ts';
import { file, tar } from '../registry/tar.ts';
import { visible } from '../visible.ts';
import { type Finished, type Invocation, run, workFolder } from './cli.ts';

/** Large enough that it is hashed by another thread than the one that receives it. */
export const WEIGHTS = Buffer.alloc(9_000_000);
for (let i = 0; i < WEIGHTS.length; i++) WEIGHTS[i] = (i * 2654435761) >>> 24;
export const TAR = 'application/vnd.cncf.model.weight.v1.tar';

export interface Pulled extends Finished {
  readonly volume: string;
  readonly destination: string;
}

/** Pulls `reference` to a fresh volume. */
export async function pull(
  registry: FakeRegistry,
  reference: string,
  flags: readonly string[] = [],
  invocation: Invocation = {},
): Promise<Pulled> {
  const volume = workFolder();
  const destination = join(volume, 'm');
  const source = `oci://${registry.host}/models/m${reference}`;
  const result = await run(['verify', source, destination, '--plain-http', registry.host, ...flags], invocation);
  return { ...result, volume, destination };
}

export function published(result: Pulled, files: Record<string, string | Buffer>): void {
  assert.equal(result.status, 0, result.stdout + result.stderr);
  for (const [name, content] of Object.entries(files))
    assert.ok(readFileSync(join(result.destination, name)).equals(Buffer.from(content)), name);
  assert.deepEqual(visible(result.volume), ['m']);
}

export function refused(result: Pulled, status: number, code: string, message = /./): void {
  assert.equal(result.status, status, result.stdout + result.stderr);
  assert.ok(result.codes.includes(code), `${code} is not in ${result.codes.join()}: ${result.stdout}`);
  assert.match(result.stdout, message);
  assert.equal(existsSync(result.destination), false, 'something was published');
}

export async function simple(handler?: Handler): Promise<{ registry: FakeRegistry; digest: string }> {
  const registry = await FakeRegistry.start();
  const digest = registry.add([titled('config.json', '{}'), titled('w/model.safetensors', WEIGHTS)]);
  if (handler !== undefined) registry.handler = handler;
  return { registry, digest };
}

export const ARCHIVED = { 'a.json': '{"a":1}', 'dir/b.bin': 'b'.repeat(70_000), 'dir/empty': '' };

/**
 * A ModelPack of one large file and one archive, whose unpacked digest the configuration promises.
 */
export async function archived(): Promise<{ registry: FakeRegistry; digest: string; archive: string }> {
  const registry = await FakeRegistry.start();
  const unpacked = tar(Object.entries(ARCHIVED).map(([name, content]) => file(name, content)));
  const packed = gzipSync(unpacked);
  const config = Buffer.from(
    JSON.stringify({ modelfs: { type: 'layers', diffIds: [sha256(WEIGHTS), sha256(unpacked)] } }),
  );
  registry.blobs.set(sha256(config), config);
  const layers = [
    {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: WEIGHTS,
      annotations: { 'org.cncf.model.filepath': 'model.safetensors' },
    },
    { mediaType: `${TAR}+gzip`, bytes: packed },
  ];
  const mediaType = 'application/vnd.cncf.model.config.v1+json';
  const digest = registry.add(layers, 'v1', { config: descriptor({ mediaType, bytes: config }) });
  return { registry, digest, archive: sha256(packed) };
}

/** Kills a run as soon as something is so. */
export const killWhen = (isSo: () => boolean) => (child: ChildProcess) => {
  const timer = setInterval(() => {
    if (isSo()) child.kill('SIGKILL');
  }, 20);
  child.on('exit', () => clearInterval(timer));
};

/** What a run has in its private folder. */
export function staged(volume: string, ...path: string[]): string {
  return join(volume, readdirSync(volume).find((name) => name.startsWith('.weighlock-')) ?? 'nothing', ...path);
}

/** What makes an archive again is kept once all of it was unpacked. */
export const isUnpacked = (volume: string) =>
  existsSync(staged(volume, 'records')) && readdirSync(staged(volume, 'records')).length > 0;

export const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Lets the first request for the big blob go wrong and the others right. */
export function onceForBlob(wrong: Handler): Handler {
  let times = 0;
  return (request, response, next) => {
    if (isBlob(request) && request.url?.includes(sha256(WEIGHTS)) && times++ === 0) wrong(request, response, next);
    else next();
  };
}
