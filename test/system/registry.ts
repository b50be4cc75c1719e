// A real registry: Debian's docker-registry, with TLS and passwords where asked for.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export interface RealRegistry {
  readonly origin: string;
  readonly port: number;
  /** PEM of the CA that signed its certificate. */
  readonly ca?: string;
}

export const USER = 'puller';
export const PASSWORD = 'correct horse';

const started: (() => void)[] = [];

// Of the file, wherever a registry is started: in a hook, `after` would be that hook's.
after(() => {
  for (const stop of started) stop();
});

/** Starts a registry that is gone after the tests of the file. */
export async function startRegistry(
  port: number,
  options: { host?: string; tls?: boolean; password?: boolean; mirrorOf?: string } = {},
): Promise<RealRegistry> {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-registry-'));
  const host = options.host ?? '127.0.0.1';
  const lines = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${work}/data}}`,
    'http:',
    `  addr: 0.0.0.0:${port}`,
  ];
  if (options.mirrorOf !== undefined) lines.unshift(`proxy: {remoteurl: '${options.mirrorOf}'}`);
  if (options.tls === true) {
    certificate(work, host);
    lines.push(`  tls: {certificate: ${work}/cert.pem, key: ${work}/key.pem}`);
  }
  if (options.password === true) {
    execFileSync('htpasswd', ['-Bbc', join(work, 'htpasswd'), USER, PASSWORD], { stdio: 'ignore' });
    lines.push(`auth: {htpasswd: {realm: test, path: ${work}/htpasswd}}`);
  }
  writeFileSync(join(work, 'config.yml'), `${lines.join('\n')}\n`);
  const server = spawn('docker-registry', ['serve', join(work, 'config.yml')], { stdio: 'ignore' });
  started.push(() => {
    server.kill('SIGKILL');
    rmSync(work, { recursive: true, force: true });
  });
  await ready(port, server);
  const scheme = options.tls === true ? 'https' : 'http';
  const ca = options.tls === true ? { ca: readFileSync(join(work, 'ca.pem'), 'utf8') } : {};
  return { origin: `${scheme}://${host}:${port}`, port, ...ca };
}

/** A CA, and a certificate of it for some hosts. */
export function certificate(work: string, host: string, ...others: string[]): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: work, stdio: 'ignore' });
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${host}`, '-keyout', 'key.pem', '-out', 'request.pem');
  const names = [host, ...others, 'localhost'].map((name) => `DNS:${name}`);
  writeFileSync(join(work, 'extensions'), `subjectAltName=${names.join()},IP:127.0.0.1\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    'request.pem',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'extensions',
    '-out',
    'cert.pem',
  );
}

async function ready(port: number, server: ChildProcess): Promise<void> {
  const { connect } = await import('node:net');
  for (let tries = 0; tries < 100 && server.exitCode === null; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('docker-registry did not start');
}
