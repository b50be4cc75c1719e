import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { errno, WeighlockError } from '../error/index.ts';

/** What probes and scrapers ask for. */
export interface Pages {
  isReady(): boolean;
  /** What `/readyz` says, in a word or two. */
  state?(): string;
  metrics(): string;
}

/** More at once are no kubelet and no Prometheus. */
const MAX_CONNECTIONS = 16;

/**
 * Milliseconds from the beginning of a connection to its end: a probe is one request and one
 * answer.
 */
const MAX_LIFETIME = 5000;

/**
 * Serves `/healthz`, `/readyz` and `/metrics`. Whoever comes is answered: sockets that are opened
 * and say nothing make room for the newest, and none stays.
 *
 * @param address - `[HOST]:PORT`
 * @throws WeighlockError `CONFIG_INVALID` when it cannot listen there
 */
export function serve(address: { host: string; port: number }, pages: Pages): Promise<Server> {
  // Loaded when it is first needed: it would cost every start of every command 15 ms.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer(
    { requestTimeout: MAX_LIFETIME, headersTimeout: MAX_LIFETIME, keepAlive: false, maxHeaderSize: 8192 },
    (request, response) => {
      const [status, text] = answer(request.method ?? '', request.url ?? '', pages);
      response.writeHead(status, {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'close',
      });
      response.end(request.method === 'HEAD' ? undefined : text);
      request.resume();
    },
  );
  server.on('connection', endOldest(new Set()));
  return new Promise((resolve, reject) => {
    server.on('error', (error) =>
      reject(
        new WeighlockError(
          {
            code: 'CONFIG_INVALID',
            message: `cannot listen on ${address.host}:${address.port}: ${errno(error) ?? error.message}`,
            remedy: 'choose another port: --listen HOST:PORT',
          },
          { cause: error },
        ),
      ),
    );
    server.listen(address.port, address.host, () => resolve(server));
  });
}

/** Ends the oldest connection where there are too many, and every one when its time is up. */
function endOldest(open: Set<Socket>): (socket: Socket) => void {
  return (socket) => {
    const [oldest] = open;
    if (open.size >= MAX_CONNECTIONS && oldest !== undefined) {
      open.delete(oldest);
      oldest.destroy();
    }
    open.add(socket);
    const timer = setTimeout(() => socket.destroy(), MAX_LIFETIME).unref();
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      open.delete(socket);
    });
  };
}

function ready(pages: Pages): readonly [number, string] {
  const isReady = pages.isReady();
  return [isReady ? 200 : 503, `${pages.state?.() ?? (isReady ? 'verified' : 'not verified')}\n`];
}

function answer(method: string, url: string, pages: Pages): readonly [number, string] {
  if (method !== 'GET' && method !== 'HEAD') return [405, 'only GET and HEAD\n'];
  const path = url.split('?')[0];
  if (path === '/healthz') return [200, 'ok\n'];
  if (path === '/readyz') return ready(pages);
  if (path === '/metrics') return [200, pages.metrics()];
  return [404, 'see /healthz, /readyz and /metrics\n'];
}
