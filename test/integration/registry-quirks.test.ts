// The registry client against a server with the quirks of the field. In this process; no waiting
// between tries.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Failure, WeighlockError } from '../../src/error/index.ts';
import { storedSignatures } from '../../src/pull/signatures.ts';
import { fetchTrustedRoot } from '../../src/pull/trusted-root.ts';
import { type Digest, type Repository, refusalOf } from '../../src/registry/index.ts';
import { perhapsElsewhere, unreadPlace } from '../../src/run/unread-places.ts';
import { download } from '../../src/transfer/index.ts';
import { FakeRegistry, type Handler, isManifest, MANIFEST } from '../registry/fake.ts';
import { sha256, titled } from '../registry/push.ts';
import {
  answering,
  BASIC,
  breakingOff,
  clientOf,
  INDEX,
  PASSWORD,
  readBlob,
  redirecting,
  resetting,
  startProxy,
  startTls,
  times,
  transportOf,
  USER,
  wantsBasic,
  wantsToken,
  when,
} from '../registry/quirks.ts';
import { workFolder } from './cli.ts';

const signal = AbortSignal.timeout(60_000);
const BLOB = Buffer.alloc(300_000, 'weights ');

async function serving(handler?: Handler): Promise<{ registry: FakeRegistry; digest: Digest }> {
  const registry = await FakeRegistry.start();
  const digest = registry.add([titled('weights', BLOB)]) as Digest;
  if (handler !== undefined) registry.handler = handler;
  return { registry, digest };
}

