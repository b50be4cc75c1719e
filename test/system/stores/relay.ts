import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** Stands before a server, notes what is asked of it and hands it on as it is. */
export class Relay {
  readonly asked: Asked[] = [];
  /** Called before a request is handed on. */
  before: (asked: Asked) => Promise<void> | void = () => {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on('request', (from, answer) => {
      const { method, url = '', headers } = from;
      const asked = { url, headers };
      relay.asked.push(asked);
      const give = async () => {
        await relay.before(asked);
        const on = request({ host: '127.0.0.1', port, method, path: url, headers }, (given) => {
          answer.writeHead(given.statusCode ?? 500, given.rawHeaders);
          given.pipe(answer);
        });
        on.on('error', () => answer.destroy());
        from.pipe(on);
      };
      give().catch(() => answer.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  /** `HOST:PORT` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  reset(): void {
    this.asked.length = 0;
    this.before = () => {};
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
