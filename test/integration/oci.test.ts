// OCI artifacts from a registry that misbehaves. Whatever it does: nothing unverified appears at
// the destination.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { FakeRegistry, type Handler, isBlob, isManifest } from '../registry/fake.ts';
import { descriptor, type Layer, sha256, titled } from '../registry/push.ts';
import { file, type Member, pax, tar } from '../registry/tar.ts';
import { visible } from '../visible.ts';
import { type Finished, type Invocation, recipe, run, workFolder } from './cli.ts';

/** Large enough that it is hashed by another thread than the one that receives it. */
const WEIGHTS = Buffer.alloc(9_000_000);
for (let i = 0; i < WEIGHTS.length; i++) WEIGHTS[i] = (i * 2654435761) >>> 24;
const TAR = 'application/vnd.cncf.model.weight.v1.tar';

interface Pulled extends Finished {
  readonly volume: string;
  readonly destination: string;
}

/** Pulls `reference` to a fresh volume. */
async function pull(
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

function published(result: Pulled, files: Record<string, string | Buffer>): void {
  assert.equal(result.status, 0, result.stdout + result.stderr);
  for (const [name, content] of Object.entries(files))
    assert.ok(readFileSync(join(result.destination, name)).equals(Buffer.from(content)), name);
  assert.deepEqual(visible(result.volume), ['m']);
}

function refused(result: Pulled, status: number, code: string, message = /./): void {
  assert.equal(result.status, status, result.stdout + result.stderr);
  assert.ok(result.codes.includes(code), `${code} is not in ${result.codes.join()}: ${result.stdout}`);
  assert.match(result.stdout, message);
  assert.equal(existsSync(result.destination), false, 'something was published');
}

async function simple(handler?: Handler): Promise<{ registry: FakeRegistry; digest: string }> {
  const registry = await FakeRegistry.start();
  const digest = registry.add([titled('config.json', '{}'), titled('w/model.safetensors', WEIGHTS)]);
  if (handler !== undefined) registry.handler = handler;
  return { registry, digest };
}

const ARCHIVED = { 'a.json': '{"a":1}', 'dir/b.bin': 'b'.repeat(70_000), 'dir/empty': '' };

/**
 * A ModelPack of one large file and one archive, whose unpacked digest the configuration promises.
 */
async function archived(): Promise<{ registry: FakeRegistry; digest: string; archive: string }> {
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
const killWhen = (isSo: () => boolean) => (child: ChildProcess) => {
  const timer = setInterval(() => {
    if (isSo()) child.kill('SIGKILL');
  }, 20);
  child.on('exit', () => clearInterval(timer));
};

/** What a run has in its private folder. */
function staged(volume: string, ...path: string[]): string {
  return join(volume, readdirSync(volume).find((name) => name.startsWith('.weighlock-')) ?? 'nothing', ...path);
}

/** What makes an archive again is kept once all of it was unpacked. */
const isUnpacked = (volume: string) =>
  existsSync(staged(volume, 'records')) && readdirSync(staged(volume, 'records')).length > 0;

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Lets the first request for the big blob go wrong and the others right. */
function onceForBlob(wrong: Handler): Handler {
  let times = 0;
  return (request, response, next) => {
    if (isBlob(request) && request.url?.includes(sha256(WEIGHTS)) && times++ === 0) wrong(request, response, next);
    else next();
  };
}

describe('an OCI artifact', () => {
  it('pinned by digest is published, and verified in place on the next run without fetching a blob', async () => {
    const { registry, digest } = await simple();
    const first = await pull(registry, `:v1@${digest}`);
    published(first, { 'config.json': '{}', 'w/model.safetensors': WEIGHTS });
    const blobs = registry.asked(/blobs/).length;
    const arguments_ = [
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      first.destination,
      '--plain-http',
      registry.host,
    ];
    assert.equal((await run(arguments_)).status, 0);
    assert.equal(registry.asked(/blobs/).length, blobs);
    writeFileSync(join(first.destination, 'config.json'), '{ }');
    const tampered = await run(arguments_);
    assert.deepEqual([tampered.status, tampered.codes], [65, ['DIGEST_MISMATCH']]);
    writeFileSync(join(first.destination, 'config.json'), '{}');
    writeFileSync(join(first.destination, 'extra.py'), '');
    assert.deepEqual((await run(arguments_)).codes, ['FILE_UNEXPECTED']);
  });

  it('of an archive is verified in place on the next run, without fetching it, by what the marker kept', async () => {
    const { registry, digest, archive } = await archived();
    const first = await pull(registry, `@${digest}`);
    published(first, { ...ARCHIVED, 'model.safetensors': WEIGHTS });
    const marker = join(first.volume, '.weighlock-m.json');
    const said = JSON.parse(readFileSync(marker, 'utf8'));
    assert.deepEqual([said.digest, said.content.files, said.archives.length], [digest, 4, 1]);
    const source = `oci://${registry.host}/models/m@${digest}`;
    const again = () => run(['verify', source, first.destination, '--plain-http', registry.host]);
    registry.requests.length = 0;
    assert.equal((await again()).status, 0);
    assert.equal(registry.asked(/blobs/).length, 1, 'only the configuration');

    // Nobody's word is taken for it: a marker that lies, or none, costs a download and nothing
    // else.
    const lies = [
      { ...said, archives: [{ ...said.archives[0], files: ['a.json'], frames: said.archives[0].frames.slice(8) }] },
      { ...said, archives: [{ ...said.archives[0], digest: `sha256:${'0'.repeat(64)}` }] },
      { ...said, archives: [{ ...said.archives[0], frames: gzipSync(tar([])).toString('base64') }] },
      { ...said, archives: 'x' },
      null,
      [],
    ];
    for (const lie of lies) {
      writeFileSync(marker, JSON.stringify(lie));
      registry.requests.length = 0;
      const result = await again();
      assert.equal(result.status, 0, result.stdout);
      assert.equal(registry.asked(new RegExp(archive)).length, 1);
    }
    writeFileSync(marker, JSON.stringify(said));
    writeFileSync(join(first.destination, 'dir/b.bin'), `c${'b'.repeat(69_999)}`);
    const tampered = await again();
    assert.deepEqual([tampered.status, tampered.codes], [65, ['DIGEST_MISMATCH']]);
    assert.equal(existsSync(marker), false, 'the marker speaks of something else');
  });

  it('by tag needs another pin, which is then met by the content', async () => {
    const { registry, digest } = await simple();
    refused(await pull(registry, ':v1'), 78, 'CONFIG_INVALID', /nothing is required/);
    const pinned = await pull(registry, `@${digest}`);
    published(await pull(registry, ':v1', ['--sha256', recipe(pinned.destination)]), { 'config.json': '{}' });
    refused(await pull(registry, ':v1', ['--sha256', 'a'.repeat(64)]), 65, 'DIGEST_MISMATCH', /tree digest/);
  });

  it('is asked for by its digest even when a tag is named, and everything else too (S19, S21)', async () => {
    const { registry, digest } = await simple();
    published(await pull(registry, `:elsewhere@${digest}`), { 'config.json': '{}' });
    assert.deepEqual(registry.asked(/manifests/), [`GET /v2/models/m/manifests/${digest}`]);
  });

  it('in Audit is not published either when it does not verify', async () => {
    const { registry } = await simple();
    const result = await pull(registry, ':v1', ['--sha256', 'a'.repeat(64), '--mode=Audit']);
    assert.equal(result.status, 0);
    assert.deepEqual(readdirSync(result.volume), []);
  });

  it('resolves to the digest that weighlock digest prints', async () => {
    const { registry, digest } = await simple();
    const { stdout, status } = await run([
      'digest',
      `oci://${registry.host}/models/m:v1`,
      '--plain-http',
      registry.host,
    ]);
    assert.deepEqual([status, stdout.trimEnd()], [0, digest]);
  });

  it('is not fetched over plain HTTP unless that was asked for', async () => {
    const { registry, digest } = await simple();
    const volume = workFolder();
    const result = await run([
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      join(volume, 'm'),
      '--timeout=3s',
    ]);
    assert.equal(result.status, 75);
    assert.equal(registry.asked(/./).length, 0);
  });

  it('without a place to put it is a configuration error', async () => {
    const { registry, digest } = await simple();
    const result = await run(['verify', `oci://${registry.host}/models/m@${digest}`, '--plain-http', registry.host]);
    assert.deepEqual([result.status, result.codes], [78, ['CONFIG_INVALID']]);
  });
});

describe('an index', () => {
  it('is followed to the platform that is asked for, by hashing what it lists (S23)', async () => {
    const registry = await FakeRegistry.start();
    const child = (name: string) => registry.add([titled('arch', name)], name);
    const entries = ['amd64', 'arm64'].map((architecture) => {
      const digest = child(architecture);
      const size = registry.manifests.get(digest)?.bytes.length;
      return {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest,
        size,
        platform: { os: 'linux', architecture },
      };
    });
    const type = 'application/vnd.oci.image.index.v1+json';
    const index = { schemaVersion: 2, mediaType: type, manifests: entries };
    const digest = registry.addManifest(Buffer.from(JSON.stringify(index)), 'multi', type);
    published(await pull(registry, `@${digest}`, ['--platform=linux/arm64']), { arch: 'arm64' });
    refused(
      await pull(registry, `@${digest}`, ['--platform=linux/s390x']),
      78,
      'CONFIG_INVALID',
      /nothing for linux\/s390x/,
    );
    const nested = {
      ...index,
      manifests: [{ mediaType: type, digest, size: registry.manifests.get(digest)?.bytes.length }],
    };
    const outer = registry.addManifest(Buffer.from(JSON.stringify(nested)), 'nested', type);
    refused(await pull(registry, `@${outer}`), 65, 'UNSAFE_ENTRY', /index inside an index/);
    const lying = { ...index, manifests: [{ ...entries[0], size: 5 }] };
    const liar = registry.addManifest(Buffer.from(JSON.stringify(lying)), 'lying', type);
    refused(await pull(registry, `@${liar}`, ['--platform=linux/amd64']), 65, 'DIGEST_MISMATCH');
  });
});

describe('a registry that sends something else', () => {
  it('for a manifest by digest is refused (S21)', async () => {
    const { registry, digest } = await simple();
    const other = registry.add([titled('evil', 'x')], 'other');
    registry.manifests.set(digest, registry.manifests.get(other) as { bytes: Buffer; type: string });
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /the manifest is not what was asked for/);
    assert.equal(registry.asked(/blobs/).length, 0);
  });

  it('whatever its Docker-Content-Digest header says (S19)', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (isManifest(request)) response.setHeader('docker-content-digest', `sha256:${'f'.repeat(64)}`);
      next();
    });
    published(await pull(registry, `@${digest}`), { 'config.json': '{}' });
  });

  it('for a blob is refused: other bytes, fewer, more, endless (S11)', async () => {
    const other = Buffer.from(WEIGHTS);
    other[2_000_000] = (other[2_000_000] ?? 0) ^ 1;
    const { registry, digest } = await simple();
    const answerBlob =
      (handler: Handler): Handler =>
      (request, response, next) =>
        isBlob(request) && request.url?.includes(sha256(WEIGHTS)) ? handler(request, response, next) : next();
    registry.handler = answerBlob((_request, response) => void response.end(other));
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /something else than the manifest promises/);
    registry.handler = answerBlob(
      (_request, response) => void response.writeHead(200, { 'content-length': 5 }).end('short'),
    );
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /promised length/);
    registry.handler = answerBlob(
      (_request, response) => void response.writeHead(200, { 'content-length': WEIGHTS.length + 5 }).end(WEIGHTS),
    );
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /promised length/);
    let sent = 0;
    registry.handler = answerBlob((_request, response) => {
      const more = () => {
        while (!response.destroyed && sent < 2 ** 31) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more);
        }
      };
      more();
    });
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /promised length/);
    assert.ok(sent < 100 << 20, 'an endless body is not read on');
  });

  it('as a manifest of five megabytes, or one nested to crash a parser, is refused (ghsa-f36w-mj3v-6jqv, S12)', async () => {
    const registry = await FakeRegistry.start();
    const big = registry.addManifest(Buffer.alloc(5 << 20, 0x20), 'big');
    refused(await pull(registry, `@${big}`), 65, 'LIMIT_EXCEEDED');
    const deep = registry.addManifest(Buffer.from(`{"schemaVersion":2,"a":${'['.repeat(10_000)}`), 'deep');
    refused(await pull(registry, `@${deep}`), 65, 'UNSAFE_ENTRY', /nested more than/);
    const both = registry.addManifest(Buffer.from('{"schemaVersion":2,"manifests":[],"layers":[]}'), 'both');
    refused(await pull(registry, `@${both}`), 65, 'UNSAFE_ENTRY', /at once/);
  });

  it('as a configuration of a terabyte does not make us allocate one (ghsa-f36w-mj3v-6jqv)', async () => {
    const registry = await FakeRegistry.start();
    const config = { mediaType: 'application/vnd.cncf.model.config.v1+json', digest: sha256('{}'), size: 2 ** 40 };
    const digest = registry.add([titled('a', 'x')], 'v1', { config });
    refused(await pull(registry, `@${digest}`), 65, 'LIMIT_EXCEEDED');
  });

  it('encoded although identity was asked for is refused, however often it is encoded (undici b04e3cbb, S11)', async () => {
    for (const encoding of ['gzip', 'gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip', 'zstd']) {
      const { registry, digest } = await simple((_request, response, next) => {
        response.setHeader('content-encoding', encoding);
        next();
      });
      const result = await pull(registry, `@${digest}`, ['--timeout=10s']);
      refused(result, 75, 'SOURCE_UNAVAILABLE', /Content-Encoding/);
      assert.equal(registry.requests[0]?.headers['accept-encoding'], 'identity');
    }
  });

  it('with foreign layer addresses is never asked at those (cve-2020-15157)', async () => {
    const registry = await FakeRegistry.start();
    const layer = { ...descriptor(titled('a', 'x')), urls: ['http://169.254.169.254/latest'] };
    registry.blobs.set(sha256('x'), Buffer.from('x'));
    const digest = registry.add([], 'v1', { layers: [layer] });
    published(await pull(registry, `@${digest}`), { a: 'x' });
  });
});