const coded =
  (code: string, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof WeighlockError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} ${error.remedy}`, message);
    assert.ok(!`${error.message} ${error.remedy} ${error.found}`.includes(PASSWORD));
    return true;
  };

/** Everything that a server was told of us: no secret may be in it. */
function learnt(server: FakeRegistry): string[] {
  return server.requests
    .flatMap(({ headers }) => [headers.authorization ?? '', headers.cookie ?? '', headers['proxy-authorization'] ?? ''])
    .filter((text) => text !== '');
}

describe('15.12: a challenge', () => {
  it('counts from the registry only, and not from where a redirect leads', async () => {
    for (const challenge of [
      'Basic realm="give it to me"',
      'Bearer realm="http://HOST/token",service="evil"',
      'Bearer realm="http://HOST/token", Basic realm="x"',
    ]) {
      for (const status of [301, 302, 303, 307, 308]) {
        const evil = await FakeRegistry.start();
        const { registry, digest } = await serving(wantsBasic);
        evil.handler = (_request, response) =>
          void response
            .writeHead(401, { 'www-authenticate': challenge.replace('HOST', evil.host), 'set-cookie': 'a=b' })
            .end();
        registry.handler = (request, response, next) =>
          wantsBasic(request, response, () =>
            isManifest(request)
              ? answering(status, { location: `http://u:p@${evil.host}/v2/x` })(request, response, next)
              : redirecting((path) => `http://${evil.host}${path}`, status)(request, response, next),
          );
        const client = clientOf(registry);
        await assert.rejects(
          client.manifest(digest, signal),
          coded('SOURCE_UNAVAILABLE', /storage that .* answered 401/),
        );
        await assert.rejects(readBlob(client, BLOB), coded('SOURCE_UNAVAILABLE', /storage/));
        assert.deepEqual(learnt(evil), []);
        assert.deepEqual(evil.asked(/token/), []);
        assert.ok(registry.requests.some(({ headers }) => headers.authorization === BASIC));
      }
    }
  });

  it('that was met elsewhere does not count when the redirect comes back', async () => {
    const { registry, digest } = await serving();
    const evil = await FakeRegistry.start();
    evil.handler = (request, response, next) =>
      answering(307, { location: `http://${registry.host}${request.url}?back` })(request, response, next);
    registry.handler = (request, response, next) => {
      if (!(request.url ?? '').includes('?back'))
        return answering(307, { location: `http://${evil.host}${request.url}` })(request, response, next);
      wantsBasic(request, response, next);
    };
    await assert.rejects(clientOf(registry).manifest(digest, signal), coded('SOURCE_UNAVAILABLE', /401/));
    assert.deepEqual(learnt(registry), []);
  });

  it('of the registry takes the password to the token server that it names, and no further', async () => {
    const evil = await FakeRegistry.start();
    const tokens = await FakeRegistry.start();
    const { registry, digest } = await serving();
    registry.handler = wantsToken(() => `http://${tokens.host}/token`);
    tokens.handler = answering(200, { 'set-cookie': 'session=1' }, '{"token":"","access_token":"token"}');
    assert.equal((await clientOf(registry).manifest(digest, signal)).digest, digest);
    assert.deepEqual(learnt(tokens), [BASIC]);
    assert.deepEqual([...new Set(learnt(registry))], ['Bearer token']);
    tokens.handler = answering(307, { location: `http://${evil.host}/token` });
    evil.handler = answering(401, { 'www-authenticate': `Basic realm="x"` });
    await assert.rejects(clientOf(registry).manifest(digest, signal), coded('SOURCE_UNAVAILABLE'));
    assert.deepEqual(learnt(evil), []);
    // The refresh token is in the body of the request.
    const credential = { kind: 'identity-token', token: PASSWORD } as const;
    const credentials = { named: [], usual: [], given: { pattern: registry.host, credential } };
    evil.requests.length = 0;
    await assert.rejects(
      clientOf(registry, { credentials }).manifest(digest, signal),
      coded('SOURCE_UNAVAILABLE', /another origin/),
    );
    assert.deepEqual(evil.requests, []);
  });

  it('is answered at each port and host with what is for it', async () => {
    const { registry, digest } = await serving(wantsBasic);
    const other = await FakeRegistry.start();
    for (const pattern of [other.host, 'localhost', '127.0.0.1', `${registry.host}0`]) {
      const credential = { kind: 'basic', username: USER, password: PASSWORD } as const;
      const credentials = { named: [], usual: [], given: { pattern, credential } };
      await assert.rejects(
        clientOf(registry, { credentials }).manifest(digest, signal),
        coded('SOURCE_UNAVAILABLE', /401/),
      );
    }
    assert.deepEqual(learnt(registry), []);
  });

  it('leaves no cookie, and a next page of referrers gets nothing elsewhere', async () => {
    const evil = await FakeRegistry.start();
    const page = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] });
    const { registry, digest } = await serving((request, response, next) =>
      wantsBasic(request, response, () => {
        const link = `<http://${evil.host}${request.url}>; rel="next"`;
        if (request.url?.includes('/referrers/') === true)
          return answering(200, { 'content-type': INDEX, link, 'set-cookie': 'a=b' }, page)(request, response, next);
        next();
      }),
    );
    const { faults } = await clientOf(registry).referrers(digest, signal);
    assert.equal(faults.length, 1);
    assert.deepEqual(evil.requests, []);
    assert.ok(registry.requests.every(({ headers }) => headers.cookie === undefined));
  });

  it('over TLS is not answered without it: a redirect from https to http is refused', async () => {
    const plain = await FakeRegistry.start();
    const told: string[] = [];
    const secure = await startTls((request, response) => {
      told.push(request.headers.authorization ?? '');
      response.writeHead(307, { location: `http://${plain.host}/x` }).end();
    });
    const transport = transportOf({ caFiles: [secure.caFile] });
    const ask = transport.ask(new URL(`${secure.origin}/x`), { secretHeaders: { authorization: BASIC } });
    await assert.rejects(ask, coded('SOURCE_UNAVAILABLE', /redirects from https to http/));
    assert.deepEqual([told, plain.requests], [[BASIC], []]);
  });

  it('of a proxy is answered with its own credential, which nobody else gets', async () => {
    const secret = `Basic ${Buffer.from('proxy:secret').toString('base64')}`;
    const proxy = await startProxy(secret);
    const direct = await FakeRegistry.start();
    direct.handler = answering(200, {}, 'directly');
    for (const address of [`http://proxy:secret@${proxy.host}`, `proxy:secret@${proxy.host}`]) {
      const transport = transportOf({ proxy: { http: address, noProxy: direct.host } });
      const answer = await transport.ask(new URL('http://far.example/x'), { secretHeaders: { authorization: BASIC } });
      assert.equal(answer.status, 200);
      await answer.body.dump();
      await (await transport.ask(new URL(`http://${direct.host}/`))).body.dump();
    }
    assert.deepEqual(proxy.asked, [secret, secret]);
    assert.deepEqual(learnt(direct), []);
  });
});

