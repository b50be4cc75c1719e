// One blob by several ranges at a time, from servers that do what they should, or lie.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { content, fetchFrom, honest, type Lie, type Options, RANGE, type Served, serve } from '../registry/ranges.ts';

const SIZE = 20 * RANGE + 7;
const BLOB = content(SIZE);
const OTHER = Buffer.from(BLOB.map((byte) => byte ^ 1));

/** Answers only when so many requests wait for one at the same time, the first one aside. */
function together(count: number, then: Lie): Lie {
  const waiting: (() => void)[] = [];
  return (asked, response, next, request) => {
    if (asked.number === 0) return next();
    waiting.push(() => then(asked, response, next, request));
    if (waiting.length >= count) for (const go of waiting.splice(0)) go();
    return undefined;
  };
}

const onRequest =
  (number: number, lie: Lie): Lie =>
  (asked, response, next, request) =>
    asked.number === number ? lie(asked, response, next, request) : next();

const whole = (served: Served, bytes = BLOB) => {
  assert.ok(served.bytes.equals(bytes), `${served.bytes.length} bytes of ${bytes.length}, or others`);
  assert.equal(served.size, bytes.length);
};

/** Fetches what must fail. */
async function failing(t: Parameters<typeof fetchFrom>[0], bytes: Buffer, options: Options) {
  let so: Served | undefined;
  const error: unknown = await fetchFrom(t, bytes, options, (served) => {
    so = served;
  }).then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.ok(error instanceof WeighlockError, String(error));
  assert.ok(so !== undefined);
  return { error, so };
}

describe('16: a blob by ranges', () => {
  it('comes by as many connections as there may be, each byte once, in order', async (t) => {
    for (const connections of [2, 3, 8]) {
      const seven = connections - 1;
      const left = 1 + Math.floor((20 - 1) / seven) * seven;
      const lie: Lie = (asked, response, next, request) =>
        asked.from < left * RANGE && asked.end <= left * RANGE ? gate(asked, response, next, request) : next();
      const gate = together(1, (_asked, _response, next) => next());
      const served = await fetchFrom(t, BLOB, { connections, lie });
      whole(served);
      assert.ok(served.mostAtOnce <= connections);
      assert.equal(served.sent, SIZE);
      assert.equal(served.restarts, 0);
    }
  });

  it('has eight requests under way at a time, and never more', async (t) => {
    const held: (() => void)[] = [];
    // A ninth would come in these turns of the loop.
    const later = (turns: number, then: () => void) =>
      void setImmediate(() => (turns > 0 ? later(turns - 1, then) : then()));
    const lie: Lie = ({ number }, _response, next) => {
      if (number === 0 || number > 8) return next();
      held.push(next);
      if (held.length === 8) later(300, () => held.forEach((go) => void go()));
      return undefined;
    };
    const served = await fetchFrom(t, BLOB, { lie });
    whole(served);
    assert.equal(served.mostAtOnce, 8);
  });

  it('of any size is whole, and what is small comes by one connection', async (t) => {
    for (const size of [1, RANGE - 1, RANGE, RANGE + 1, 2 * RANGE, 2 * RANGE + 1, 3 * RANGE - 1, 9 * RANGE]) {
      const bytes = content(size);
      for (const isAddressed of [true, false]) {
        const served = await fetchFrom(t, bytes, { isAddressed });
        whole(served, bytes);
        assert.equal(served.sent, size);
        if (isAddressed && size <= 2 * RANGE)
          assert.deepEqual(
            served.asked.map(({ headers }) => headers.range),
            [undefined],
          );
      }
    }
  });

  it('of no bytes is whole', async (t) => {
    for (const isAddressed of [true, false])
      whole(await fetchFrom(t, Buffer.alloc(0), { isAddressed }), Buffer.alloc(0));
  });

  it('goes on where an earlier run ended', async (t) => {
    for (const offset of [1, RANGE, 3 * RANGE + 5, SIZE - 2 * RANGE - 1, SIZE - 1]) {
      const served = await fetchFrom(t, BLOB, { offset });
      whole(served);
      assert.equal(served.sent, SIZE - offset);
    }
  });

  it('is handed on in order whatever order it comes in, in bounded memory', async (t) => {
    const bytes = content(64 * RANGE);
    // The answers to the second to eighth request are sent last to first, later ones in any order.
    const held: (() => void)[] = [];
    const later = (turns: number, next: () => void) => {
      if (turns === 0) next();
      else setImmediate(() => later(turns - 1, next));
    };
    const lie: Lie = ({ number }, _response, next) => {
      if (number === 0) return next();
      if (number > 7) return later((number * 5) % 8, next);
      held.push(next);
      if (held.length === 7) for (const go of held.splice(0).reverse()) go();
      return undefined;
    };
    const served = await fetchFrom(t, bytes, { lie });
    whole(served, bytes);
    assert.ok(served.mostKept <= 16 + 8, `${served.mostKept} MiB`);
  });

  it('waits for whoever takes it, and fails with what that throws', async (t) => {
    let isBusy = false;
    const slow = async () => {
      assert.equal(isBusy, false);
      isBusy = true;
      await new Promise(setImmediate);
      isBusy = false;
    };
    whole(await fetchFrom(t, BLOB, { sink: slow, memory: 1 << 20 }));
    const full = new WeighlockError({ code: 'NO_SPACE', message: 'full', remedy: 'more' });
    for (const sink of [
      () => Promise.reject(full),
      () => {
        throw full;
      },
    ]) {
      const { error } = await failing(t, BLOB, { sink });
      assert.equal(error.code, 'NO_SPACE');
    }
  });
});

