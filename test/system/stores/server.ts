import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a server, and waits until something listens there. */
export async function startServer(
  command: readonly string[],
  port: number,
  environment: Record<string, string> = {},
): Promise<ChildProcess> {
  const [file = '', ...words] = command;
  const server = spawn(file, words, {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr?.on('data', (text: Buffer) => {
    said = (said + text.toString('utf8')).slice(-4000);
  });
  while (!(await listens(port))) {
    if (server.exitCode !== null) throw new Error(`${file} ended with ${server.exitCode}: ${said}`);
    await delay(100);
  }
  return server;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (does: boolean) => {
      socket.destroy();
      resolve(does);
    };
    socket.on('connect', () => end(true)).on('error', () => end(false));
  });
}