describe('a transfer that breaks', () => {
  it('at 99 % goes on where it broke (S34)', async () => {
    const { registry, digest } = await simple(
      onceForBlob((_request, response) => {
        response.writeHead(200, { 'content-length': WEIGHTS.length });
        response.write(WEIGHTS.subarray(0, 8_910_000), () => setTimeout(() => response.destroy(), 50));
      }),
    );
    published(await pull(registry, `@${digest}`), { 'w/model.safetensors': WEIGHTS });
    const ranges = registry.requests.map(({ headers }) => headers.range).filter((range) => range !== undefined);
    assert.equal(ranges.length, 1);
    const from = Number(/\d+/.exec(ranges[0] ?? '')?.[0]);
    assert.ok(from > 1_000_000 && from <= 8_910_000);
  });

  it('and resumes with other bytes is refused (S34)', async () => {
    let broke = false;
    const { registry, digest } = await simple((request, response, next) => {
      if (!isBlob(request) || !request.url?.includes(sha256(WEIGHTS))) return next();
      if (!broke) {
        broke = true;
        response.writeHead(200, { 'content-length': WEIGHTS.length });
        response.write(WEIGHTS.subarray(0, 1_500_000), () => setTimeout(() => response.destroy(), 50));
        return;
      }
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const rest = Buffer.alloc(WEIGHTS.length - from);
      response
        .writeHead(206, {
          'content-range': `bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}`,
          'content-length': rest.length,
        })
        .end(rest);
    });
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH');
  });

  it('and does not resume where it should begins again', async () => {
    for (const range of [undefined, 'bytes 0-9/10', `bytes 7-${WEIGHTS.length - 1}/${WEIGHTS.length}`]) {
      let broke = false;
      const { registry, digest } = await simple((request, response, next) => {
        if (!isBlob(request) || !request.url?.includes(sha256(WEIGHTS))) return next();
        if (!broke) {
          broke = true;
          response.writeHead(200, { 'content-length': WEIGHTS.length });
          response.write(WEIGHTS.subarray(0, 1_500_000), () => setTimeout(() => response.destroy(), 50));
          return;
        }
        delete (request.headers as Record<string, unknown>)['if-range'];
        const asked = request.headers.range;
        if (asked === undefined) return next();
        if (range === undefined) response.writeHead(200, { 'content-length': WEIGHTS.length }).end(WEIGHTS);
        else response.writeHead(206, { 'content-range': range }).end('nonsense');
      });
      published(await pull(registry, `@${digest}`), { 'w/model.safetensors': WEIGHTS });
    }
  });

  it('again and again without moving a byte ends with 75', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (isBlob(request)) response.destroy();
      else next();
    });
    const result = await pull(registry, `@${digest}`, ['--timeout=60s']);
    refused(result, 75, 'SOURCE_UNAVAILABLE');
    assert.match(result.stdout, /trying again in/);
  });

  it('or stalls is ended by the idle time-out (S34, kserve #5611)', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (!isBlob(request)) return next();
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 1000));
    });
    const result = await pull(registry, `@${digest}`, ['--idle-timeout=1s']);
    refused(result, 75, 'TIMEOUT', /no progress for 1 s/);
    assert.ok(result.milliseconds < 8000);
  });

  it('with 429 and 503 is tried again after the pause that was asked for', async () => {
    let refusals = 0;
    const { registry, digest } = await simple((_request, response, next) => {
      if (refusals++ < 3) response.writeHead(refusals % 2 === 0 ? 503 : 429, { 'retry-after': '1' }).end();
      else next();
    });
    const result = await pull(registry, `@${digest}`);
    published(result, { 'config.json': '{}' });
    assert.ok(result.milliseconds > 3000);
  });

  it('is taken up again by the next run after a kill, and only what is missing is fetched', async () => {
    const { registry, digest } = await simple();
    const volume = workFolder();
    const destination = join(volume, 'm');
    const arguments_ = [
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      destination,
      '--plain-http',
      registry.host,
    ];
    registry.handler = onceForBlob((_request, response) => {
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 2_500_000));
    });
    const killed = await run(arguments_, {
      during: killWhen(() => sizeOf(staged(volume, 'content/w/model.safetensors')) > 1_500_000),
    });
    assert.equal(killed.signal, 'SIGKILL');
    assert.equal(existsSync(destination), false);
    const finished = await run(arguments_);
    assert.equal(finished.status, 0, finished.stdout);
    assert.ok(readFileSync(join(destination, 'w/model.safetensors')).equals(WEIGHTS));
    const range = registry.requests.map(({ headers }) => headers.range).find((one) => one !== undefined);
    assert.ok(Number(/\d+/.exec(range ?? '')?.[0]) >= 1 << 20, `resumed at ${range}`);
    assert.deepEqual(visible(volume), ['m']);
  });

  it('keeps the archives that were unpacked before a kill, and fetches only the others', async () => {
    const { registry, digest, archive } = await archived();
    const volume = workFolder();
    const destination = join(volume, 'm');
    const source = `oci://${registry.host}/models/m@${digest}`;
    const arguments_ = ['verify', source, destination, '--plain-http', registry.host];
    registry.handler = (request, response, next) => {
      if (request.url?.includes(sha256(WEIGHTS)) !== true) return next();
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 2_500_000));
    };
    for (const tampers of [false, true]) {
      await run(arguments_, { during: killWhen(() => isUnpacked(volume)) });
      const staging = staged(volume, 'content');
      if (tampers) writeFileSync(join(staging, 'dir/b.bin'), 'evil, and of another length');
      registry.requests.length = 0;
      if (!tampers) continue;
      registry.handler = (_request, _response, next) => next();
      const finished = await run(arguments_);
      assert.equal(finished.status, 0, finished.stdout);
      assert.equal(readFileSync(join(destination, 'dir/b.bin'), 'utf8'), ARCHIVED['dir/b.bin']);
      assert.equal(registry.asked(new RegExp(archive)).length, 1, 'the tampered archive was fetched again');
    }
  });

  it('leaves alone in the next run what an archive became in this one', async () => {
    const { registry, digest, archive } = await archived();
    const volume = workFolder();
    const source = `oci://${registry.host}/models/m@${digest}`;
    const arguments_ = ['verify', source, join(volume, 'm'), '--plain-http', registry.host];
    registry.handler = (request, response, next) => {
      if (request.url?.includes(sha256(WEIGHTS)) !== true) return next();
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 2_500_000));
    };
    await run(arguments_, { during: killWhen(() => isUnpacked(volume)) });
    registry.handler = (_request, _response, next) => next();
    registry.requests.length = 0;
    const finished = await run(arguments_);
    assert.equal(finished.status, 0, finished.stdout);
    for (const [name, content] of Object.entries(ARCHIVED))
      assert.equal(readFileSync(join(volume, 'm', name), 'utf8'), content);
    assert.equal(registry.asked(new RegExp(archive)).length, 0);
  });

  it('never trusts what an earlier run, or somebody else, left in the staging folder', async () => {
    const { registry, digest } = await simple();
    const volume = workFolder();
    const destination = join(volume, 'm');
    const arguments_ = [
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      destination,
      '--plain-http',
      registry.host,
    ];
    registry.handler = (request, response, next) => {
      if (isBlob(request)) response.writeHead(200, { 'content-length': WEIGHTS.length }).flushHeaders();
      else next();
    };
    await run(arguments_, { during: killWhen(() => registry.asked(/blobs/).length > 0) });
    registry.handler = (_request, _response, next) => next();
    const staging = join(volume, readdirSync(volume)[0] ?? '', 'content');
    mkdirSync(join(staging, 'w'), { recursive: true });
    writeFileSync(join(staging, 'w/model.safetensors'), 'evil beginning');
    writeFileSync(join(staging, 'extra.py'), 'import os');
    symlinkSync('/etc', join(staging, 'link'));
    const result = await run(arguments_);
    assert.equal(result.status, 0, result.stdout);
    assert.deepEqual(readdirSync(destination).sort(), ['config.json', 'w']);
    assert.ok(readFileSync(join(destination, 'w/model.safetensors')).equals(WEIGHTS));
  });
});