describe('15.19: a server that breaks off', () => {
  async function fetched(handler: Handler): Promise<{ bytes: Buffer; sent: number; requests: number }> {
    const server = await FakeRegistry.start();
    server.handler = handler;
    const pieces: Buffer[] = [];
    let sent = 0;
    const transport = transportOf();
    await download(
      {
        offset: 0,
        sink: (chunk) => {
          sent += chunk.length;
          pieces.push(Buffer.from(chunk));
        },
        restart: () => void pieces.splice(0),
        open: (headers) => transport.ask(new URL(`http://${server.host}/file`), { headers, signal }),
        refusal: (answer) => refusalOf(answer, { what: 'file' }),
      },
      { signal, sleep: async () => {} },
    ).catch((error) => {
      throw Object.assign(error, { sent, requests: server.requests.length });
    });
    return { bytes: Buffer.concat(pieces), sent, requests: server.requests.length };
  }

  const bounded = (error: unknown) => {
    const { sent } = error as { sent: number };
    assert.ok(sent <= 4 * BLOB.length, `${sent} bytes of ${BLOB.length}`);
    return coded('SOURCE_UNAVAILABLE', /breaks off without a way to go on|broke off|resumed/)(error);
  };

  it('and has no Range is asked a few times from the beginning, and no more', async () => {
    await assert.rejects(fetched(breakingOff(BLOB, () => 200_000, 'none')), bounded);
    await assert.rejects(fetched(breakingOff(BLOB, (turn) => 200_000 + turn * 1000, 'none')), bounded);
    await assert.rejects(fetched(breakingOff(BLOB, (turn) => 250_000 - turn * 1000, 'none')), bounded);
    const lucky = await fetched(breakingOff(BLOB, (turn) => (turn < 2 ? 100_000 : BLOB.length), 'none'));
    assert.ok(lucky.bytes.equals(BLOB));
  });

  it('and knows one form of Range only goes on with that', async () => {
    for (const form of ['open', 'closed'] as const) {
      const { bytes, sent } = await fetched(breakingOff(BLOB, () => 70_000, form));
      assert.ok(bytes.equals(BLOB));
      assert.ok(sent < BLOB.length + 200_000, `${form}: ${sent}`);
    }
  });

  it('and answers a Range with an error is begun anew', async () => {
    for (const status of [400, 405, 416, 501]) {
      let turn = 0;
      const { bytes } = await fetched((request, response, next) => {
        if (request.headers.range !== undefined) return answering(status)(request, response, next);
        breakingOff(BLOB, () => (turn++ === 0 ? 100_000 : BLOB.length), 'none')(request, response, next);
      });
      assert.ok(bytes.equals(BLOB));
    }
  });

  it('and goes on at another place, for ever, is given up', async () => {
    for (const range of ['bytes 0-9/10', 'bytes 5-299999/300000', 'bytes */300000', 'nonsense', undefined]) {
      const wrong = fetched((request, response, next) => {
        if (request.headers.range === undefined)
          return breakingOff(BLOB, () => 100_000, 'none')(request, response, next);
        response.writeHead(206, range === undefined ? {} : { 'content-range': range }).end('x'.repeat(10));
      });
      await assert.rejects(wrong, bounded);
    }
  });

  it('and has another version each time is given up, and one that changed once is fetched whole', async () => {
    const versions = (header: string, value: (turn: number) => string, breaks: (turn: number) => number): Handler => {
      let turn = 0;
      return (request, response) => {
        const now = value(turn);
        const same = request.headers['if-range'] === undefined || request.headers['if-range'] === now;
        const start = same ? Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0) : 0;
        const body = Buffer.alloc(BLOB.length, now).subarray(start);
        const range = { 'content-range': `bytes ${start}-${BLOB.length - 1}/${BLOB.length}` };
        response.writeHead(start > 0 ? 206 : 200, {
          [header]: now,
          'content-length': body.length,
          ...(start > 0 ? range : {}),
        });
        const most = breaks(turn++);
        if (most >= body.length) response.end(body);
        else response.write(body.subarray(0, most), () => setImmediate(() => response.destroy()));
      };
    };
    for (const [header, one, two] of [
      ['etag', '"one"', '"two"'],
      ['etag', 'W/"one"', 'W/"two"'],
      ['last-modified', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Mon, 07 Nov 1994 08:49:37 GMT'],
    ] as const) {
      const once = await fetched(
        versions(
          header,
          (turn) => (turn === 0 ? one : two),
          (turn) => (turn < 2 ? 90_000 : 1e9),
        ),
      );
      assert.ok(once.bytes.equals(Buffer.alloc(BLOB.length, two)), header);
      await assert.rejects(
        fetched(
          versions(
            header,
            (turn) => `"${turn}"`,
            () => 90_000,
          ),
        ),
        bounded,
      );
    }
  });
});

