// A registry that is far away, with a model of any size: headers, and zeros behind them. In a
// process of its own, started by bench/inspect.ts; nothing of it is stored.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { shardHeader } from './shards.ts';

export interface SlowArtifactSetup {
  readonly shards: number;
  /** Of each shard. */
  readonly bytes: number;
  /** Milliseconds before each answer. */
  readonly wait: number;
}

const sha256 = (text: string | Buffer): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

process.once('message', async ({ shards, bytes, wait }: SlowArtifactSetup) => {
  const header = shardHeader(bytes);
  const empty = '{}';
  // Nobody reads enough of a blob to see that it has another digest.
  const layers = Array.from({ length: shards }, (_, i) => ({
    mediaType: 'application/octet-stream',
    digest: sha256(`${i}`),
    size: bytes,
    annotations: { 'org.opencontainers.image.title': `model-${i}.safetensors` },
  }));
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/vnd.example.model',
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256(empty), size: 2 },
    layers,
  });
  let sent = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await delay(wait);
    const url = request.url ?? '';
    if (url === '/v2/') return void response.end('{}');
    if (url.includes('/manifests/')) {
      if (!url.endsWith('/v1') && !url.endsWith(sha256(manifest))) return void response.writeHead(404).end();
      const headers = {
        'content-type': 'application/vnd.oci.image.manifest.v1+json',
        'content-length': manifest.length,
        'docker-content-digest': sha256(manifest),
      };
      sent += manifest.length;
      return void response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : manifest);
    }
    if (url.includes('/referrers/')) {
      const type = 'application/vnd.oci.image.index.v1+json';
      const index = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] });
      return void response.writeHead(200, { 'content-type': type }).end(index);
    }
    if (url.endsWith(sha256(empty))) return void response.writeHead(200, { 'content-length': 2 }).end(empty);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (first === undefined || !layers.some(({ digest }) => url.endsWith(digest)))
      return void response.writeHead(first === undefined ? 400 : 404).end();
    const [from, to] = [Number(first), Math.min(Number(last), bytes - 1)];
    const part = Buffer.alloc(to - from + 1);
    if (from < header.length) header.copy(part, 0, from, to + 1);
    sent += part.length;
    response
      .writeHead(206, { 'content-length': part.length, 'content-range': `bytes ${from}-${to}/${bytes}` })
      .end(part);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.on('message', () => process.send?.(sent));
  process.send?.((server.address() as AddressInfo).port);
});
process.once('disconnect', () => process.exit());
