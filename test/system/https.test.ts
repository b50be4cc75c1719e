// Files and archives from a real server: Debian's nginx with TLS and Range.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeModel } from '../../examples/demo/make-artifacts.ts';
import { recipe, run } from '../integration/cli.ts';
import { visible } from '../visible.ts';
import { certificate } from './registry.ts';

const PORT = 5075;
const work = mkdtempSync(join(tmpdir(), 'weighlock-nginx-'));
let server: ChildProcess | undefined;
after(() => {
  server?.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});

async function listening(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(PORT, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

async function start(): Promise<void> {
  server = spawn('nginx', ['-p', work, '-c', join(work, 'nginx.conf'), '-e', join(work, 'error.log')], {
    stdio: 'ignore',
  });
  for (let tries = 0; tries < 100 && !(await listening()); tries++) await new Promise((done) => setTimeout(done, 50));
}

async function restart(): Promise<void> {
  const closed = new Promise((resolve) => server?.once('close', resolve));
  server?.kill('SIGKILL');
  await closed;
  for (let tries = 0; tries < 100 && (await listening()); tries++) await new Promise((done) => setTimeout(done, 50));
  await start();
}

const digestOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const accessLog = () => readFileSync(join(work, 'access.log'), 'utf8').trim().split('\n');

function fetched(name: string, destination: string, ...flags: string[]) {
  const environment = {
    DATASET_SOURCE_URL: `https://localhost:${PORT}/${name}`,
    DATASET_PATH: destination,
    DATASET_SHA256: digestOf(join(work, 'www', name)),
  };
  return run(['verify', '--registry-cacert', join(work, 'ca.pem'), ...flags], { environment });
}

before(async () => {
  const www = join(work, 'www');
  mkdirSync(www);
  certificate(work, 'localhost');
  makeModel(join(work, 'model'));
  for (const [name, flag] of [
    ['model.tar', '-c'],
    ['model.tar.gz', '-cz'],
    ['model.tar.zst', '-c --zstd'],
  ] as const)
    execFileSync('tar', [...flag.split(' '), '-f', join(www, name), '-C', join(work, 'model'), '.']);
  writeFileSync(join(www, 'slow.bin'), Buffer.alloc(12_000_000, 'slow '));
  chmodSync(work, 0o755);
  // In one process, so that a kill ends every connection.
  writeFileSync(
    join(work, 'nginx.conf'),
    `daemon off; master_process off; pid ${work}/pid; events {}
     http {
       access_log ${work}/access.log;
       client_body_temp_path ${work}/t1; proxy_temp_path ${work}/t2; fastcgi_temp_path ${work}/t3;
       uwsgi_temp_path ${work}/t4; scgi_temp_path ${work}/t5;
       server {
         listen 127.0.0.1:${PORT} ssl; ssl_certificate ${work}/cert.pem; ssl_certificate_key ${work}/key.pem;
         root ${www};
         location = /slow.bin { limit_rate 4m; }
       }
     }`,
  );
  await start();
});

describe('nginx', () => {
  it('serves a file, which is used on the next run', async () => {
    const destination = join(work, 'model.tar');
    const result = await fetched('model.tar', destination);
    assert.equal(result.status, 0, result.stdout);
    // One request, or one for each range of it.
    const asked = accessLog().length;
    assert.ok(asked >= 1 && asked <= 16, `${asked}`);
    assert.equal((await fetched('model.tar', destination)).status, 0);
    assert.equal(accessLog().length, asked);
  });

  it('serves archives that GNU tar made, which are unpacked', async () => {
    for (const name of ['model.tar', 'model.tar.gz', 'model.tar.zst']) {
      const destination = join(work, `${name}-unpacked`);
      const result = await fetched(name, destination, '--unpack');
      assert.equal(result.status, 0, result.stdout);
      assert.equal(recipe(destination), recipe(join(work, 'model')));
      assert.equal((await fetched(name, destination, '--unpack')).status, 0);
    }
  });

  it('that dies in the middle of a file is asked for the rest when it is back', async () => {
    const before_ = accessLog().length;
    const destination = join(work, 'volume', 'slow.bin');
    mkdirSync(join(work, 'volume'));
    const running = fetched('slow.bin', destination);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await restart();
    const result = await running;
    assert.equal(result.status, 0, result.stdout);
    assert.equal(digestOf(destination), digestOf(join(work, 'www/slow.bin')));
    assert.deepEqual(visible(join(work, 'volume')), ['slow.bin']);
    assert.match(accessLog().slice(before_).join('\n'), /"GET \/slow.bin HTTP\/1.1" 206/);
  });

  it('with a certificate of a CA that nobody named is not believed', async () => {
    const environment = {
      DATASET_SOURCE_URL: `https://localhost:${PORT}/model.tar`,
      DATASET_PATH: join(work, 'untrusted'),
      DATASET_SHA256: 'a'.repeat(64),
    };
    const result = await run(['verify', '--timeout=20s'], { environment });
    assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']], result.stdout);
  });
});