describe('15.21: what is small is tried again as what is large is', () => {
  async function tokenFrom(handler: Handler) {
    const tokens = await FakeRegistry.start();
    const good = answering(200, {}, '{"access_token":"token","token":""}');
    tokens.handler = (request, response, next) => handler(request, response, () => good(request, response, next));
    const { registry, digest } = await serving(wantsToken(() => `http://${tokens.host}/token`));
    return clientOf(registry).manifest(digest, signal);
  }
  const cutShort: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('{"tok', () => setImmediate(() => response.destroy()));
  };

  it('a token', async () => {
    for (const fault of [resetting, cutShort, answering(503), answering(429, { 'retry-after': '1' }), answering(500)])
      await tokenFrom(times(2, fault));
    await assert.rejects(tokenFrom(answering(500)), coded('SOURCE_UNAVAILABLE', /token server/));
  });

  it('a manifest, referrers, a small blob', async () => {
    for (const fault of [resetting, cutShort, answering(502), answering(408)]) {
      for (const pattern of [/manifests/, /referrers/, /blobs/]) {
        // A blob of another length than its descriptor's is no fault of the network.
        if (fault === cutShort && pattern.source === 'blobs') continue;
        const { registry, digest } = await serving(when(pattern, times(3, fault)));
        const client = clientOf(registry);
        await client.manifest(digest, signal);
        assert.deepEqual((await client.referrers(digest, signal)).faults, []);
        assert.ok((await readBlob(client, BLOB)).equals(BLOB));
      }
    }
  });

  it('the documents of a TUF repository', async () => {
    const server = await FakeRegistry.start();
    server.handler = times(2, resetting);
    const source = { mirror: `http://${server.host}/`, root: undefined } as unknown as Parameters<
      typeof fetchTrustedRoot
    >[0];
    await assert.rejects(
      fetchTrustedRoot(source, transportOf(), signal),
      coded('SIGNATURE_INVALID', /timestamp\.json/),
    );
    assert.ok(server.requests.length >= 4);
  });

  it('a blob that is not there right after its manifest, which is 75 and not 65 when it never comes', async () => {
    const { registry, digest } = await serving(when(/blobs/, times(3, answering(404))));
    const pauses: number[] = [];
    const client = clientOf(registry, {}, { pauses });
    await client.manifest(digest, signal);
    assert.ok((await readBlob(client, BLOB)).equals(BLOB));
    assert.equal(pauses.length, 3);
    registry.handler = when(/blobs/, answering(404));
    registry.requests.length = 0;
    await assert.rejects(readBlob(clientOf(registry), BLOB), coded('SOURCE_UNAVAILABLE', /404/));
    assert.equal(registry.requests.length, 4);
    // A thousand names that lead nowhere are not worth an hour.
    const patient = clientOf(registry);
    registry.requests.length = 0;
    for (let i = 0; i < 20; i++) await assert.rejects(readBlob(patient, Buffer.from(`${i}`)));
    assert.ok(registry.requests.length < 40, `${registry.requests.length}`);
    // A name that a person gave is told at once.
    registry.requests.length = 0;
    await assert.rejects(patient.manifest('nothing', signal), coded('FILE_MISSING'));
    assert.equal(registry.requests.length, 1);
  });
});