describe('credentials', () => {
  const BASIC = `Basic ${Buffer.from('user:hunter2').toString('base64')}`;
  const config = () => {
    const file = join(workFolder(), 'config.json');
    return (host: string, entry: object = { auth: BASIC.slice(6) }) => {
      writeFileSync(file, JSON.stringify({ auths: { [host]: entry } }));
      return ['--registry-config', file];
    };
  };

  /**
   * Wants a token for every request and gives one for the right password; tokens can be made to
   * end.
   */
  function tokenServer(registry: FakeRegistry, valid: () => boolean = () => true): Handler {
    let issued = 0;
    return (request, response, next) => {
      const url = new URL(request.url ?? '', 'http://x');
      if (url.pathname === '/token') {
        const ok = request.headers.authorization === BASIC;
        response
          .writeHead(ok ? 200 : 401)
          .end(ok ? JSON.stringify({ token: `token-${++issued}`, expires_in: 300 }) : '{}');
      } else if (request.headers.authorization === `Bearer token-${issued}` && valid()) next();
      else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="s"` })
          .end();
    };
  }

  it('by Basic, and by Bearer with a token server', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (request.headers.authorization === BASIC) next();
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'config.json': '{}' });
    registry.handler = tokenServer(registry);
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'config.json': '{}' });
    assert.match(registry.asked(/token/)[0] ?? '', /scope=repository%3Amodels%2Fm%3Apull/);
  });

  it('that end in the middle of a pull are renewed', async () => {
    const { registry, digest } = await simple();
    let requests = 0;
    registry.handler = tokenServer(registry, () => ++requests % 3 !== 0);
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'w/model.safetensors': WEIGHTS });
    assert.ok(registry.asked(/token/).length > 1);
  });

  it('as an identity token by OAuth2, and a registry token as it is', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (request.method === 'POST') {
        let body = '';
        request.on('data', (chunk) => (body += chunk));
        request.on('end', () =>
          response.writeHead(body.includes('refresh_token=idt') ? 200 : 400).end('{"access_token":"oauth"}'),
        );
      } else if (request.headers.authorization === 'Bearer oauth' || request.headers.authorization === 'Bearer reg')
        next();
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` }).end();
    });
    published(await pull(registry, `@${digest}`, config()(registry.host, { identitytoken: 'idt' })), {
      'config.json': '{}',
    });
    published(await pull(registry, `@${digest}`, config()(registry.host, { registrytoken: 'reg' })), {
      'config.json': '{}',
    });
  });

  it('that are wrong end with 75, without a secret in any output', async () => {
    const { registry, digest } = await simple((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    });
    const result = await pull(registry, `@${digest}`, config()(registry.host));
    refused(result, 75, 'SOURCE_UNAVAILABLE', /401 \(UNAUTHORIZED\).*pull secret/);
    assert.doesNotMatch(result.stdout + result.stderr, /hunter2|aHVudGVy|dXNlcjpodW50ZXIy/);
  });

  it('of another host are not sent, not even to one whose name begins alike (S33)', async () => {
    const { registry, digest } = await simple();
    await pull(registry, `@${digest}`, config()('127.0.0.1'));
    await pull(registry, `@${digest}`, config()(`${registry.host}0`));
    assert.ok(registry.requests.every(({ headers }) => headers.authorization === undefined));
  });

  it('stay at their origin through redirects, there and back (ggcr #2349, oras ghsa-whvf-jp7m-59f3, ghsa-h3wm-jjqf-8jm2)', async () => {
    const { registry, digest } = await simple();
    const elsewhere: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request.headers.authorization ?? request.headers.cookie);
      response.writeHead(307, { location: `http://${registry.host}${request.url}?back=1` }).end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    after(() => other.close());
    const port = (other.address() as AddressInfo).port;
    const back: (string | undefined)[] = [];
    registry.handler = (request, response, next) => {
      if (request.url?.includes('back=1')) {
        back.push(request.headers.authorization);
        next();
      } else if (request.headers.authorization !== BASIC)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (isBlob(request)) response.writeHead(307, { location: `http://127.0.0.1:${port}${request.url}` }).end();
      else next();
    };
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'config.json': '{}' });
    assert.ok(elsewhere.length >= 2 && back.length >= 2);
    assert.deepEqual([...new Set([...elsewhere, ...back])], [undefined]);
  });

  it('are not taken to an internal address or over plain HTTP for a token (S33, ggcr #2243)', async () => {
    for (const realm of [
      'http://169.254.169.254/latest/meta-data',
      'https://10.0.0.1/token',
      'https://[fe80::1]/token',
      'https://localhost:1/token',
      'file:///etc/passwd',
      'nonsense',
    ]) {
      const { registry, digest } = await simple((_request, response) => {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
      });
      refused(await pull(registry, `@${digest}`, config()(registry.host)), 75, 'SOURCE_UNAVAILABLE', /token/);
    }
  });

  it('in a malformed file are a configuration error, never "none"', async () => {
    const { registry, digest } = await simple();
    const broken = join(workFolder(), 'config.json');
    writeFileSync(broken, '{"auths": hunter2');
    const result = await pull(registry, `@${digest}`, ['--registry-config', broken]);
    refused(result, 78, 'CONFIG_INVALID');
    assert.doesNotMatch(result.stdout + result.stderr, /hunter2/);
    refused(
      await pull(registry, `@${digest}`, ['--registry-config', '/nowhere/config.json']),
      78,
      'CONFIG_INVALID',
      /ENOENT/,
    );
    assert.equal(registry.requests.length, 0);
  });
});

