// Answers that say two things at once: each is a refusal that another try may mend, and never the
// content.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBody } from '../../src/registry/index.ts';
import { Retryable } from '../../src/registry/retryable.ts';
import { transportOf } from '../registry/quirks.ts';
import { startRaw } from '../registry/raw.ts';

const signal = AbortSignal.timeout(60_000);
const OK = 'HTTP/1.1 200 OK\r\n';

async function read(host: string, path = 'x', transport = transportOf()): Promise<string> {
  const answer = await transport.ask(new URL(`http://${host}/${path}`), { signal });
  return String(await readBody(answer, 100));
}

describe('15.12: an answer that can be read in two ways', () => {
  for (const [name, sent] of [
    ['has two lengths', `${OK}Content-Length: 2\r\nContent-Length: 40\r\n\r\nno${OK}Content-Length: 2\r\n\r\nno`],
    ['has two lengths in one header', `${OK}Content-Length: 2, 40\r\n\r\nno`],
    ['has a length and chunks', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n`],
    ['has chunks without a size', `${OK}Transfer-Encoding: chunked\r\n\r\n0x2\r\nno\r\n0\r\n\r\n`],
    ['has a length with a sign', `${OK}Content-Length: +2\r\n\r\nno`],
    ['has a header that goes on in the next line', `${OK}X: a\r\n Content-Length: 9\r\nContent-Length: 2\r\n\r\nno`],
    ['has a NUL in a header', `${OK}X: a\0b\r\nContent-Length: 2\r\n\r\nno`],
    ['has lines that end with a line feed', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nno'],
    ['is none of HTTP', 'SSH-2.0-OpenSSH_9.9\r\n\r\n'],
    ['is of another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nno'],
  ] as const)
    it(name, async () => {
      const server = await startRaw((socket) => void socket.end(Buffer.from(sent, 'latin1')));
      await assert.rejects(read(server.host), Retryable);
    });

  it('leaves nothing for the next question on its connection', async () => {
    const server = await startRaw((socket, path) => {
      const more = path === '/first' ? `${OK}Content-Length: 4\r\n\r\nevil` : '';
      socket.write(`${OK}Content-Length: 4\r\n\r\ngood${more}`);
    });
    const transport = transportOf();
    for (const path of ['first', 'second']) assert.equal(await read(server.host, path, transport), 'good');
  });
});
