// A server that writes what it likes, byte by byte: what no HTTP library would send.

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { after } from 'node:test';

/** What to write when the head of a request has come; `path` is what was asked for. */
export type Write = (socket: Socket, path: string) => void;

export interface RawServer {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Every path that was asked for. */
  readonly asked: string[];
}

export async function startRaw(write: Write): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      while (text.includes('\r\n\r\n')) {
        const path = /^[A-Z]+ (\S+)/.exec(text)?.[1] ?? '';
        text = text.slice(text.indexOf('\r\n\r\n') + 4);
        asked.push(path);
        write(socket, path);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** Writes something again and again until the other side has had enough. */
export function forEver(socket: Socket, piece: () => string): void {
  const timer = setInterval(() => socket.write(piece()), 5);
  socket.on('close', () => clearInterval(timer));
}