describe('15.21: a server says', () => {
  it('403 behind a redirect: that is the storage, and its address is signed anew', async () => {
    const storage = await FakeRegistry.start();
    const { registry } = await serving(
      redirecting((path) => `http://${storage.host}${path}?X-Amz-Signature=${PASSWORD}`),
    );
    const denied = answering(403, {}, '<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code></Error>');
    storage.handler = denied;
    const refused = coded(
      'SOURCE_UNAVAILABLE',
      /the storage that .* redirects to answered 403 \(RequestTimeTooSkewed\).*play no part/,
    );
    await assert.rejects(readBlob(clientOf(registry), BLOB), refused);
    storage.handler = times(2, denied);
    storage.blobs.set(registry.blobs.keys().next().value ?? '', BLOB);
    for (const [name, bytes] of registry.blobs) storage.blobs.set(name, bytes);
    assert.ok((await readBlob(clientOf(registry), BLOB)).equals(BLOB));
    registry.handler = answering(403);
    await assert.rejects(readBlob(clientOf(registry), BLOB), coded('SOURCE_UNAVAILABLE', /credentials are known, but/));
  });

  it('Retry-After of hours: a rate limit, at once', async () => {
    const date = (seconds: number) => new Date(Date.parse('2026-01-01T00:00:00Z') + seconds * 1000).toUTCString();
    for (const [after, said] of [
      ['21600', /rate limit: it asks to wait 6 h/],
      [date(7200), /rate limit: it asks to wait 2 h/],
      ['99999999999', /rate limit: it asks to wait \d+ days/],
      ['600', /rate limit: it asks to wait 10 min/],
    ] as const) {
      for (const status of [429, 503]) {
        const { registry, digest } = await serving(answering(status, { 'retry-after': after, date: date(0) }));
        const pauses: number[] = [];
        await assert.rejects(
          clientOf(registry, {}, { pauses }).manifest(digest, signal),
          coded('SOURCE_UNAVAILABLE', said),
        );
        assert.deepEqual(pauses, []);
        assert.equal(registry.requests.length, 1);
      }
    }
    const { registry, digest } = await serving(times(1, answering(429, { 'retry-after': date(20), date: date(0) })));
    const pauses: number[] = [];
    await clientOf(registry, {}, { pauses }).manifest(digest, signal);
    assert.deepEqual(pauses, [20_000]);
  });

  it('nothing for longer than --response-timeout', async () => {
    const { registry } = await serving(() => {});
    const silent = transportOf({ responseTimeout: 200 }).ask(new URL(`http://${registry.host}/`));
    await assert.rejects(silent, coded('SOURCE_UNAVAILABLE', /HEADERS_TIMEOUT.*--response-timeout/));
  });

  it('407 is the proxy, by name, and no secret of it', async () => {
    const proxy = await startProxy('Basic x');
    const transport = transportOf({
      proxy: { http: `me:${PASSWORD}@${proxy.host}`, https: `http://me:${PASSWORD}@${proxy.host}`, noProxy: '' },
    });
    for (const scheme of ['http', 'https']) {
      const expected = new RegExp(`the proxy ${proxy.host} answered 407.*user and a password`);
      await assert.rejects(transport.ask(new URL(`${scheme}://far.example/x`)), coded('SOURCE_UNAVAILABLE', expected));
    }
    const gone = transportOf({ proxy: { https: '127.0.0.1:1', noProxy: '' } });
    await assert.rejects(
      gone.ask(new URL('https://far.example/')),
      coded('SOURCE_UNAVAILABLE', /ECONNREFUSED through the proxy 127\.0\.0\.1:1/),
    );
    // A password with a percent sign that encodes nothing is one all the same.
    const percent = transportOf({ proxy: { https: `http://me:100%@${proxy.host}`, noProxy: '' } });
    await assert.rejects(percent.ask(new URL('https://far.example/')), coded('SOURCE_UNAVAILABLE', /407/));
    assert.equal(proxy.asked.at(-1), `Basic ${Buffer.from('me:100%').toString('base64')}`);
    for (const bad of ['ftp://x', 'http://', `:${PASSWORD}:`, 'http://a b']) {
      const broken = transportOf({ proxy: { https: bad, noProxy: '' } });
      await assert.rejects(broken.ask(new URL('https://far.example/')), coded('CONFIG_INVALID', /HTTPS_PROXY/));
    }
  });

  it('nothing to CONNECT for longer than --response-timeout, if it is a proxy', async () => {
    const server = createServer().on('connect', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    after(() => {
      server.closeAllConnections();
      server.close();
    });
    const https = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = transportOf({ proxy: { https, noProxy: '' }, responseTimeout: 200 });
    const expected = new RegExp(`TIMEOUT through the proxy ${https}`);
    await assert.rejects(transport.ask(new URL('https://far.example/')), coded('SOURCE_UNAVAILABLE', expected));
  });

  it('that it stores a blob encoded, and the digest is of that', async () => {
    const packed = gzipSync(BLOB);
    const { registry, digest } = await serving();
    registry.blobs.set(sha256(packed), packed);
    registry.handler = (_request, response, next) => {
      response.setHeader('content-encoding', 'gzip');
      next();
    };
    assert.ok((await readBlob(clientOf(registry), packed)).equals(packed));
    await assert.rejects(clientOf(registry).manifest(digest, signal), coded('SOURCE_UNAVAILABLE', /Content-Encoding/));
    // What encodes on its way sends another length, or other bytes: never what was asked for.
    registry.handler = (_request, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed);
    await assert.rejects(
      readBlob(clientOf(registry), BLOB),
      coded('DIGEST_MISMATCH', /promised length.*switch that off/),
    );
  });
});

describe('15.20: one place of signatures', () => {
  const entry = (n: number) => ({ mediaType: 'x', digest: `sha256:${n.toString(16).padStart(64, '0')}`, size: 1 });
  const list = (manifests: unknown) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });

  it('that does not answer leaves the others to be looked at', async () => {
    for (const status of [400, 401, 403, 404, 405, 406, 500, 501]) {
      const { registry, digest } = await serving();
      registry.addManifest(Buffer.from(list([entry(1)])), digest.replace(':', '-'), INDEX);
      registry.handler = when(/referrers/, answering(status));
      const { descriptors, faults } = await clientOf(registry).referrers(digest, signal);
      assert.equal(descriptors.length, 1, `${status}`);
      assert.equal(faults.length, [401, 403, 500].includes(status) ? 1 : 0, `${status}`);
    }
  });

  it('that lists null, or entries that nobody understands, hides nothing', async () => {
    const { registry, digest } = await serving();
    const sha512 = { mediaType: 'x', digest: `sha512:${'a'.repeat(128)}`, size: 1 };
    const read = (body: string) => {
      registry.handler = when(/referrers/, answering(200, { 'content-type': INDEX }, body));
      return clientOf(registry).referrers(digest, signal);
    };
    const some = await read(list([sha512, null, 5, entry(1), { ...entry(2), annotations: 5 }, entry(3)]));
    assert.deepEqual([some.descriptors.length, some.faults.length], [2, 1]);
    registry.addManifest(Buffer.from(list([entry(7)])), digest.replace(':', '-'), INDEX);
    for (const empty of [list(null), list([])]) {
      const { descriptors, faults } = await read(empty);
      assert.deepEqual([descriptors.length, faults], [1, []]);
    }
    for (const broken of [list({}), '[]', 'x', '{}']) {
      const { descriptors, faults } = await read(broken);
      assert.deepEqual([descriptors.length, faults.map(({ code }) => code)], [1, ['UNSAFE_ENTRY']]);
    }
  });

  it('on the first page is there although the second page fails', async () => {
    const { registry, digest } = await serving();
    registry.handler = when(/referrers/, (request, response, next) =>
      request.url?.includes('page2') === true
        ? answering(403)(request, response, next)
        : answering(200, { 'content-type': INDEX, link: `<${request.url}?page2>; rel="next"` }, list([entry(1)]))(
            request,
            response,
            next,
          ),
    );
    const { descriptors, faults } = await clientOf(registry).referrers(digest, signal);
    assert.deepEqual([descriptors.length, faults.map(({ code }) => code)], [1, ['SOURCE_UNAVAILABLE']]);
  });

  it('at a mirror that has none is looked up at the registry', async () => {
    const { registry, digest } = await serving();
    const mirror = await FakeRegistry.start();
    mirror.handler = when(/referrers/, answering(200, { 'content-type': INDEX }, list([])));
    registry.handler = when(/referrers/, answering(200, { 'content-type': INDEX }, list([entry(1)])));
    const client: Repository = clientOf(registry, { mirrors: new Map([[registry.host, [mirror.host]]]) });
    assert.equal((await client.referrers(digest, signal)).descriptors.length, 1);
    mirror.handler = answering(403);
    assert.deepEqual((await client.referrers(digest, signal)).faults, []);
  });
});

