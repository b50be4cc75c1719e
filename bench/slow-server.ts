// A registry and a server of files that is far away: each connection has its share of the
// bandwidth, each request waits. In a process of its own, started by bench/slow-registry.ts; its
// content is in its memory, so that only what is slow on purpose is.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What the server is to have, and how slow it is to be. */
export interface SlowServerSetup {
  /** Bytes each second and connection. */
  readonly rate: number;
  /** Milliseconds before each answer. */
  readonly wait: number;
  /** By repository: the sizes of its blobs. */
  readonly repositories: Readonly<Record<string, readonly number[]>>;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
}

/** What it says when it listens. */
export interface SlowServerReady {
  readonly port: number;
  readonly securePort: number;
  /** By repository. */
  readonly manifests: Readonly<Record<string, string>>;
  readonly blobs: Readonly<Record<string, readonly string[]>>;
}

/** What it counted since it was asked before. */
export interface SlowServerCount {
  readonly requests: number;
  readonly bytes: number;
  readonly mostConnections: number;
}

const PIECE_BYTES = 64 << 10;
const contents = new Map<string, Buffer>();
const types = new Map<string, string>();
const freeAt = new WeakMap<Socket, number>();
let [requests, bytes, connections, mostConnections] = [0, 0, 0, 0];

function add(content: Buffer, type = 'application/octet-stream'): string {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  contents.set(digest, content);
  types.set(digest, type);
  return digest;
}

function makeBlob(size: number, seed: number): Buffer {
  const block = Buffer.alloc(1 << 20);
  for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761 + seed) >>> 24;
  const blob = Buffer.alloc(size, block);
  for (let at = 0; at < size; at += block.length) blob.writeUInt32LE(seed * 65_536 + at / block.length, at);
  return blob;
}

/** `bytes=FIRST-` and `bytes=FIRST-LAST`. */
function rangeOf(header: string | undefined, size: number): [number, number] | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || Number(first) >= size) return undefined;
  return [Number(first), last === '' ? size : Math.min(size, Number(last) + 1)];
}

async function answer(request: IncomingMessage, response: ServerResponse, wait: number, rate: number): Promise<void> {
  requests++;
  await delay(wait);
  const digest = /(sha256:[0-9a-f]{64})$/.exec(request.url ?? '')?.[1] ?? '';
  const content = contents.get(digest);
  if (content === undefined) {
    response.writeHead(request.url === '/v2/' ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
    return;
  }
  const range = rangeOf(request.headers.range, content.length);
  const [first, last] = range ?? [0, content.length];
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': types.get(digest),
    'content-length': last - first,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'accept-ranges': 'bytes',
    ...(range === undefined ? {} : { 'content-range': `bytes ${first}-${last - 1}/${content.length}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await send(request.socket, response, content.subarray(first, last), rate);
  response.end();
}

/** Until more can be written, or nobody wants it any more. */
function drained(socket: Socket, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('close', done);
      response.off('drain', done);
      resolve();
    };
    socket.on('close', done);
    response.on('drain', done);
  });
}

/** Piece after piece, at the pace of the connection, whatever was asked on it before. */
async function send(socket: Socket, response: ServerResponse, content: Buffer, rate: number): Promise<void> {
  for (let at = 0; at < content.length && !socket.destroyed; at += PIECE_BYTES) {
    const piece = content.subarray(at, at + PIECE_BYTES);
    const now = performance.now();
    // A connection that was idle saves nothing up; one whose timer was late may catch up.
    const due = Math.max(freeAt.get(socket) ?? 0, now - 20) + (piece.length / rate) * 1000;
    freeAt.set(socket, due);
    bytes += piece.length;
    if (!response.write(piece)) await drained(socket, response);
    if (due > now + 2) await delay(due - now);
  }
}

process.once('message', async ({ rate, wait, repositories, key, certificate }: SlowServerSetup) => {
  const manifests: Record<string, string> = {};
  const blobs: Record<string, string[]> = {};
  const config = add(Buffer.from('{}'));
  let seed = 0;
  for (const [repository, sizes] of Object.entries(repositories)) {
    const layers = sizes.map((size) => add(makeBlob(size, ++seed)));
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
      layers: layers.map((digest, i) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest,
        size: sizes[i],
        annotations: { 'org.opencontainers.image.title': `shard-${i}.safetensors` },
      })),
    });
    manifests[repository] = add(Buffer.from(manifest), mediaType);
    blobs[repository] = layers;
  }
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response, wait, rate).catch(() => response.destroy());
  };
  const count = (socket: Socket) => {
    mostConnections = Math.max(mostConnections, ++connections);
    socket.once('close', () => connections--);
  };
  const plain = createServer(serve).on('connection', count).listen(0, '127.0.0.1');
  const secure = createSecureServer({ key, cert: certificate }, serve).on('connection', count).listen(0, '127.0.0.1');
  await Promise.all([once(plain, 'listening'), once(secure, 'listening')]);
  const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
  process.send?.({ port: portOf(plain), securePort: portOf(secure), manifests, blobs } satisfies SlowServerReady);
  process.on('message', () => {
    process.send?.({ requests, bytes, mostConnections } satisfies SlowServerCount);
    [requests, bytes, mostConnections] = [0, 0, connections];
  });
});
process.once('disconnect', () => process.exit());
