// How much is fetched, and unpacked, of what a server sends; what is said of pointers; the flags of
// registries.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Allowance } from '../../src/pull/budget.ts';
import { createBudget } from '../../src/pull/index.ts';
import { roomAt } from '../../src/run/room.ts';
import { FakeRegistry, type Handler } from '../registry/fake.ts';
import { sha256, titled } from '../registry/push.ts';
import { BASIC, wantsBasic } from '../registry/quirks.ts';
import { file, tar } from '../registry/tar.ts';
import { workFolder } from './cli.ts';
import { command, type Ended } from './in-process.ts';

const refused = (ended: Ended, status: number, code: string, message = /./) => {
  assert.equal(ended.status, status, ended.stdout + ended.stderr);
  assert.ok(ended.stdout.includes(`"code":"${code}"`) || ended.stderr.includes(code), ended.stdout + ended.stderr);
  assert.match(ended.stdout + ended.stderr, message);
};

async function serving(handler: Handler): Promise<FakeRegistry> {
  const server = await FakeRegistry.start();
  server.handler = handler;
  return server;
}

/** Fetches a file of a server to a fresh volume. */
async function fetchFrom(server: FakeRegistry, bytes: Buffer, flags: readonly string[] = []) {
  const volume = workFolder();
  const ended = await command(
    ['verify', '--plain-http', server.host, '--termination-log', join(volume, 'log'), ...flags],
    {
      DATASET_SOURCE_URL: `http://${server.host}/data`,
      DATASET_PATH: join(volume, 'data'),
      DATASET_SHA256: sha256(bytes).slice('sha256:'.length),
    },
  );
  assert.equal(existsSync(join(volume, 'data')), ended.status === 0);
  assert.deepEqual(
    readdirSync(volume).filter((name) => /^\.weighlock-.*[^n]$/.test(name)),
    [],
  );
  return ended;
}