describe('redirects', () => {
  it('that never end, or lead to something that is no https, are refused', async () => {
    for (const [location, message] of [
      ['/v2/models/m/blobs/again', /more than 10 redirects/],
      ['ftp://127.0.0.1/x', /redirects to ftp/],
      ['file:///etc/passwd', /redirects to file/],
      ['http://', /no URL/],
    ] as const) {
      const { registry, digest } = await simple((request, response, next) => {
        if (isBlob(request)) response.writeHead(302, { location }).end();
        else next();
      });
      refused(await pull(registry, `@${digest}`, ['--timeout=20s']), 75, 'SOURCE_UNAVAILABLE', message);
    }
  });
});

describe('mirrors', () => {
  it('are asked first and without credentials, the registry last', async () => {
    const { registry, digest } = await simple();
    const mirror = await FakeRegistry.start();
    for (const [name, bytes] of registry.blobs) mirror.blobs.set(name, bytes);
    const flags = ['--mirror', `${registry.host}=${mirror.host}`, '--plain-http', mirror.host];
    mirror.handler = (request, response, next) => (isManifest(request) ? void response.writeHead(404).end() : next());
    published(await pull(registry, `@${digest}`, flags), { 'config.json': '{}' });
    assert.equal(registry.asked(/blobs/).length, 0);
    assert.ok(mirror.asked(/ns=127/).length > 2);
  });

  it('that send something else are passed over for the registry', async () => {
    const { registry, digest } = await simple();
    const mirror = await FakeRegistry.start();
    mirror.addManifest(Buffer.from('{"schemaVersion":2}'), digest);
    mirror.manifests.set(digest, { bytes: Buffer.from('{"schemaVersion":2}'), type: 'x' });
    const flags = ['--mirror', `${registry.host}=${mirror.host}`, '--plain-http', mirror.host];
    published(await pull(registry, `@${digest}`, flags), { 'config.json': '{}' });
  });

  it('that send a wrong blob, or break off in one, are passed over for the registry too', async () => {
    const shards = { 'shard-0': WEIGHTS.subarray(0, 1_500_000), 'dir/shard-1': WEIGHTS.subarray(1_500_000) };
    const packed = gzipSync(tar(Object.entries(shards).map(([name, bytes]) => file(name, bytes))));
    const registry = await FakeRegistry.start();
    const layers = [titled('w/model.safetensors', WEIGHTS), { mediaType: `${TAR}+gzip`, bytes: packed }];
    const config = { artifactType: 'application/vnd.cncf.model.manifest.v1+json' };
    layers[0] = {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: WEIGHTS,
      annotations: { 'org.cncf.model.filepath': 'w/model.safetensors' },
    };
    const digest = registry.add(layers, 'v1', config);
    const wrong: Handler = (request, response, next) => {
      const [, name = ''] = /blobs\/(sha256:[0-9a-f]{64})/.exec(request.url ?? '') ?? [];
      const bytes = Buffer.from(registry.blobs.get(name) ?? '');
      if (!isBlob(request) || bytes.length < 1000) return next();
      bytes.writeUInt8((bytes.readUInt8(bytes.length - 9) + 1) & 0xff, bytes.length - 9);
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    };
    const broken: Handler = (request, response, next) => {
      const [, name = ''] = /blobs\/(sha256:[0-9a-f]{64})/.exec(request.url ?? '') ?? [];
      const bytes = registry.blobs.get(name) ?? Buffer.alloc(0);
      if (!isBlob(request) || bytes.length < 1000) return next();
      if (request.headers.range !== undefined) return void response.writeHead(403).end();
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1_200_000), () => response.destroy());
    };
    for (const handler of [wrong, broken]) {
      const mirror = await FakeRegistry.start();
      for (const [name, bytes] of registry.blobs) mirror.blobs.set(name, bytes);
      for (const [name, manifest] of registry.manifests) mirror.manifests.set(name, manifest);
      mirror.handler = handler;
      const flags = ['--mirror', `${registry.host}=${mirror.host}`, '--plain-http', mirror.host];
      published(await pull(registry, `@${digest}`, flags), { 'w/model.safetensors': WEIGHTS, ...shards });
      assert.ok(mirror.asked(/blobs/).length >= 2);
    }
  });
});

