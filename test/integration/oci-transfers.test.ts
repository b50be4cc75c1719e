// Transfers of OCI artifacts that break, stall or are killed: what was received counts once it was
// verified, and never before.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isBlob } from '../registry/fake.ts';
import { sha256 } from '../registry/push.ts';
import { visible } from '../visible.ts';
import { run, workFolder } from './cli.ts';
import {
  ARCHIVED,
  archived,
  isUnpacked,
  killWhen,
  onceForBlob,
  published,
  pull,
  refused,
  simple,
  sizeOf,
  staged,
  WEIGHTS,
} from './oci-pulls.ts';

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
  });

  it('with 429 and 503 is tried again after the pause that was asked for', async () => {
    let refusals = 0;
    const { registry, digest } = await simple((_request, response, next) => {
      if (refusals++ < 3) response.writeHead(refusals % 2 === 0 ? 503 : 429, { 'retry-after': '1' }).end();
      else next();
    });
    const result = await pull(registry, `@${digest}`);
    published(result, { 'config.json': '{}' });
    assert.equal(result.stdout.match(/trying again in [1-3]\.\d s/g)?.length, 3, result.stdout);
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