describe('15.28: what a server sends', () => {
  const small = Buffer.alloc(50_000, 'x');

  it('without an end is refused at --max-bytes, or before the volume is full', async () => {
    let sent = 0;
    const endless: Handler = (_request, response) => {
      const more = () => {
        // A client that goes on is not served for ever.
        if (sent > 100e6) return void response.end();
        for (let i = 0; i < 16 && !response.destroyed; i++) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more);
        }
        if (!response.destroyed) setImmediate(more);
      };
      more();
    };
    const server = await serving(endless);
    refused(await fetchFrom(server, small, ['--max-bytes=2M']), 65, 'LIMIT_EXCEEDED', /no length was announced/);
    assert.ok(sent < 90e6, `${sent}`);
    assert.equal(server.requests.length, 1);
  });

  it('is refused before its first byte when the length that it announces is too much', async () => {
    const server = await serving(
      (_request, response) => void response.writeHead(200, { 'content-length': 2 ** 50 }).write('x'),
    );
    refused(await fetchFrom(server, small, ['--max-bytes=1G']), 65, 'LIMIT_EXCEEDED', /1125899906842624 bytes/);
    refused(await fetchFrom(server, small), 75, 'NO_SPACE', /what the volume has free/);
  });

  it('in the end fits, and passes', async () => {
    const server = await serving((_request, response) => void response.end(small));
    assert.equal((await fetchFrom(server, small, ['--max-bytes=50000'])).status, 0);
    refused(await fetchFrom(server, small, ['--max-bytes=49999']), 65, 'LIMIT_EXCEEDED');
    refused(await fetchFrom(server, small, ['--max-bytes=lots']), 64, 'USAGE');
  });

  it('as an archive may unpack to no more than that either', async () => {
    const bomb = gzipSync(tar([file('a', Buffer.alloc(3_000_000))]));
    const server = await serving((_request, response) => void response.end(bomb));
    refused(await fetchFrom(server, bomb, ['--unpack', '--max-bytes=1M']), 65, 'LIMIT_EXCEEDED', /unpack to more/);
    assert.equal((await fetchFrom(server, bomb, ['--unpack', '--max-bytes=4M'])).status, 0);
  });

  it('encoded as it is stored passes by the digest of what is sent, and is never decoded', async () => {
    const stored = gzipSync(Buffer.alloc(1_000_000));
    const server = await serving(
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(stored),
    );
    const passed = await fetchFrom(server, stored);
    assert.equal(passed.status, 0, passed.stdout);
    assert.match(passed.stdout, /sends it encoded \(gzip\)/);
    refused(await fetchFrom(server, Buffer.alloc(1_000_000)), 65, 'DIGEST_MISMATCH');
  });

  it('from a registry is bound by the sizes that the manifest declares, and archives by the room that is left', async () => {
    const registry = await FakeRegistry.start();
    const layer = titled('weights', Buffer.alloc(2_000_000));
    const packed = {
      mediaType: 'application/vnd.cncf.model.weight.v1.tar+gzip',
      bytes: gzipSync(tar([file('b', Buffer.alloc(3_000_000))])),
    };
    const weights = {
      ...layer,
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      annotations: { 'org.cncf.model.filepath': 'w' },
    };
    const digest = registry.add([weights, packed], 'v1', {
      artifactType: 'application/vnd.cncf.model.manifest.v1+json',
    });
    const pull = (most: string) => {
      const volume = workFolder();
      const reference = `oci://${registry.host}/models/m@${digest}`;
      return command([
        'verify',
        reference,
        join(volume, 'm'),
        '--plain-http',
        registry.host,
        '--max-bytes',
        most,
        '--termination-log',
        join(volume, 'log'),
      ]);
    };
    refused(await pull('1M'), 65, 'LIMIT_EXCEEDED', /larger than it may be/);
    assert.deepEqual(registry.asked(/blobs\/(?!sha256:44136fa)/), []);
    refused(await pull('4M'), 65, 'LIMIT_EXCEEDED', /unpack to more/);
    assert.equal((await pull('6M')).status, 0);
  });

  it('has the room that the volume has, and none is known where a file system knows none', () => {
    const folder = workFolder();
    const most = roomAt(folder, undefined);
    assert.ok(most !== undefined && !most.isLimit && most.bytes > 0);
    assert.deepEqual(roomAt(folder, 5), { bytes: 5, isLimit: true });
    assert.deepEqual(roomAt(folder, 2 ** 52)?.isLimit, false);
    // procfs says 0 blocks; what is not there says nothing.
    assert.equal(roomAt('/proc', undefined), undefined);
    assert.deepEqual(roomAt('/proc', 7), { bytes: 7, isLimit: true });
    assert.equal(roomAt(join(folder, 'nothing'), undefined), undefined);
  });

  it('takes room from all archives together, and gives it back when an archive is begun anew', () => {
    const budget = createBudget(100);
    const [one, two] = [new Allowance(budget), new Allowance(budget)];
    one.spend(60);
    assert.throws(() => two.spend(50), /unpack to more/);
    two.giveBack();
    two.spend(40);
    assert.throws(() => one.spend(1), /unpack to more/);
    new Allowance(budget, false).spend(1e15);
    new Allowance(createBudget()).spend(1e15);
  });

  it('15.28: takes memory for names from all archives together, whether they are written or not', () => {
    const budget = createBudget(100, 100_000);
    const [one, two] = [new Allowance(budget), new Allowance(budget, false)];
    one.spendName(4000);
    assert.throws(() => two.spendName(4200), /longer names, than fit into memory/);
    two.giveBack();
    for (let i = 0; i < 40; i++) two.spendName(1);
    assert.throws(() => {
      for (let i = 0; i < 10; i++) two.spendName(1);
    }, /more members/);
    one.spend(100);
  });
});

