// What registries, storages, token servers and proxies of the field do that the specification does
// not say, and a client inside the test's own process that meets them without waiting between its
// tries.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { parseReference, type RegistrySettings, Repository, Transport } from '../../src/registry/index.ts';
import { download } from '../../src/transfer/index.ts';
import { type FakeRegistry, type Handler, isBlob } from './fake.ts';
import { sha256 } from './push.ts';

export const USER = 'user';
export const PASSWORD = 'hunter2';
export const BASIC = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
export const INDEX = 'application/vnd.oci.image.index.v1+json';

/** Settings for a registry of the tests, with the credential for it. */
export function settingsFor(registry: FakeRegistry, more: Partial<RegistrySettings> = {}): RegistrySettings {
  const credential = { kind: 'basic', username: USER, password: PASSWORD } as const;
  return {
    credentials: { named: [], usual: [], given: { pattern: registry.host, credential } },
    caFiles: [],
    plainHttp: ['*'],
    mirrors: new Map(),
    proxy: { noProxy: '' },
    ...more,
  };
}

/**
 * A client of `models/m` there; `pauses` gets how long it would have waited before each other try.
 */
export function clientOf(
  registry: FakeRegistry,
  more: Partial<RegistrySettings> = {},
  log: { pauses?: number[]; notices?: string[] } = {},
): Repository {
  const repository = new Repository(
    parseReference(`${registry.host}/models/m`),
    settingsFor(registry, more),
    (text) => void log.notices?.push(text),
    download,
    async (milliseconds) => void log.pauses?.push(milliseconds),
  );
  after(() => repository.close());
  return repository;
}

export function transportOf(more: Partial<RegistrySettings> = {}): Transport {
  const transport = new Transport({ caFiles: [], plainHttp: ['*'], proxy: { noProxy: '' }, ...more });
  after(() => transport.close());
  return transport;
}

/** Collects a blob that is read whole. */
export async function readBlob(repository: Repository, bytes: Buffer): Promise<Buffer> {
  const descriptor = {
    mediaType: 'x',
    digest: sha256(bytes) as `sha256:${string}`,
    size: bytes.length,
    annotations: {},
  };
  return repository.smallBlob(
    descriptor as Parameters<Repository['smallBlob']>[0],
    AbortSignal.timeout(30_000),
    64 << 20,
  );
}

/** Only for what a pattern matches. */
export const when =
  (pattern: RegExp, handler: Handler): Handler =>
  (request, response, next) =>
    pattern.test(request.url ?? '') ? handler(request, response, next) : next();

/** Only the first few times. */
export function times(count: number, handler: Handler): Handler {
  let done = 0;
  return (request, response, next) => (done++ < count ? handler(request, response, next) : next());
}

/** An answer without a body worth reading. */
export const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Handler =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

/** The connection is reset before an answer. */
export const resetting: Handler = (request) => void request.socket.resetAndDestroy();

/** Breaks off in the middle of every answer, after so many bytes of it. */
export const breakingOff = (
  bytes: Buffer,
  after_: (turn: number) => number,
  ranges: 'none' | 'open' | 'closed',
): Handler => {
  let turn = 0;
  return (request, response) => {
    const { range } = request.headers;
    const [, from = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const understood = ranges !== 'none' && range !== undefined && (ranges === 'closed') === (last !== '');
    const start = understood ? Number(from) : 0;
    const rest = bytes.subarray(start);
    const head = { 'content-length': rest.length };
    if (understood)
      response.writeHead(206, { ...head, 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
    else response.writeHead(200, head);
    const length = after_(turn++);
    if (length >= rest.length) response.end(rest);
    else response.write(rest.subarray(0, length), () => setImmediate(() => response.destroy()));
  };
};

/** Wants a password at once. */
export const wantsBasic: Handler = (request, response, next) =>
  request.headers.authorization === BASIC
    ? next()
    : answering(401, { 'www-authenticate': 'Basic realm="x"' })(request, response, next);

/** Wants a token of a server at this address. */
export const wantsToken =
  (realm: () => string, token = 'token'): Handler =>
  (request, response, next) =>
    request.headers.authorization === `Bearer ${token}`
      ? next()
      : answering(401, { 'www-authenticate': `Bearer realm="${realm()}",service="s"` })(request, response, next);

/** Sends blobs elsewhere. */
export const redirecting =
  (to: (path: string) => string, status = 307): Handler =>
  (request, response, next) =>
    isBlob(request) ? answering(status, { location: to(request.url ?? '') })(request, response, next) : next();

export interface Proxy {
  readonly host: string;
  /** `proxy-authorization` of every request, or an empty text. */
  readonly asked: string[];
}

/** A server with TLS for `localhost`, and the file with its certificate. */
export async function startTls(
  handler: RequestListener,
): Promise<{ readonly origin: string; readonly caFile: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-tls-'));
  const [key, caFile] = [join(folder, 'key'), join(folder, 'cert')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2', '-nodes'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', caFile], { stdio: 'ignore' });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(caFile) }, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, caFile };
}

/** A proxy for CONNECT and for plain requests, which wants a user and password if it is told to. */
export async function startProxy(password?: string): Promise<Proxy> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request.headers['proxy-authorization'] ?? '');
    if (password !== undefined && request.headers['proxy-authorization'] !== password)
      return void response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
    response.writeHead(200).end('by the proxy');
  });
  server.on('connect', (request, socket) => {
    asked.push(request.headers['proxy-authorization'] ?? '');
    if (password !== undefined && request.headers['proxy-authorization'] !== password) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
