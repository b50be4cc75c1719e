// Servers that never finish what is small. A limit between two bytes bounds none of this: each
// writes every 5 ms.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { fetchTrustedRoot } from '../../src/pull/trusted-root.ts';
import { Slowness } from '../../src/registry/deadline.ts';
import type { Digest } from '../../src/registry/index.ts';
import { parseReference, Repository, readBody } from '../../src/registry/index.ts';
import { download } from '../../src/transfer/index.ts';
import { sha256 } from '../registry/push.ts';
import { transportOf } from '../registry/quirks.ts';
import { forEver, type RawServer, startRaw, type Write } from '../registry/raw.ts';

const signal = AbortSignal.timeout(60_000);
const DIGEST = sha256(Buffer.from('x')) as Digest;
const FAST = { documentTimeout: 120, responseTimeout: 10_000 };

const head = (status: number, ...lines: string[]) => `HTTP/1.1 ${status} x\r\n${lines.join('\r\n')}\r\n`;
const OK = head(200, 'content-type: application/vnd.oci.image.index.v1+json', 'content-length: 100000', '');

/**
 * What a server may send for ever instead of an answer, each a way past the limit between two
 * bytes.
 */
const ENDLESS: Readonly<Record<string, (socket: Socket) => void>> = {
  'informational answers at long intervals': (socket) => {
    socket.write('HTTP/1.1 103 x\r\n\r\n');
    socket.write('HTTP/1.1 103 x\r\nlink: <');
    forEver(socket, () => 'a');
  },
  'a status line': (socket) => {
    socket.write('HTTP/1.1 200 ');
    forEver(socket, () => 'O');
  },
  'a header': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx: ');
    forEver(socket, () => 'a');
  },
  'one header after the other': (socket) => {
    let n = 0;
    socket.write('HTTP/1.1 200 OK\r\n');
    forEver(socket, () => `x${n++}: a\r\n`);
  },
  'a body': (socket) => {
    socket.write(OK);
    forEver(socket, () => ' ');
  },
  chunks: (socket) => {
    socket.write(head(200, 'content-type: application/json', 'transfer-encoding: chunked', ''));
    forEver(socket, () => '1\r\n \r\n');
  },
  'an extension of a chunk': (socket) => {
    socket.write(`${head(200, 'transfer-encoding: chunked', '')}1;a=`);
    forEver(socket, () => 'a');
  },
  trailers: (socket) => {
    let n = 0;
    socket.write(`${head(200, 'transfer-encoding: chunked', '')}2\r\n{}\r\n0\r\n`);
    forEver(socket, () => `x${n++}: a\r\n`);
  },
  'a body until the connection ends': (socket) => {
    socket.write(head(200, 'content-type: application/json', ''));
    forEver(socket, () => ' ');
  },
};

const repository = (server: RawServer, more = {}) => {
  const settings = {
    credentials: { named: [], usual: [] },
    caFiles: [],
    plainHttp: ['*'],
    mirrors: new Map(),
    proxy: { noProxy: '' },
    ...FAST,
    ...more,
  };
  return new Repository(
    parseReference(`${server.host}/m`),
    settings,
    () => {},
    download,
    async () => {},
  );
};

const tooSlow = (error: unknown) => {
  assert.ok(error instanceof WeighlockError, String(error));
  assert.equal(error.code, 'SOURCE_UNAVAILABLE');
  assert.match(error.message, /not answered whole within|INFORMATIONAL|too long/);
  return true;
};

