// A bucket that is far away: each connection has its share of the bandwidth, each request waits. In
// a process of its own, started by bench/store.ts; its content is in its memory.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { contents, sendListing } from '../test/store/s3.ts';

export interface SlowStoreSetup {
  /** Bytes each second and connection. */
  readonly rate: number;
  /** Milliseconds before each answer. */
  readonly wait: number;
  /** Bytes of the one object below `one/`. */
  readonly one: number;
  /** Objects below `many/`, and bytes of each. */
  readonly many: number;
  readonly bytes: number;
}

const PIECE_BYTES = 64 << 10;
const PAGE = 1000;

process.once('message', async ({ rate, wait, one, many, bytes }: SlowStoreSetup) => {
  const large = Buffer.alloc(one, createHash('sha512').update('one').digest());
  const small = Buffer.alloc(bytes, 'x');
  const etag = (key: string) => `"${createHash('md5').update(key).digest('hex')}"`;
  const freeAt = new WeakMap<Socket, number>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await delay(wait);
    const url = new URL(request.url ?? '', 'http://x');
    const key = url.pathname.slice('/models/'.length);
    if (key === '') {
      const isMany = url.searchParams.get('prefix')?.startsWith('many') === true;
      const from = Number(url.searchParams.get('continuation-token') ?? 0);
      const next = Math.min(many, from + PAGE);
      const numbers = Array.from({ length: next - from }, (_, i) => `many/${from + i}`);
      const entries = isMany
        ? numbers.map((name) => contents(name, bytes, etag(name)))
        : [contents('one/model.gguf', one, etag('one/model.gguf'))];
      sendListing(response, entries, isMany && next < many ? `${next}` : undefined);
      return;
    }
    const all = key.startsWith('many/') ? small : large;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const part = first === undefined ? all : all.subarray(Number(first), Math.min(all.length, Number(last) + 1));
    response.writeHead(first === undefined ? 200 : 206, {
      etag: etag(key),
      'content-length': part.length,
      ...(first === undefined
        ? {}
        : { 'content-range': `bytes ${first}-${Number(first) + part.length - 1}/${all.length}` }),
    });
    await send(request.socket, response, part);
    response.end();
  }

  /** At the pace of the connection, whatever was asked on it before. */
  async function send(socket: Socket, response: ServerResponse, content: Buffer): Promise<void> {
    for (let at = 0; at < content.length && !socket.destroyed; at += PIECE_BYTES) {
      const piece = content.subarray(at, at + PIECE_BYTES);
      const now = performance.now();
      const due = Math.max(freeAt.get(socket) ?? 0, now - 20) + (piece.length / rate) * 1000;
      freeAt.set(socket, due);
      if (!response.write(piece)) await drained(response);
      if (due > now + 2) await delay(due - now);
    }
  }

  /** Resolves when more may be written, or nothing will be any more. */
  function drained(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.on('drain', done).on('close', done);
    });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
});
process.once('disconnect', () => process.exit());