describe('names in an artifact', () => {
  it('that leave it, or are two for one file, are refused before anything is fetched (S32, ghsa-fxhp-mv3v-67qp, kitops, modctl)', async () => {
    for (const title of [
      '/etc/passwd',
      '../../x',
      '..\\x',
      'a//b',
      '.',
      '',
      'x'.repeat(300),
      'a/',
      'a\u0001b',
      'C:\\x',
      'a\0b',
    ]) {
      const registry = await FakeRegistry.start();
      const digest = registry.add([titled('ok', 'x'), titled(title, 'evil')]);
      refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY');
      assert.equal(registry.asked(/blobs\/sha256/).length, 0, title);
    }
    for (const [a, b] of [
      ['same', 'same'],
      ['A', 'a'],
      ['\u00e9', 'e\u0301'],
      ['ß', 'ss'],
    ] as const) {
      const registry = await FakeRegistry.start();
      const digest = registry.add([titled(a, '1'), titled(b, '2')]);
      refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY', /same file/);
    }
  });

  it('of which one is a file and the other wants it to be a folder are refused', async () => {
    const registry = await FakeRegistry.start();
    const digest = registry.add([titled('a', '1'), titled('a/b', '2')]);
    refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY');
  });

  it('in a ModelPack filepath that leaves it are refused, which modctl does not do', async () => {
    const registry = await FakeRegistry.start();
    const layer = {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: Buffer.from('x'),
      annotations: { 'org.cncf.model.filepath': '../../x' },
    };
    const digest = registry.add([layer], 'v1', { artifactType: 'application/vnd.cncf.model.manifest.v1+json' });
    refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY');
  });
});