describe('15.20: what is stored as signatures', () => {
  const SIMPLE = 'application/vnd.dev.cosign.simplesigning.v1+json';
  const subjectOf = (digest: string) => ({ mediaType: MANIFEST, digest, size: 1 });

  /**
   * An artifact with a signature under its tag, one as a referrer that is listed in a tag, and one
   * attestation.
   */
  async function signed() {
    const { registry, digest } = await serving();
    const layer = (text: string) => ({ mediaType: SIMPLE, bytes: Buffer.from(text) });
    registry.add([layer('of the tag sig')], `${digest.replace(':', '-')}.sig`);
    registry.add([layer('of the tag att')], `${digest.replace(':', '-')}.att`);
    const artifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
    const referrer = registry.add([layer('of a referrer')], 'r', { artifactType, subject: subjectOf(digest) });
    const manifests = [{ mediaType: MANIFEST, digest: referrer, size: 1, artifactType }];
    const list = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
    registry.addManifest(Buffer.from(list), digest.replace(':', '-'), INDEX);
    const stored = async (handler: Handler) => {
      registry.handler = handler;
      const { layers, unread } = await storedSignatures(clientOf(registry), digest, signal);
      return {
        texts: layers.map(({ bytes }) => Buffer.from(bytes).toString('utf8')),
        codes: unread.map(({ failure }) => failure.code),
      };
    };
    return { registry, digest, referrer, stored };
  }
  const ALL = ['of a referrer', 'of the tag sig', 'of the tag att'];
  const without = (text: string) => ALL.filter((one) => one !== text);

  it('is found at each place, whatever another one answers', async () => {
    const { digest, referrer, stored } = await signed();
    const hex = digest.slice('sha256:'.length);
    const blob = (text: string) => sha256(text).slice('sha256:'.length);
    assert.deepEqual(await stored((_request, _response, next) => next()), { texts: ALL, codes: [] });
    for (const [pattern, lost] of [
      [new RegExp(`${hex}\\.sig`), 'of the tag sig'],
      [new RegExp(`${hex}\\.att`), 'of the tag att'],
      [new RegExp(`manifests/sha256-${hex}$`), 'of a referrer'],
      [new RegExp(referrer), 'of a referrer'],
      [new RegExp(blob('of a referrer')), 'of a referrer'],
      [new RegExp(blob('of the tag sig')), 'of the tag sig'],
    ] as const) {
      for (const status of [401, 403, 500, 501]) {
        const { texts, codes } = await stored(when(pattern, answering(status)));
        assert.deepEqual([texts, codes], [without(lost), ['SOURCE_UNAVAILABLE']], `${pattern} ${status}`);
      }
      const garbage = answering(200, { 'content-type': MANIFEST }, '{"schemaVersion":2,"manifests":null}');
      const { texts, codes } = await stored(when(pattern, garbage));
      assert.deepEqual(texts, without(lost), `${pattern}`);
      // An empty list is a list; anything else that should have been a manifest is the content's
      // fault.
      const isList = pattern.source.endsWith('$');
      assert.ok(
        codes.every((code) => code !== 'SOURCE_UNAVAILABLE') && codes.length === (isList ? 0 : 1),
        `${pattern}`,
      );
    }
  });

  it('and is named by something but not there is the fault of who wrote it: 65', async () => {
    const { referrer, stored } = await signed();
    for (const missing of [referrer, sha256('of a referrer')]) {
      const { texts, codes } = await stored(when(new RegExp(missing), answering(404)));
      assert.deepEqual([texts, codes], [without('of a referrer'), ['FILE_MISSING']]);
    }
  });

  it('by the thousand is read up to a limit, and a registry that answers nothing is not asked for ever', async () => {
    const { registry, digest, stored } = await signed();
    const artifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
    const manifests = Array.from({ length: 900 }, (_, i) => {
      const name = sha256(`${i}`);
      return { mediaType: MANIFEST, digest: name, size: 1, artifactType };
    });
    const list = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
    registry.addManifest(Buffer.from(list), digest.replace(':', '-'), INDEX);
    registry.requests.length = 0;
    const { codes } = await stored(when(/manifests\/sha256:/, answering(503)));
    assert.equal(codes.length, 8);
    assert.ok(registry.requests.length < 80);
  });

  it('decides about 65 and 75 only when the requirement is not met', () => {
    const tooFew = {
      code: 'SIGNATURE_MISSING',
      message: 'no signature that counts',
      expected: 'x',
      found: 'none',
    } as const;
    const place = (code: Failure['code']) => ({ where: code, failure: { code, message: `m-${code}` } });
    for (const [codes, expected] of [
      [[], 'SIGNATURE_MISSING'],
      [['SOURCE_UNAVAILABLE'], 'SOURCE_UNAVAILABLE'],
      [['TIMEOUT', 'SOURCE_UNAVAILABLE'], 'TIMEOUT'],
      [['UNSAFE_ENTRY'], 'SIGNATURE_MISSING'],
      [['SOURCE_UNAVAILABLE', 'DIGEST_MISMATCH'], 'SIGNATURE_MISSING'],
      [['LIMIT_EXCEEDED', 'SOURCE_UNAVAILABLE'], 'SIGNATURE_MISSING'],
      [['FILE_MISSING'], 'SIGNATURE_MISSING'],
    ] as const) {
      const failure = perhapsElsewhere(tooFew, codes.map(place));
      assert.equal(failure.code, expected, codes.join());
      for (const code of codes) assert.match(`${failure.message} ${failure.found}`, new RegExp(`m-${code}`));
    }
    assert.throws(() => unreadPlace('x', new WeighlockError({ code: 'CONFIG_INVALID', message: 'x' })));
  });
});