describe('16: a range', () => {
  it('that breaks off goes on where it ended, alone', async (t) => {
    for (const kept of [0, 1, 1000, RANGE - 1]) {
      const lie: Lie = (asked, response, next) => {
        if (asked.number % 10 !== 3) return next();
        const part = BLOB.subarray(asked.from, Math.min(asked.end - 1, asked.from + kept));
        response.writeHead(206, {
          'content-range': `bytes ${asked.from}-${asked.end - 1}/${SIZE}`,
          'content-length': asked.end - asked.from,
          etag: '"v1"',
        });
        response.write(part, () => setImmediate(() => response.destroy()));
        return undefined;
      };
      for (const isAddressed of [true, false]) {
        const served = await fetchFrom(t, BLOB, { lie, isAddressed });
        whole(served);
        assert.equal(served.restarts, 0);
        assert.ok(served.asked.some(({ from }) => from % (RANGE / 4) !== 0 || kept === 0));
        assert.ok(served.sent <= SIZE + 20 * RANGE, `${served.sent}`);
      }
    }
  });

  it('that ends early without a length is asked for again', async (t) => {
    const lie = onRequest(2, ({ from, end }, response) => {
      response
        .writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${SIZE}` })
        .end(BLOB.subarray(from, end - 9));
    });
    whole(await fetchFrom(t, BLOB, { lie }));
  });

  it('that never goes on is asked for again by another connection', async (t) => {
    const lie = onRequest(3, ({ from, end }, response) => {
      response.writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${SIZE}`, 'content-length': end - from });
      response.write(BLOB.subarray(from, from + 10));
    });
    const served = await fetchFrom(t, BLOB, { lie, responseTimeout: 1000 });
    whole(served);
    assert.ok(served.failures.some(({ message }) => /broke off/.test(message)));
  });

  it('that is longer than it was asked for, or another one, is not used', async (t) => {
    const head = (first: number, last: number, total: number | string, length?: number) => ({
      'content-range': `bytes ${first}-${last}/${total}`,
      ...(length === undefined ? {} : { 'content-length': length }),
    });
    const lies: Record<string, Lie> = {
      'a body that is longer': ({ from, end }, response) =>
        void response
          .writeHead(206, head(from, end - 1, SIZE))
          .end(Buffer.concat([BLOB.subarray(from, end), Buffer.alloc(9)])),
      'a length that is another': ({ from, end }, response) =>
        void response.writeHead(206, head(from, end - 1, SIZE, end - from + 1)).end(OTHER.subarray(from, end + 1)),
      'a range before': ({ from, end }, response) =>
        void response.writeHead(206, head(from - 1, end - 2, SIZE)).end(OTHER.subarray(from, end)),
      'a range behind': ({ from, end }, response) =>
        void response.writeHead(206, head(from + 1, end, SIZE)).end(OTHER.subarray(from, end)),
      'less of it': ({ from, end }, response) =>
        void response.writeHead(206, head(from, end - 2, SIZE)).end(OTHER.subarray(from, end - 1)),
      'more of it': ({ from, end }, response) =>
        void response.writeHead(206, head(from, end, SIZE)).end(OTHER.subarray(from, end + 1)),
      'of another whole': ({ from, end }, response) =>
        void response.writeHead(206, head(from, end - 1, SIZE + 1)).end(OTHER.subarray(from, end)),
      'of an unknown whole': ({ from, end }, response) =>
        void response.writeHead(206, head(from, end - 1, '*')).end(OTHER.subarray(from, end)),
      'no Content-Range': ({ from, end }, response) => void response.writeHead(206).end(OTHER.subarray(from, end)),
      'several parts': ({ from, end }, response) =>
        void response
          .writeHead(206, { 'content-type': 'multipart/byteranges; boundary=x' })
          .end(OTHER.subarray(from, end)),
      'two headers': ({ from, end }, response) => {
        response.setHeader('content-range', [`bytes ${from}-${end - 1}/${SIZE}`, `bytes 0-1/${SIZE}`]);
        response.writeHead(206).end(OTHER.subarray(from, end));
      },
      'an encoded one': ({ from, end }, response) =>
        void response
          .writeHead(206, { ...head(from, end - 1, SIZE), 'content-encoding': 'gzip' })
          .end(OTHER.subarray(from, end)),
    };
    for (const [name, lie] of Object.entries(lies)) {
      await t.test(name, async (t) => {
        for (const number of [0, 1, 4, 9]) {
          const served = await fetchFrom(t, BLOB, { lie: onRequest(number, lie) });
          whole(served);
          assert.equal(served.restarts, 0, `request ${number}`);
        }
        // Where all say so, it comes by one connection, from the beginning.
        const always: Lie = (asked, response, next, request) =>
          asked.headers.range === undefined ? next() : lie(asked, response, next, request);
        whole(await fetchFrom(t, BLOB, { lie: always }));
      });
    }
  });

  it('that is the rest of a body without a length is not whole where it ends early, or is encoded', async (t) => {
    const half = SIZE >> 1;
    for (const [encoding, body] of [
      ['identity', BLOB.subarray(half, half + 10)],
      ['gzip', Buffer.from('x')],
      ['gzip', BLOB.subarray(half)],
    ] as const) {
      const lie: Lie = ({ number }, response, next) => {
        if (number > 1) return next();
        if (number === 0) {
          response.writeHead(200, { etag: '"v1"' });
          response.write(BLOB.subarray(0, half), () => response.destroy());
        } else {
          const range = { 'content-range': `bytes ${half}-${SIZE - 1}/${SIZE}` };
          response.writeHead(206, { ...range, etag: '"v1"', 'content-encoding': encoding }).end(body);
        }
        return undefined;
      };
      const served = await fetchFrom(t, BLOB, { lie, isAddressed: false, connections: 1 });
      whole(served);
      assert.equal(served.failures.length, 2);
    }
  });

  it('that a server does not know is no reason to ask for more than the whole', async (t) => {
    for (const status of [200, 400, 405, 416, 501]) {
      const ignore: Lie = (asked, response, next) => {
        if (asked.headers.range === undefined) return next();
        if (status === 200) response.writeHead(200, { 'content-length': SIZE, etag: '"v1"' }).end(BLOB);
        else response.writeHead(status).end();
        return undefined;
      };
      for (const isAddressed of [true, false]) {
        const served = await fetchFrom(t, BLOB, { lie: ignore, isAddressed });
        whole(served);
        assert.equal(served.sent, SIZE, `${status}`);
        // In the middle as well.
        const later: Lie = (asked, response, next, request) =>
          asked.number < 5 ? next() : ignore(asked, response, next, request);
        whole(await fetchFrom(t, BLOB, { lie: later, isAddressed }));
      }
    }
  });
});