describe('an archive in an artifact', () => {
  async function pullTar(
    members: readonly Member[],
    mediaType = TAR,
    pack: (tar: Buffer) => Buffer = (bytes) => bytes,
  ): Promise<Pulled> {
    const registry = await FakeRegistry.start();
    const layer: Layer = { mediaType, bytes: pack(tar(members)) };
    const digest = registry.add([layer], 'v1', { artifactType: 'application/vnd.cncf.model.manifest.v1+json' });
    return pull(registry, `@${digest}`);
  }

  it('is unpacked, packed in any way', async () => {
    const members = [{ name: 'd/', type: '5' }, file('d/a', 'A'), file('b', 'B')];
    published(await pullTar(members), { 'd/a': 'A', b: 'B' });
    published(await pullTar(members, `${TAR}+gzip`, (bytes) => gzipSync(bytes)), { 'd/a': 'A', b: 'B' });
    const frames = (bytes: Buffer) =>
      Buffer.concat([zstdCompressSync(bytes.subarray(0, 700)), zstdCompressSync(bytes.subarray(700))]);
    published(await pullTar(members, `${TAR}+zstd`, frames), { 'd/a': 'A', b: 'B' });
  });

  for (const [id, members] of [
    [
      'cve-2021-21272 ghsa-g5v4-5x39-vwhx: a link, then a file through it',
      [{ name: 'd', type: '2', linkname: '/tmp' }, file('d/x', 'evil')],
    ],
    [
      'ghsa-m37j-52j7-pjw7: a chain of links',
      [{ name: 'a', type: '2', linkname: '.' }, { name: 'b', type: '2', linkname: 'a/..' }, file('b', 'x')],
    ],
    ['cve-2026-50163 ghsa-fxhp-mv3v-67qp: a hard link', [{ name: 'x', type: '1', linkname: 'victim.secret' }]],
    ['cve-2026-23745 ghsa-8qq5-rm4j-mr97: an absolute link', [{ name: 'x', type: '2', linkname: '/etc/passwd' }]],
    ['cve-2026-24842 ghsa-34x7-hfp2-rc4v: a hard link with ..', [{ name: 'x', type: '1', linkname: '../../x' }]],
    ['cve-2026-29786: a drive letter', [file('C:../x', 'x')]],
    ['cve-2026-31802: two slashes', [file('//x', 'x')]],
    ['a path that leads out', [file('../x', 'x')]],
    ['an absolute path', [file('/tmp/x', 'x')]],
    ['ghsa-gvwx-54wh-qm9j: a NUL in a pax path', [pax({ path: 'a\0b' }), file('x', 'y')]],
    ['a device', [{ name: 'x', type: '3' }]],
    ['a FIFO', [{ name: 'x', type: '6' }]],
    ['a sparse file', [{ name: 'x', type: 'S' }]],
    ['cve-2026-23950: two names that collide', [file('A', '1'), file('a', '2')]],
    ['the same name twice', [file('a', '1'), file('a', '2')]],
    ['a file that becomes a folder', [file('a', '1'), file('a/b', '2')]],
    [
      'deeper than anybody needs',
      [file(`${'d/'.repeat(48)}x`.slice(0, 99), 'x'), pax({ path: `${'d/'.repeat(100)}x` }), file('y', 'y')],
    ],
  ] as const) {
    it(`is refused with ${id}`, async () => {
      const result = await pullTar(members);
      refused(result, 65, 'UNSAFE_ENTRY');
      assert.deepEqual(readdirSync(result.volume), []);
    });
  }

  it('with modes of its own gets ours (cve-2021-32760, ghsa-c72p-9xmj-rx3w)', async () => {
    const result = await pullTar([
      { name: 'd/', type: '5', mode: 0 },
      { ...file('d/suid', 'x'), mode: 0o4755 },
      { ...file('none', 'y'), mode: 0 },
    ]);
    published(result, { 'd/suid': 'x', none: 'y' });
    const { statSync } = await import('node:fs');
    assert.deepEqual(
      ['d', 'd/suid', 'none'].map((name) => statSync(join(result.destination, name)).mode & 0o7777),
      [0o755, 0o644, 0o644],
    );
  });

  it('that is a bomb is stopped', async () => {
    const members = [file('zeros', '\0'.repeat(200 << 20))];
    refused(await pullTar(members, `${TAR}+gzip`, (bytes) => gzipSync(bytes, { level: 9 })), 65, 'LIMIT_EXCEEDED');
    refused(await pullTar(members, `${TAR}+zstd`, (bytes) => zstdCompressSync(bytes)), 65, 'LIMIT_EXCEEDED');
  });

  it('must have the digest that the configuration or an annotation promises for it unpacked', async () => {
    const bytes = tar([file('docs/a', 'A')]);
    const layer = (digest: string, title = 'docs'): Layer => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      bytes: gzipSync(bytes),
      annotations: {
        'org.opencontainers.image.title': title,
        'io.deis.oras.content.unpack': 'true',
        'io.deis.oras.content.digest': digest,
      },
    });
    const result = async (one: Layer) => {
      const registry = await FakeRegistry.start();
      return pull(registry, `@${registry.add([one])}`);
    };
    published(await result(layer(sha256(bytes))), { 'docs/a': 'A' });
    refused(await result(layer(`sha256:${'a'.repeat(64)}`)), 65, 'DIGEST_MISMATCH', /unpacked/);
    refused(await result(layer('nonsense')), 65, 'UNSAFE_ENTRY', /not a sha256 digest/);
    refused(await result(layer(sha256(bytes), 'other')), 65, 'UNSAFE_ENTRY', /outside of other/);
  });

  it('18: that is the folder oras was called in (title "."), is unpacked into the destination itself, and not beside it', async () => {
    const result = async (title: string, unpack: string, ...members: Parameters<typeof file>[]) => {
      const registry = await FakeRegistry.start();
      const bytes = gzipSync(tar(members.map((one) => file(...one))));
      const annotations = { 'org.opencontainers.image.title': title, 'io.deis.oras.content.unpack': unpack };
      return pull(registry, `@${registry.add([{ mediaType: `${TAR}+gzip`, bytes, annotations }])}`);
    };
    published(await result('.', 'true', ['a', 'A'], ['./b/c', 'C']), { a: 'A', 'b/c': 'C' });
    refused(await result('.', 'true', ['../a', 'A']), 65, 'UNSAFE_ENTRY');
    refused(await result('.', 'true', ['a', 'A'], ['A', 'B']), 65, 'UNSAFE_ENTRY');
    for (const title of ['..', './..', '/', '']) refused(await result(title, 'true', ['a', 'A']), 65, 'UNSAFE_ENTRY');
    refused(await result('.', 'false', ['a', 'A']), 65, 'UNSAFE_ENTRY');
  });

  it('with a volume that already has a link at the destination does not follow it (ghsa-8xwf-rjm4-xvhv)', async () => {
    const { registry, digest } = await simple();
    const volume = workFolder();
    const outside = workFolder();
    symlinkSync(outside, join(volume, 'm'));
    const result = await run([
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      join(volume, 'm'),
      '--plain-http',
      registry.host,
    ]);
    assert.deepEqual([result.status, result.codes], [65, ['UNSAFE_ENTRY']]);
    assert.deepEqual(readdirSync(outside), []);
  });
});