describe('15.22: files with credentials', () => {
  const folder = workFolder();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  mkdirSync(join(folder, 'is-a-folder'));
  const good = file('good', JSON.stringify({ auths: {} }));
  const broken = file('broken', `{"auths": ${PASSWORD}`);

  it('of the usual places are read when a registry wants credentials, and not before', async () => {
    const { registry, digest } = await serving();
    for (const usual of [broken, join(folder, 'is-a-folder'), join(folder, 'nothing'), '/dev/null/x']) {
      registry.handler = (_request, _response, next) => next();
      const client = clientOf(registry, { credentials: { named: [good], usual: [usual] } });
      await client.manifest(digest, signal);
      registry.handler = wantsBasic;
      const isBad = usual === broken || usual.endsWith('folder');
      const code = isBad ? 'CONFIG_INVALID' : 'SOURCE_UNAVAILABLE';
      await assert.rejects(client.manifest(digest, signal), coded(code));
      // What was named, or given, is enough.
      const named = file(
        'named',
        JSON.stringify({ auths: { [registry.host]: { username: USER, password: PASSWORD } } }),
      );
      await clientOf(registry, { credentials: { named: [named], usual: [usual] } }).manifest(digest, signal);
    }
  });

  it('that were named must be there before anything is asked for', async () => {
    const { registry } = await serving();
    for (const named of [broken, join(folder, 'is-a-folder'), join(folder, 'nothing')])
      assert.throws(() => clientOf(registry, { credentials: { named: [named], usual: [] } }), coded('CONFIG_INVALID'));
    assert.deepEqual(registry.requests, []);
  });
});