describe('16: a server', () => {
  it('that has no more than four connections gets no more, and the blob is whole', async (t) => {
    const refusals: Record<string, Lie> = {
      '429': (_asked, response) => void response.writeHead(429).end(),
      '503 with a time': (_asked, response) => void response.writeHead(503, { 'retry-after': '1' }).end(),
      '403': (_asked, response) => void response.writeHead(403).end(),
      reset: (_asked, _response, _next, request) => void request.socket.resetAndDestroy(),
    };
    for (const [name, refuse] of Object.entries(refusals)) {
      await t.test(name, async (t) => {
        const bytes = content(40 * RANGE);
        const lie: Lie = (asked, response, next, request) =>
          asked.atOnce > 4 ? refuse(asked, response, next, request) : next();
        const first = together(7, lie);
        const served = await fetchFrom(t, bytes, {
          lie: (asked, response, next, request) => (asked.number < 8 ? first : lie)(asked, response, next, request),
        });
        whole(served, bytes);
        assert.ok(served.failures.length > 0);
        assert.equal(served.restarts, 0);
        assert.ok(served.limit <= 6, `${served.limit} connections`);
        assert.ok(served.asked.slice(-8).every(({ atOnce }) => atOnce <= 5));
      });
    }
  });

  it('that refuses for good ends it, with what it answered', async (t) => {
    for (const status of [401, 403, 404, 451]) {
      const lie: Lie = (asked, response, next) => (asked.number < 5 ? next() : void response.writeHead(status).end());
      const { error, so } = await failing(t, BLOB, { lie });
      assert.equal(error.code, 'SOURCE_UNAVAILABLE');
      assert.match(error.message, new RegExp(`answered ${status}`));
      assert.ok(so.asked.length < 60, `${so.asked.length} requests`);
      assert.ok(BLOB.subarray(0, so.bytes.length).equals(so.bytes));
    }
  });

  it('that only ever breaks off ends it after a few tries', async (t) => {
    const lie: Lie = (asked, _response, next, request) =>
      asked.number < 5 ? next() : void request.socket.resetAndDestroy();
    const { error, so } = await failing(t, BLOB, { lie });
    assert.equal(error.code, 'SOURCE_UNAVAILABLE');
    assert.ok(so.asked.length < 80, `${so.asked.length} requests`);
  });

  it('that sends more than there is room for is asked for nothing more', async (t) => {
    const { error, so } = await failing(t, BLOB, { isAddressed: false, room: { bytes: SIZE - 1, isLimit: true } });
    assert.equal(error.code, 'LIMIT_EXCEEDED');
    assert.equal(so.asked.length, 1);
    assert.equal(so.bytes.length, 0);
    whole(await fetchFrom(t, BLOB, { isAddressed: false, room: { bytes: SIZE, isLimit: true } }));
  });

  it('whose blob has another size than the manifest says is refused', async (t) => {
    const { error } = await failing(t, BLOB, { size: SIZE + 1 });
    assert.equal(error.code, 'DIGEST_MISMATCH');
  });
});

