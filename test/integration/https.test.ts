// Files from a server, pinned by their own digest: DATASET_SOURCE_URL=https://...
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { FakeRegistry, type Handler } from '../registry/fake.ts';
import { sha256 } from '../registry/push.ts';
import { file, tar } from '../registry/tar.ts';
import { visible } from '../visible.ts';
import { type Finished, run, workFolder } from './cli.ts';

const DATA = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => (i * 31) >>> 3));
const PIN = sha256(DATA).slice('sha256:'.length);

interface Fetched extends Finished {
  readonly volume: string;
  readonly path: string;
}

async function fetchData(
  server: FakeRegistry,
  options: { url?: string; pin?: string; flags?: string[] } = {},
): Promise<Fetched> {
  const volume = workFolder();
  const path = join(volume, 'train.parquet');
  const environment = {
    DATASET_SOURCE_URL: options.url ?? `http://${server.host}/train.parquet?X-Signature=hunter2`,
    DATASET_PATH: path,
    DATASET_SHA256: options.pin ?? PIN,
  };
  const result = await run(['verify', '--plain-http', server.host, ...(options.flags ?? [])], { environment });
  assert.doesNotMatch(result.stdout + result.stderr, /hunter2/);
  return { ...result, volume, path };
}

async function serving(handler: Handler): Promise<FakeRegistry> {
  const server = await FakeRegistry.start();
  server.handler = handler;
  return server;
}

const all: Handler = (request, response) => {
  const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
  const status = request.headers.range === undefined ? 200 : 206;
  const rest = DATA.subarray(from);
  response.writeHead(status, {
    etag: '"v1"',
    'content-length': rest.length,
    ...(status === 206 ? { 'content-range': `bytes ${from}-${DATA.length - 1}/${DATA.length}` } : {}),
  });
  response.end(rest);
};

describe('DATASET_SOURCE_URL on a server', () => {
  it('is fetched, verified and published, and on the next run what is there is used', async () => {
    const server = await serving(all);
    const first = await fetchData(server);
    assert.equal(first.status, 0, first.stdout);
    assert.ok(readFileSync(first.path).equals(DATA));
    assert.deepEqual(visible(first.volume), ['train.parquet']);
    const environment = {
      DATASET_SOURCE_URL: `http://${server.host}/x`,
      DATASET_PATH: first.path,
      DATASET_SHA256: PIN,
    };
    assert.equal((await run(['verify', '--plain-http', server.host], { environment })).status, 0);
    assert.equal(server.requests.length, 1);
  });

  it('that sends other bytes publishes nothing, and its query never shows', async () => {
    const server = await serving(all);
    const result = await fetchData(server, { pin: 'a'.repeat(64) });
    assert.deepEqual([result.status, result.codes, readdirSync(result.volume)], [65, ['DIGEST_MISMATCH'], []]);
  });

  it('without a pin is a configuration error', async () => {
    const server = await serving(all);
    const environment = { DATASET_SOURCE_URL: `http://${server.host}/x`, DATASET_PATH: join(workFolder(), 'x') };
    assert.equal((await run(['verify', '--plain-http', server.host], { environment })).status, 78);
    assert.equal(server.requests.length, 0);
  });

  it('that breaks off is resumed; that changes meanwhile is begun again', async () => {
    for (const [etag, second] of [
      ['"v1"', 206],
      ['"v2"', 200],
    ] as const) {
      let broke = false;
      const server = await serving((request, response, next) => {
        if (!broke) {
          broke = true;
          response.writeHead(200, { etag: '"v1"', 'content-length': DATA.length });
          response.write(DATA.subarray(0, 1_500_000), () => setTimeout(() => response.destroy(), 50));
        } else if (etag === '"v1"') {
          assert.equal(request.headers['if-range'], '"v1"');
          all(request, response, next);
        } else response.writeHead(second, { etag, 'content-length': DATA.length }).end(DATA);
      });
      const result = await fetchData(server);
      assert.equal(result.status, 0, result.stdout);
      assert.ok(readFileSync(result.path).equals(DATA));
    }
  });

  it('with a user and password in its address sends them there only, and shows them nowhere', async () => {
    const other = await serving((request, response, next) => {
      assert.equal(request.headers.authorization, undefined);
      all(request, response, next);
    });
    const server = await serving((request, response, next) => {
      assert.equal(request.headers.authorization, `Basic ${Buffer.from('me:hunter2').toString('base64')}`);
      if (request.url === '/moved') response.writeHead(302, { location: `http://${other.host}/x?sig=hunter2` }).end();
      else all(request, response, next);
    });
    for (const path of ['x', 'moved']) {
      const result = await fetchData(server, { url: `http://me:hunter2@${server.host}/${path}` });
      assert.equal(result.status, 0, result.stdout);
    }
  });

  it('that is not there, or is an error page, ends with a reason', async () => {
    const server = await serving((_request, response) => void response.writeHead(404).end('<html>'));
    const result = await fetchData(server);
    assert.deepEqual([result.status, result.codes, existsSync(result.path)], [75, ['SOURCE_UNAVAILABLE'], false]);
    assert.match(result.stdout, /answered 404/);
  });

  it('over TLS needs a certificate that is trusted', async () => {
    const work = workFolder();
    const subject = [
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    ];
    execFileSync('openssl', ['req', ...subject, '-keyout', join(work, 'key'), '-out', join(work, 'cert')], {
      stdio: 'ignore',
    });
    const tls = createTlsServer(
      { key: readFileSync(join(work, 'key')), cert: readFileSync(join(work, 'cert')) },
      (request, response) => all(request, response, () => {}),
    );
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    after(() => tls.close());
    const url = `https://localhost:${(tls.address() as AddressInfo).port}/train.parquet`;
    const environment = { DATASET_SOURCE_URL: url, DATASET_PATH: join(work, 'data'), DATASET_SHA256: PIN };
    const distrusted = await run(['verify', '--timeout=4s'], { environment });
    assert.equal(distrusted.status, 75);
    assert.equal(existsSync(join(work, 'data')), false);
    const trusted = await run(['verify', '--registry-cacert', join(work, 'cert')], { environment });
    assert.equal(trusted.status, 0, trusted.stdout);
  });
});

