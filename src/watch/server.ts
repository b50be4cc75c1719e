import type { Server } from 'node:http';
import { errno, WeighlockError } from '../error/index.ts';

/** What probes and scrapers ask for. */
export interface Pages {
  /** True when the last verification let the pod be ready. */
  isReady(): boolean;
  metrics(): string;
}

/** More at once are no kubelet and no Prometheus. */
const MAX_CONNECTIONS = 16;

/**
 * Serves `/healthz`, `/readyz` and `/metrics`.
 *
 * @param address - `[HOST]:PORT`
 * @throws WeighlockError `CONFIG_INVALID` when it cannot listen there
 */
export function serve(address: { host: string; port: number }, pages: Pages): Promise<Server> {
  // Loaded when it is first needed: it would cost every start of every command 15 ms.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      const [status, text] = answer(request.method ?? '', request.url ?? '', pages);
      response.writeHead(status, {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.end(request.method === 'HEAD' ? undefined : text);
      request.resume();
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
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

function answer(method: string, url: string, pages: Pages): readonly [number, string] {
  if (method !== 'GET' && method !== 'HEAD') return [405, 'only GET and HEAD\n'];
  const path = url.split('?')[0];
  if (path === '/healthz') return [200, 'ok\n'];
  if (path === '/readyz') return pages.isReady() ? [200, 'verified\n'] : [503, 'not verified\n'];
  if (path === '/metrics') return [200, pages.metrics()];
  return [404, 'see /healthz, /readyz and /metrics\n'];
}
