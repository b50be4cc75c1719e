// What real registries and servers do: a pull-through cache, and blobs that lie behind a redirect
// to a storage of its own.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../integration/cli.ts';
import { Pusher, titled } from '../registry/push.ts';
import { PASSWORD, startRegistry, USER } from './registry.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-quirks-'));
const started: ChildProcess[] = [];
after(() => {
  for (const server of started) server.kill('SIGTERM');
  rmSync(work, { recursive: true, force: true });
});

const BASIC = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
const WEIGHTS = Buffer.alloc(3_000_000, 'weights ');

/** Starts nginx with this part of a configuration, which listens on a port. */
async function startNginx(port: number, http: string): Promise<void> {
  const folder = mkdtempSync(join(work, 'nginx-'));
  const config = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`);
  const events = `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error; events {}`;
  writeFileSync(config, `${events} http { ${temporary.join(' ')} ${http} }`);
  started.push(spawn('nginx', ['-e', join(folder, 'error'), '-c', config], { stdio: 'ignore' }));
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
    if (open) return;
    await delay(100);
  }
  throw new Error('nginx did not start');
}

describe("Debian's docker-registry", () => {
  it('15.21: as a pull-through cache gives what it fetches only now', async () => {
    const upstream = await startRegistry(5074);
    const { digest } = await new Pusher(upstream.origin).artifact('models/m', 'v1', [titled('w', WEIGHTS)]);
    await startRegistry(5075, { mirrorOf: upstream.origin });
    const source = `oci://127.0.0.1:5075/models/m@${digest}`;
    const result = await run(['verify', source, join(work, 'cached'), '--allow-http-registry']);
    assert.equal(result.status, 0, result.stdout);
    assert.ok(readFileSync(join(work, 'cached/w')).equals(WEIGHTS));
  });

  it('15.12: with its blobs at a storage that asks for a password gives that storage nothing', async () => {
    const registry = await startRegistry(5076, { password: true });
    const { digest } = await new Pusher(registry.origin, { authorization: BASIC }).artifact('models/m', 'v1', [
      titled('w', WEIGHTS),
    ]);
    const log = join(work, 'storage.log');
    await startNginx(
      5077,
      `log_format all '$request_uri [$http_authorization] [$http_cookie]'; access_log off;
      server { listen 127.0.0.1:5077;
        location ~ /blobs/ { return 307 http://127.0.0.1:5078$request_uri; }
        location / { proxy_pass http://127.0.0.1:5076; proxy_set_header Host $http_host; } }
      server { listen 127.0.0.1:5078; access_log ${log} all;
        location / { add_header WWW-Authenticate 'Basic realm="storage"' always; return 401; } }`,
    );
    const config = join(work, 'config.json');
    writeFileSync(config, JSON.stringify({ auths: { '127.0.0.1:5077': { auth: BASIC.slice(6) } } }));
    const source = `oci://127.0.0.1:5077/models/m@${digest}`;
    const result = await run(['verify', source, join(work, 'x'), '--allow-http-registry', '--registry-config', config]);
    assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']], result.stdout);
    assert.match(result.stdout, /the storage that 127\.0\.0\.1:5077 redirects to answered 401/);
    assert.equal(existsSync(join(work, 'x')), false);
    const asked = readFileSync(log, 'utf8').trimEnd().split('\n');
    assert.ok(asked.length >= 1 && asked.every((line) => line.endsWith('[-] [-]')), asked.join('\n'));
  });
});
