// Issue 16: servers that lie in any order. Whatever they do, what is brought is the whole of one
// version or nothing, in bounded memory and requests, and everything is given back.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WeighlockError } from '../../src/error/index.ts';
import { type Asked, content, fetchFrom, type Lie, RANGE, type Served } from '../registry/ranges.ts';

/** A number below `most`, the same for the same seed (mulberry32). */
function randomOf(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
  };
}

type Send = (response: ServerResponse, asked: Asked, bytes: Buffer, etag: string) => void;

const range = ({ from, end }: Pick<Asked, 'from' | 'end'>, total: number | string) => ({
  'content-range': `bytes ${from}-${end - 1}/${total}`,
});
const part = (bytes: Buffer, { from, end }: Asked) => bytes.subarray(from, end);
const status =
  (code: number, headers = {}): Send =>
  (response) =>
    void response.writeHead(code, headers).end();

/** Everything but other content under the same name of a version. */
const LIES: readonly Send[] = [
  status(400),
  status(403),
  status(416),
  status(429),
  status(501),
  status(503, { 'retry-after': '0' }),
  status(206),
  status(302, { location: '/elsewhere' }),
  (response) => void response.destroy(),
  (response, _asked, bytes, etag) => void response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes),
  (response, asked, bytes, etag) =>
    void response.writeHead(206, { ...range(asked, '*'), etag }).end(part(bytes, asked)),
  (response, asked, bytes, etag) => {
    const shifted = { from: asked.from + 1, end: asked.end + 1 };
    response.writeHead(206, { ...range(shifted, bytes.length), etag }).end(part(bytes, asked));
  },
  (response, asked, bytes, etag) =>
    void response.writeHead(206, { ...range(asked, bytes.length + 1), etag }).end(part(bytes, asked)),
  (response, asked, bytes, etag) =>
    void response.writeHead(206, { ...range(asked, bytes.length), etag, 'content-encoding': 'gzip' }).end('x'),
  (response, asked, bytes, etag) =>
    void response
      .writeHead(206, { ...range(asked, bytes.length), etag })
      .end(Buffer.concat([part(bytes, asked), Buffer.alloc(1000)])),
  (response, asked, bytes, etag) =>
    void response
      .writeHead(206, { ...range(asked, bytes.length), etag })
      .end(part(bytes, asked).subarray(0, (asked.end - asked.from) >> 1)),
  (response, asked, bytes, etag) => {
    response.writeHead(206, { ...range(asked, bytes.length), etag, 'content-length': asked.end - asked.from });
    response.write(part(bytes, asked).subarray(0, (asked.end - asked.from) >> 2), () => response.destroy());
  },
  (response, asked, bytes, etag) => {
    response.writeHead(206, { ...range(asked, bytes.length), etag, trailer: 'x-end' });
    response.addTrailers({ 'content-range': 'bytes 0-0/1', etag: '"v9"' });
    response.end(part(bytes, asked));
  },
  (response, asked, bytes, etag) => {
    response.writeHead(206, { ...range(asked, bytes.length), etag });
    for (let at = asked.from; at < asked.end; at += 9999)
      response.write(bytes.subarray(at, Math.min(asked.end, at + 9999)));
    response.end();
  },
];

const TOTAL = content(24 * RANGE);

async function oneRun(t: Parameters<typeof fetchFrom>[0], seed: number): Promise<'whole' | 'refused'> {
  const random = randomOf(seed);
  const size = [0, 1, RANGE, 2 * RANGE + 1, random(24 * RANGE)][random(5)] ?? 0;
  const bytes = TOTAL.subarray(0, size);
  const other = Buffer.from(bytes.map((byte) => byte ^ 1));
  const isAddressed = random(2) === 0;
  const isPinned = !isAddressed && random(3) === 0;
  const mayChange = !isAddressed && !isPinned && random(2) === 0;
  const liesOf = random(4) === 0 ? 90 : 10 + random(40);
  let isOther = false;
  const lie: Lie = (asked, response, next) => {
    if (mayChange && random(20) === 0) isOther = !isOther;
    const [now, etag] = isOther ? [other, '"v2"'] : [bytes, '"v1"'];
    if (random(100) < liesOf && size > 0) return LIES[random(LIES.length)]?.(response, asked, now, etag);
    if (!isOther) return next();
    if (asked.headers['if-range'] !== undefined && asked.headers['if-range'] !== etag)
      return void response.writeHead(200, { etag, 'content-length': size }).end(other);
    if (asked.headers.range === undefined)
      return void response.writeHead(200, { etag, 'content-length': size }).end(other);
    response.writeHead(206, { ...range(asked, size), etag }).end(part(other, asked));
  };
  const connections = 1 + random(8);
  const memory = (1 + random(8)) << 20;
  const offset = isAddressed && random(4) === 0 ? random(size + 1) : 0;
  let so: Served | undefined;
  let result: 'whole' | 'refused' = 'whole';
  try {
    const options = { lie, isAddressed, isPinned, connections, memory, offset, responseTimeout: 2000 };
    so = await fetchFrom(t, bytes, options, (served) => {
      so = served;
    });
    const isOne = so.bytes.equals(bytes) || (mayChange && so.bytes.equals(other));
    assert.ok(isOne, `${so.bytes.length} of ${size} bytes, or mixed ones`);
    assert.equal(so.size, size);
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    result = 'refused';
  }
  assert.ok(so !== undefined);
  assert.ok(so.mostKept <= (memory >> 20) + 2 * connections + 3, `${so.mostKept} pieces`);
  for (let tries = 0; so.held().some((count) => count !== 0); tries++) {
    assert.ok(tries < 500, `not given back: ${so.held()}`);
    await delay(10);
  }
  return result;
}

describe('16: a server that lies at random', () => {
  const [first = 1, runs = 150] = (process.env['RANGES_SEEDS'] ?? '').split(' ').filter(Boolean).map(Number);
  for (let block = 0; block < runs; block += 50)
    it(`is whole or refused, seeds ${first + block} and on`, { timeout: 120_000 }, async (t) => {
      const results = { whole: 0, refused: 0 };
      for (let seed = first + block; seed < first + Math.min(runs, block + 50); seed++) {
        try {
          results[await oneRun(t, seed)] += 1;
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
      assert.ok(runs < 50 || (results.whole > 10 && results.refused > 0), JSON.stringify(results));
    });
});