describe('16: a version', () => {
  it('that changes between two ranges is begun anew once', async (t) => {
    let version = 1;
    const lie: Lie = (asked, response) => {
      if (asked.number === 6) version = 2;
      const { 'if-range': condition } = asked.headers;
      if (asked.number > 0 && asked.number < 6) assert.equal(condition, '"v1"');
      if (condition !== undefined && condition !== `"v${version}"`)
        response.writeHead(200, { 'content-length': SIZE, etag: `"v${version}"` }).end(OTHER);
      else honest(version === 1 ? BLOB : OTHER, asked, response, `"v${version}"`);
    };
    const served = await fetchFrom(t, BLOB, { lie, isAddressed: false });
    whole(served, OTHER);
    assert.equal(served.restarts, 1);
  });

  it('that changes again and again ends it with 75, and is not told by what a server does not heed', async (t) => {
    const lies: Record<string, Lie> = {
      'another ETag': (asked, response) => honest(BLOB, asked, response, `"v${asked.number}"`),
      'no ETag': (asked, response) => honest(BLOB, asked, response, asked.from === 0 ? '"v1"' : undefined),
      'another size': (asked, response) =>
        asked.from === 0
          ? honest(BLOB, asked, response, '"v1"')
          : void response
              .writeHead(206, { 'content-range': `bytes ${asked.from}-${asked.end - 1}/${SIZE + 1}`, etag: '"v1"' })
              .end(BLOB.subarray(asked.from, asked.end)),
      'another whole': (asked, response, next) =>
        asked.from === 0 ? next() : void response.writeHead(200, { etag: '"v2"' }).end(OTHER),
    };
    for (const [name, lie] of Object.entries(lies)) {
      const { error, so } = await failing(t, BLOB, { lie, isAddressed: false });
      assert.equal(error.code, 'SOURCE_UNAVAILABLE', name);
      assert.match(error.message, /changed again/);
      assert.ok(so.restarts <= 2);
      assert.equal(so.asked.filter(({ from }) => from === 0).length, 2, name);
    }
  });

  it('that nothing tells apart for sure comes by one connection', async (t) => {
    for (const etag of ['W/"v1"', 'v1', undefined]) {
      const served = await fetchFrom(t, BLOB, { etag, isAddressed: false });
      whole(served);
      assert.equal(served.mostAtOnce, 1);
      assert.deepEqual(
        served.asked.map(({ headers }) => headers.range),
        ['bytes=0-65535', undefined],
      );
    }
  });

  it('comes by ranges all the same where its digest is pinned', async (t) => {
    for (const etag of ['W/"v1"', undefined]) {
      const served = await fetchFrom(t, BLOB, { etag, isAddressed: false, isPinned: true });
      whole(served);
      assert.ok(served.asked.length > 8);
      assert.equal(served.sent, SIZE);
    }
  });

  it('comes by one connection from its beginning where it is pinned, and weak words of it differ', async (t) => {
    const lie: Lie = (asked, response, next) => {
      if (asked.headers.range === undefined) next();
      else honest(BLOB, asked, response, `W/"server-${asked.number % 2}"`);
    };
    const served = await fetchFrom(t, BLOB, { lie, etag: 'W/"server-0"', isAddressed: false, isPinned: true });
    whole(served);
    assert.equal(served.restarts, 1);
    assert.equal(served.asked.at(-1)?.headers.range, undefined);
  });

  it('is no question where the digest is known', async (t) => {
    for (const lie of [
      ((asked, response) => honest(BLOB, asked, response, `"v${asked.number}"`)) satisfies Lie,
      ((asked, response) => honest(BLOB, asked, response)) satisfies Lie,
    ]) {
      const served = await fetchFrom(t, BLOB, { lie });
      whole(served);
      assert.equal(served.restarts, 0);
      assert.equal(served.sent, SIZE);
    }
  });
});