describe('--replace', () => {
  it('puts a verified copy in the place of what does not verify, and only then', async () => {
    const server = await serving(all);
    const volume = workFolder();
    const path = join(volume, 'train.parquet');
    const environment = { DATASET_SOURCE_URL: `http://${server.host}/x`, DATASET_PATH: path, DATASET_SHA256: PIN };
    writeFileSync(path, 'something else');
    const kept = await run(['verify', '--plain-http', server.host], { environment });
    assert.deepEqual(
      [kept.status, kept.codes, readFileSync(path, 'utf8')],
      [65, ['DIGEST_MISMATCH'], 'something else'],
    );
    const bad = { ...environment, DATASET_SHA256: 'a'.repeat(64) };
    assert.equal((await run(['verify', '--replace', '--plain-http', server.host], { environment: bad })).status, 65);
    assert.equal(readFileSync(path, 'utf8'), 'something else');
    const replaced = await run(['verify', '--replace', '--plain-http', server.host], { environment });
    assert.equal(replaced.status, 0, replaced.stdout);
    assert.ok(readFileSync(path).equals(DATA));
    assert.deepEqual(visible(volume), ['train.parquet']);
  });

  it('replaces a folder as a whole', async () => {
    const source = workFolder();
    writeFileSync(join(source, 'a'), 'right');
    const volume = workFolder();
    mkdirSync(join(volume, 'm/left/over'), { recursive: true });
    writeFileSync(join(volume, 'm/a'), 'wrong');
    const { stdout } = await run(['digest', source]);
    const result = await run(['verify', '--replace', `file://${source}`, join(volume, 'm'), '--sha256', stdout.trim()]);
    assert.equal(result.status, 0, result.stdout);
    assert.deepEqual(readdirSync(join(volume, 'm')), ['a']);
  });
});