describe('15.25: a pointer of Git LFS', () => {
  const oid = 'a'.repeat(64);
  const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 5000000000\n`;

  it('is called one where the content should be', async () => {
    const folder = workFolder();
    writeFileSync(join(folder, 'model.safetensors'), POINTER);
    const log = ['--termination-log', join(workFolder(), 'log')];
    const one = await command(['verify', join(folder, 'model.safetensors'), '--sha256', oid, ...log]);
    refused(one, 65, 'DIGEST_MISMATCH', /Git LFS pointer, to the content that is expected.*git lfs pull/);
    const whole = await command(['verify', folder, '--sha256', 'b'.repeat(64), ...log]);
    refused(whole, 65, 'DIGEST_MISMATCH', /this is a Git LFS pointer, not the content/);
    const server = await serving((_request, response) => void response.end(POINTER));
    refused(await fetchFrom(server, Buffer.from('weights')), 65, 'DIGEST_MISMATCH', /Git LFS pointer/);
    writeFileSync(join(folder, 'model.safetensors'), 'version https://example.com/\noid sha256:x\n');
    assert.doesNotMatch((await command(['verify', folder, '--sha256', oid, ...log])).stdout, /LFS/);
  });
});

describe('15.25: flags of registries', () => {
  it('by name and password go to the registry of the sources', async () => {
    const registry = await serving(wantsBasic);
    const digest = registry.add([titled('a', 'x')]);
    const ask = (...flags: string[]) =>
      command(['digest', `oci://${registry.host}/models/m@${digest}`, '--allow-http-registry', ...flags]);
    const password = join(workFolder(), 'password');
    writeFileSync(password, 'hunter2\n');
    for (const flags of [
      ['--registry-password', 'hunter2'],
      ['--registry-password-file', password],
    ]) {
      const ended = await ask('--registry-username=user', ...flags);
      assert.deepEqual([ended.status, ended.stdout.trim()], [0, digest], ended.stderr);
    }
    const wrong = await ask('--registry-username=user', '--registry-password=other');
    assert.equal(wrong.status, 75);
    registry.requests.length = 0;
    const elsewhere = await command(
      [
        'digest',
        `oci://${registry.host}/models/m@${digest}`,
        '--allow-http-registry',
        '--registry-username=user',
        '--registry-password=hunter2',
      ],
      { MODEL_SOURCE_URL: 'oci://other.example/m:v1' },
    );
    assert.equal(elsewhere.status, 64, elsewhere.stderr);
    assert.deepEqual(registry.requests, []);
    for (const flags of [
      ['--registry-username=user'],
      ['--registry-password=x'],
      ['--registry-username=u', '--registry-token=t'],
      ['--registry-token=t', '--registry-password=x'],
    ])
      assert.equal((await ask(...flags)).status, 64, flags.join(' '));
    registry.handler = (request, _response, next) => {
      assert.notEqual(request.headers.authorization, BASIC);
      next();
    };
    assert.equal((await ask()).status, 0);
  });

  it('a reference without oci:// is answered with it', async () => {
    const log = ['--termination-log', join(workFolder(), 'log')];
    for (const text of [
      'registry.example.com/models/m:v1',
      'localhost:5000/m:v1',
      `ghcr.io/a/b@sha256:${'a'.repeat(64)}`,
      'acme/model:v1',
    ]) {
      refused(
        await command(['verify', text, '--sha256', 'a'.repeat(64), ...log]),
        64,
        'USAGE',
        new RegExp(`write oci://${text}`),
      );
      refused(await command(['digest', text]), 64, 'USAGE', /oci:\/\//);
    }
    // What is there is a path, and what reads like none is one too.
    const folder = workFolder();
    mkdirSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a/b:v1'), 'x');
    assert.equal((await command(['digest', join(folder, 'a/b:v1')])).status, 0);
    refused(await command(['verify', 'models/m', '--sha256', 'a'.repeat(64), ...log]), 65, 'FILE_MISSING');
  });
});

describe('15.22: a run that asks no registry', () => {
  it('reads no settings for one', async () => {
    const folder = workFolder();
    writeFileSync(join(folder, 'a'), 'x');
    const home = workFolder();
    mkdirSync(join(home, '.docker/config.json'), { recursive: true });
    const broken = join(home, 'broken');
    writeFileSync(broken, '{');
    for (const environment of [
      { HOME: home },
      { DOCKER_CONFIG: join(home, '.docker') },
      { REGISTRY_AUTH_FILE: broken },
      { XDG_RUNTIME_DIR: home },
      { HOME: '' },
      { HTTPS_PROXY: 'ftp://nonsense', HTTP_PROXY: ':::' },
      { WEIGHLOCK_REGISTRY_CONFIG: broken },
      { WEIGHLOCK_REGISTRY_CACERT: '/nowhere' },
    ]) {
      const { status, stderr } = await command(['digest', folder], environment as Record<string, string>);
      assert.equal(status, 0, JSON.stringify(environment) + stderr);
    }
  });
});