describe('16: a redirect to storage', () => {
  it('is asked for once, and again once when its address ends; credentials stay where they are', async (t) => {
    const secrets = new Map<string, (string | undefined)[]>();
    let storageAnswers = 0;
    let signed = 0;
    const waiting: (() => void)[] = [];
    const storage = await serve(t, (request, response) => {
      secrets.set('storage', [...(secrets.get('storage') ?? []), request.headers.authorization]);
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      const asked = { from: Number(first), end: Number(last) + 1 };
      const answer = () =>
        request.url === `/signed-${signed}`
          ? honest(BLOB, asked, response, '"v1"')
          : void response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      // After four answers the address ends, with as many requests under way as there can be.
      if (storageAnswers++ < 1 || signed > 1) return answer();
      waiting.push(answer);
      if (waiting.length < 8) return undefined;
      signed = 2;
      for (const go of waiting.splice(0)) go();
      return undefined;
    });
    const lie: Lie = (asked, response) => {
      secrets.set('registry', [...(secrets.get('registry') ?? []), asked.headers.authorization]);
      if (signed === 0) signed = 1;
      response.writeHead(307, { location: `${storage}/signed-${signed}` }).end();
    };
    const served = await fetchFrom(t, BLOB, { lie, secretHeaders: { authorization: 'Basic c2VjcmV0' } });
    whole(served);
    assert.equal(served.asked.length, 2);
    assert.deepEqual(secrets.get('registry'), ['Basic c2VjcmV0', 'Basic c2VjcmV0']);
    assert.ok((secrets.get('storage')?.length ?? 0) > 20);
    assert.ok(secrets.get('storage')?.every((one) => one === undefined));
  });

  it('that leads back to the registry does not bring the credential back', async (t) => {
    const seen: (string | undefined)[] = [];
    let origin = '';
    const elsewhere = await serve(
      t,
      (_request, response) => void response.writeHead(307, { location: `${origin}/back` }).end(),
    );
    const lie: Lie = (asked, response, next) => {
      origin = `http://${asked.headers.host}`;
      if (asked.path !== '/back') return void response.writeHead(307, { location: `${elsewhere}/x` }).end();
      seen.push(asked.headers.authorization);
      return next();
    };
    whole(await fetchFrom(t, BLOB, { lie, secretHeaders: { authorization: 'Basic c2VjcmV0' } }));
    assert.ok(seen.length > 10);
    assert.ok(seen.every((one) => one === undefined));
  });

  it('that refuses every address ends it', async (t) => {
    const storage = await serve(t, (request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0]);
      if (from === 0) honest(BLOB, { from, end: RANGE }, response, '"v1"');
      else response.writeHead(403).end();
    });
    const lie: Lie = (_asked, response) => void response.writeHead(307, { location: `${storage}/x` }).end();
    const { error, so } = await failing(t, BLOB, { lie });
    assert.match(error.message, /storage.*answered 403/);
    assert.ok(so.asked.length < 60, `${so.asked.length}`);
  });
});

describe('16: a run that ends', () => {
  it('with eight ranges under way ends at once', async (t) => {
    const controller = new AbortController();
    const reason = new Error('stopped');
    let waiting = 0;
    const lie: Lie = ({ from, end, number }, response, next) => {
      if (number === 0) return next();
      response.writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${SIZE}`, 'content-length': end - from });
      response.write(BLOB.subarray(from, from + 100));
      if (++waiting === 8) controller.abort(reason);
      return undefined;
    };
    await assert.rejects(fetchFrom(t, BLOB, { lie, signal: controller.signal }), (error) => error === reason);
  });
});