describe('--unpack', () => {
  const FILES = { 'a.jsonl': '{"a":1}\n', 'deep/b.bin': 'b'.repeat(3_000_000) };
  const plain = tar(Object.entries(FILES).map(([name, content]) => file(name, content)));
  const unpack = async (bytes: Buffer, options: { pin?: string; handler?: Handler } = {}) => {
    const server = await serving(options.handler ?? ((_request, response) => void response.end(bytes)));
    const volume = workFolder();
    const path = join(volume, 'train');
    const environment = {
      DATASET_SOURCE_URL: `http://${server.host}/train.tar`,
      DATASET_PATH: path,
      DATASET_SHA256: options.pin ?? sha256(bytes).slice('sha256:'.length),
    };
    const again = () => run(['verify', '--plain-http', server.host, '--unpack'], { environment });
    return { server, volume, path, again, result: await again() };
  };

  it('publishes the files of an archive that is pinned as it is sent, packed in any way', async () => {
    for (const [bytes, fetchesAgain] of [
      [plain, 0],
      [gzipSync(plain), 1],
      [zstdCompressSync(plain), 1],
    ] as const) {
      const { server, volume, path, again, result } = await unpack(bytes);
      assert.equal(result.status, 0, result.stdout);
      assert.deepEqual(visible(volume), ['train']);
      for (const [name, content] of Object.entries(FILES))
        assert.equal(readFileSync(join(path, name), 'utf8'), content);
      server.requests.length = 0;
      // What the files make up again is the archive as it was sent only if it was not compressed.
      const second = await again();
      assert.equal(second.status, 0, second.stdout);
      assert.equal(server.requests.length, fetchesAgain);
      writeFileSync(join(path, 'a.jsonl'), '{"a":2}\n');
      const tampered = await again();
      assert.deepEqual([tampered.status, tampered.codes], [65, ['DIGEST_MISMATCH']]);
      writeFileSync(join(path, 'a.jsonl'), FILES['a.jsonl']);
      writeFileSync(join(path, 'extra.py'), '');
      assert.deepEqual((await again()).codes, ['FILE_UNEXPECTED']);
    }
  });

  it('publishes nothing of another archive, of no archive, or of one that is dangerous', async () => {
    for (const [bytes, pin, code] of [
      [plain, 'a'.repeat(64), 'DIGEST_MISMATCH'],
      [DATA, undefined, 'UNSAFE_ENTRY'],
      [Buffer.from('x'), undefined, 'UNSAFE_ENTRY'],
      [plain.subarray(0, -2048), undefined, 'UNSAFE_ENTRY'],
      [gzipSync(plain).subarray(0, -20), undefined, 'UNSAFE_ENTRY'],
      [tar([file('../x', 'evil')]), undefined, 'UNSAFE_ENTRY'],
      [tar([file('a', '1'), file('A', '2')]), undefined, 'UNSAFE_ENTRY'],
    ] as const) {
      const { volume, result } = await unpack(bytes, pin === undefined ? {} : { pin });
      assert.deepEqual([result.status, result.codes, readdirSync(volume)], [65, [code], []], result.stdout);
    }
  });

  it('goes on where the connection broke, and begins anew where the server cannot', async () => {
    for (const ranges of [true, false]) {
      let times = 0;
      const handler: Handler = (request, response) => {
        const from = ranges ? Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0) : 0;
        const status = from > 0 ? 206 : 200;
        const range = from > 0 ? { 'content-range': `bytes ${from}-${plain.length - 1}/${plain.length}` } : {};
        response.writeHead(status, { etag: '"v1"', 'content-length': plain.length - from, ...range });
        if (times++ === 0) response.write(plain.subarray(0, 2_000_000), () => response.destroy());
        else response.end(plain.subarray(from));
      };
      const { result, path } = await unpack(plain, { handler });
      assert.equal(result.status, 0, result.stdout);
      assert.equal(readFileSync(join(path, 'deep/b.bin'), 'utf8'), FILES['deep/b.bin']);
    }
  });

  it('without an archive to unpack is an error', async () => {
    const volume = workFolder();
    writeFileSync(join(volume, 'x'), '');
    const result = await run(['verify', join(volume, 'x'), '--unpack', '--sha256', PIN]);
    assert.deepEqual([result.status, result.codes], [64, ['USAGE']]);
  });
});