describe('15.28: what is small and never ends', () => {
  for (const [name, endless] of Object.entries(ENDLESS)) {
    it(`${name}: a document is given up at its deadline`, async () => {
      const server = await startRaw(endless);
      const read = async () => readBody(await transportOf(FAST).ask(new URL(`http://${server.host}/`)), 4 << 20);
      await assert.rejects(read, tooSlow);
    });
  }

  it('informational answers at once are not taken for ever', async () => {
    const server = await startRaw((socket) => socket.write('HTTP/1.1 103 x\r\n\r\n'.repeat(17)));
    const ask = transportOf({ documentTimeout: 60_000 }).ask(new URL(`http://${server.host}/`));
    await assert.rejects(ask, tooSlow);
    const polite = await startRaw((socket) =>
      socket.write(`${'HTTP/1.1 103 x\r\n\r\n'.repeat(16)}${head(200, 'content-length: 2', '')}{}`),
    );
    const answer = await transportOf().ask(new URL(`http://${polite.host}/`));
    assert.equal((await readBody(answer, 100)).toString(), '{}');
  });

  it('the deadline is that of all redirects together', async () => {
    const write: Write = (socket) => {
      socket.write(head(302, 'location: /next', 'content-length: 100', ''));
      forEver(socket, () => ' ');
    };
    const server = await startRaw(write);
    await assert.rejects(transportOf(FAST).ask(new URL(`http://${server.host}/`)), tooSlow);
    assert.ok(server.asked.length < 11);
  });

  it('the document may be asked for by whatever asks', async () => {
    const endless = ENDLESS['a body'] as Write;
    const unauthorised = (server: () => RawServer, realm = '/token') =>
      head(401, `www-authenticate: Bearer realm="http://${server().host}${realm}"`, 'content-length: 0', '');
    for (const [what, most, write, ask] of [
      ['a manifest', 2, endless, (server) => repository(server).manifest(DIGEST, signal)],
      [
        'referrers',
        4,
        endless,
        async (server) => throwFault((await repository(server).referrers(DIGEST, signal)).faults),
      ],
      ['an error', 1, (socket) => slowly(socket, 403), (server) => repository(server).manifest(DIGEST, signal)],
      [
        'a token',
        4,
        (socket, path, self) => (path.startsWith('/token') ? endless(socket, path) : socket.write(unauthorised(self))),
        (server) => repository(server).manifest(DIGEST, signal),
      ],
      ['a configuration', 1, (socket) => slowly(socket, 200), (server) => small(repository(server))],
      [
        'metadata of TUF',
        2,
        endless,
        (server) => fetchTrustedRoot({ mirror: `http://${server.host}/` } as never, transportOf(FAST), signal),
      ],
    ] as [
      string,
      number,
      (socket: Socket, path: string, self: () => RawServer) => void,
      (server: RawServer) => Promise<unknown>,
    ][]) {
      const server: RawServer = await startRaw((socket, path) => write(socket, path, () => server));
      await assert.rejects(ask(server), what === 'an error' ? /403/ : tooSlow, what);
      assert.ok(server.asked.length <= most, `${what}: ${server.asked.length}`);
    }
  });

  it('many documents that are each just in time are given up together', () => {
    const url = new URL('https://registry.example.com/');
    let now = 0;
    const read = (slowness: Slowness, milliseconds: number) => {
      slowness.require(url);
      const end = slowness.begin();
      now += milliseconds;
      end();
    };
    const slowness = new Slowness(60_000, () => now);
    for (let n = 0; n < 1000; n++) read(slowness, 900);
    for (let n = 0; n < 21; n++) read(slowness, 59_000);
    assert.throws(() => read(slowness, 1), tooSlow);
    const unbounded = new Slowness(0, () => now);
    for (let n = 0; n < 1000; n++) read(unbounded, 59_000);
  });

  it('a blob may take as long as bytes come', async () => {
    const bytes = Buffer.from('0123456789');
    const server = await startRaw((socket) => {
      socket.write(head(200, 'content-length: 10', ''));
      let n = 0;
      const timer = setInterval(() => {
        socket.write(bytes.subarray(n, n + 1));
        if (++n === 10) clearInterval(timer);
      }, 20);
    });
    const chunks: Buffer[] = [];
    const task = {
      offset: () => 0,
      sink: (chunk: Buffer) => void chunks.push(Buffer.from(chunk)),
      restart: async () => {},
    };
    const descriptor = { mediaType: 'x', digest: sha256(bytes) as Digest, size: 10, annotations: {} };
    await repository(server, { documentTimeout: 60 }).blob(descriptor as never, task, signal);
    assert.equal(Buffer.concat(chunks).toString(), '0123456789');
  });
});

function slowly(socket: Socket, status: number): void {
  socket.write(head(status, 'content-length: 1000', ''));
  forEver(socket, () => ' ');
}

function throwFault(faults: readonly WeighlockError[]): void {
  for (const fault of faults) throw fault;
}

function small(one: Repository): Promise<Buffer> {
  const descriptor = { mediaType: 'x', digest: DIGEST, size: 1000, annotations: {} };
  return one.smallBlob(descriptor as never, signal);
}