describe('conventions', () => {
  const artifact = async (layers: Layer[], configType: string, config: object = {}, flags: string[] = []) => {
    const registry = await FakeRegistry.start();
    const bytes = Buffer.from(JSON.stringify(config));
    registry.blobs.set(sha256(bytes), bytes);
    const digest = registry.add(layers, 'v1', { config: descriptor({ mediaType: configType, bytes }) });
    return pull(registry, `@${digest}`, flags);
  };
  const layer = (mediaType: string, content: string | Buffer): Layer => ({ mediaType, bytes: Buffer.from(content) });

  it('of KitOps: archives whose unpacked digest is checked, parents refused', async () => {
    const bytes = tar([file('model.gguf', 'G')]);
    const type = 'application/vnd.kitops.modelkit.config.v1+json';
    published(await artifact([layer('application/vnd.kitops.modelkit.model.v1.tar', bytes)], type), {
      'model.gguf': 'G',
    });
    const parent = { model: { path: 'ghcr.io/acme/base:v1' } };
    refused(
      await artifact([layer('application/vnd.kitops.modelkit.model.v1.tar', bytes)], type, parent),
      65,
      'UNSAFE_ENTRY',
      /another ModelKit/,
    );
  });

  it('of Docker Model Runner and Ollama: names by type', async () => {
    const gguf = 'application/vnd.docker.ai.gguf.v3';
    published(await artifact([layer(gguf, 'G')], 'application/vnd.docker.ai.model.config.v0.1+json'), {
      'model.gguf': 'G',
    });
    published(
      await artifact([layer(gguf, '1'), layer(gguf, '2')], 'application/vnd.docker.ai.model.config.v0.1+json'),
      {
        'model-00001-of-00002.gguf': '1',
        'model-00002-of-00002.gguf': '2',
      },
    );
    const parts = [layer(gguf, 'G'), layer(`${gguf}.mmproj`, 'P'), layer(`${gguf}.lora`, 'L')];
    published(await artifact(parts, 'application/vnd.docker.ai.model.config.v0.1+json'), {
      'model.gguf': 'G',
      'model.mmproj': 'P',
      'adapter.gguf': 'L',
    });
    const adapters = [layer(gguf, 'G'), layer(`${gguf}.lora`, '1'), layer(`${gguf}.lora`, '2')];
    published(await artifact(adapters, 'application/vnd.docker.ai.model.config.v0.2+json'), {
      'model.gguf': 'G',
      'adapter-00001-of-00002.gguf': '1',
      'adapter-00002-of-00002.gguf': '2',
    });
    const twice = [layer(`${gguf}.mmproj`, '1'), layer('application/vnd.docker.ai.mmproj', '2')];
    refused(
      await artifact(twice, 'application/vnd.docker.ai.model.config.v0.1+json'),
      65,
      'UNSAFE_ENTRY',
      /same file as another layer/,
    );
    const ollama = [
      layer('application/vnd.ollama.image.model', 'G'),
      layer('application/vnd.ollama.image.template', 'T'),
    ];
    published(await artifact(ollama, 'application/vnd.docker.container.image.v1+json'), {
      'model.gguf': 'G',
      template: 'T',
    });
  });

  it('of container images: /models of all layers, whiteouts applied, nothing else', async () => {
    const type = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const image = 'application/vnd.oci.image.config.v1+json';
    const pack = (...members: Member[]) => layer(type, gzipSync(tar(members)));
    const base = pack(
      { name: 'bin/sh', type: '2', linkname: 'busybox' },
      file('models/old', 'old'),
      file('models/keep', 'keep'),
      file('models/dir/a', 'a'),
    );
    const top = pack(
      file('models/new', 'new'),
      { ...file('models/.wh.old', '') },
      file('models/dir/.wh..wh..opq', ''),
      file('models/dir/b', 'b'),
      file('etc/x', 'x'),
    );
    const result = await artifact([base, top], image);
    published(result, { new: 'new', keep: 'keep', 'dir/b': 'b' });
    assert.deepEqual(readdirSync(result.destination).sort(), ['dir', 'keep', 'new']);
    assert.deepEqual(readdirSync(join(result.destination, 'dir')), ['b']);
    refused(await artifact([pack(file('opt/x', 'x'))], image), 65, 'SOURCE_EMPTY', /no file below .*opt/);
    const diffIds = { rootfs: { diff_ids: [`sha256:${'a'.repeat(64)}`] } };
    refused(await artifact([pack(file('models/x', 'x'))], image, diffIds), 65, 'DIGEST_MISMATCH', /unpacked/);
  });

  it('that nobody knows are refused, unless unknown layers may be left out', async () => {
    const known = {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: Buffer.from('x'),
      annotations: { 'org.cncf.model.filepath': 'w' },
    };
    const layers = [known, layer('application/vnd.acme.secret', 'y')];
    const type = 'application/vnd.cncf.model.config.v1+json';
    refused(await artifact(layers, type), 78, 'CONFIG_INVALID', /vnd\.acme\.secret/);
    published(await artifact(layers, type, {}, ['--allow-unknown-layers']), { w: 'x' });
    refused(
      await artifact([layer('application/vnd.acme.x', 'y')], 'application/vnd.acme.config'),
      78,
      'CONFIG_INVALID',
      /known convention/,
    );
  });
});

describe('a destination', () => {
  it('in which a staging folder of somebody else lies is used all the same, and that folder left alone', async () => {
    const { registry, digest } = await simple();
    const result = await pull(registry, `@${digest}`);
    published(result, { 'config.json': '{}' });
    const volume = workFolder();
    mkdirSync(join(volume, '.weighlock-0123456789abcdef'));
    chmodSync(join(volume, '.weighlock-0123456789abcdef'), 0o777);
    const again = await run([
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      join(volume, 'm'),
      '--plain-http',
      registry.host,
    ]);
    assert.equal(again.status, 0);
    assert.deepEqual(visible(volume), ['.weighlock-0123456789abcdef', 'm']);
  });
});
