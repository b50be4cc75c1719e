// Issue 18: servers, hubs and buckets that lie to `weighlock inspect`.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, describe, it } from 'node:test';
import { safetensors } from '../content/build.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { CLOUDS } from '../store/buckets.ts';
import { FakeHub } from '../store/hub.ts';
import { command } from './in-process.ts';

const BYTES = 1 << 20;
const WEIGHTS = safetensors({ w: { dtype: 'U8', shape: [BYTES], data_offsets: [0, BYTES] } }, Buffer.alloc(BYTES));

interface Part {
  readonly first: number;
  readonly last: number;
  /** How many of the file were asked for before. */
  readonly before: number;
  /** What the honest server says of the version. */
  readonly etag: string;
}

/** What a server sends in the place of a part, and what is said of it. */
interface Lie {
  readonly name: string;
  readonly says: RegExp;
  /** What it ends with; 75 if not given. */
  readonly status?: number;
  /** @returns false for an honest answer */
  send(response: ServerResponse, part: Part): boolean;
}

/** As each kind of server says it. */
const versions = (etag: string) => ({ etag, 'x-goog-generation': etag });

function answer(response: ServerResponse, { first, last, etag }: Part, bytes: Buffer, headers = {}, status = 206) {
  const range = `bytes ${first}-${last}/${WEIGHTS.length}`;
  response
    .writeHead(status, { 'content-length': bytes.length, ...versions(etag), 'content-range': range, ...headers })
    .end(bytes);
  return true;
}

const asked = ({ first, last }: Part) => WEIGHTS.subarray(first, last + 1);
const total = (to: number | string, { first, last }: Part) => ({ 'content-range': `bytes ${first}-${last}/${to}` });

const LIES: readonly Lie[] = [
  {
    name: 'fewer bytes than the range',
    says: /ended 1 bytes before the end of a range/,
    send: (response, part) => answer(response, part, asked(part).subarray(1)),
  },
  {
    name: 'more bytes than the range',
    says: /more than \d+ bytes/,
    status: 65,
    send: (response, part) => answer(response, part, Buffer.concat([asked(part), Buffer.alloc(1 << 20)])),
  },
  {
    name: 'another range',
    says: /resumed at byte 1, not 0/,
    send: (response, part) =>
      answer(response, part, asked(part), { 'content-range': `bytes 1-${part.last + 1}/${WEIGHTS.length}` }),
  },
  {
    name: 'a range without what it is of',
    says: /without one usable Content-Range/,
    send: (response, part) => answer(response, part, asked(part), { 'content-range': 'bytes 0-1/*' }),
  },
  {
    name: 'a whole that no number holds',
    says: /without one usable Content-Range/,
    send: (response, part) => part.before === 0 && answer(response, part, asked(part), total('9'.repeat(16), part)),
  },
  {
    name: 'several parts in one body',
    says: /without one usable Content-Range/,
    send: (response, { etag }) => {
      response
        .writeHead(206, { 'content-type': 'multipart/byteranges; boundary=x', ...versions(etag) })
        .end('--x\r\n\r\n--x--');
      return true;
    },
  },
  {
    name: 'everything',
    says: /answered 200/,
    send: (response, { etag }) => {
      response.writeHead(200, { 'content-length': WEIGHTS.length, ...versions(etag) }).end(WEIGHTS);
      return true;
    },
  },
  {
    name: 'a whole of another size, later',
    says: /bytes now, not/,
    send: (response, part) => part.before > 0 && answer(response, part, asked(part), total(WEIGHTS.length + 1, part)),
  },
];

/** All ways go through one check. */
const OF_STORES = LIES.filter(({ name }) => /more|everything|several|later/.test(name));

/** A lie by servers that give versions, over HTTPS. */
const REPLACED: Lie = {
  name: 'another version, later',
  says: /replaced/,
  send: (response, part) => part.before > 0 && answer(response, part, asked(part), { etag: '"another"' }),
};

function lied(lie: Lie, isPart: (request: IncomingMessage) => boolean, etag: () => string | undefined) {
  let before = 0;
  return (request: IncomingMessage, response: ServerResponse, next: () => void) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (first === undefined || last === undefined || !isPart(request)) return next();
    const part = { first: Number(first), last: Number(last), before: before++, etag: etag() ?? '"7"' };
    if (!lie.send(response, part)) answer(response, part, asked(part));
  };
}

async function refused(
  words: readonly string[],
  environment: Record<string, string>,
  { says, status: wanted = 75 }: Lie,
) {
  const { status, stdout, stderr } = await command(['inspect', ...words], environment);
  assert.equal(status, wanted, stdout + stderr);
  assert.match(stderr, says);
  assert.equal(stdout, '');
}

describe('18: weighlock inspect of a server that lies', () => {
  for (const lie of [...LIES, REPLACED]) {
    it(`over HTTP: ${lie.name}`, async () => {
      const server = await FakeRegistry.start();
      server.handler = lied(
        lie,
        () => true,
        () => '"7"',
      );
      await refused([`http://${server.host}/m.safetensors`, '--plain-http', server.host], {}, lie);
    });
  }

  for (const cloud of CLOUDS) {
    it(`${cloud.name}: the same`, async () => {
      for (const lie of OF_STORES) {
        const fake = await cloud.start();
        after(() => fake.close());
        cloud.put(fake, { 'llama/m.safetensors': WEIGHTS });
        const tag = () => cloud.versionOf(fake, 'llama/m.safetensors');
        fake.handler = lied(lie, (request) => cloud.isRead(`${request.method} ${request.url}`, request.headers), tag);
        await refused([cloud.source(fake, 'llama/'), '--plain-http', fake.host], fake.environment, lie);
      }
    });
  }

  it('hf://: the same', async () => {
    for (const lie of OF_STORES) {
      const fake = await FakeHub.start();
      after(() => fake.close());
      fake.add('acme/model', { 'm.safetensors': WEIGHTS });
      fake.handler = lied(
        lie,
        ({ url = '' }) => url.includes('/resolve/'),
        () => undefined,
      );
      await refused(['hf://acme/model', '--plain-http', fake.host], fake.environment, lie);
    }
  });

  it('a redirect gets no credential, and what is printed has no secret', async () => {
    const storage = await FakeRegistry.start();
    const honest: Lie = { name: '', says: /./, send: () => false };
    storage.handler = lied(
      honest,
      () => true,
      () => '"7"',
    );
    const server = await FakeRegistry.start();
    server.handler = (_request, response) =>
      void response.writeHead(302, { location: `http://${storage.host}/x?sig=hunter4` }).end();
    const url = `http://user:hunter2@${server.host}/m.safetensors?token=hunter3`;
    for (const format of ['text', 'json', 'cyclonedx']) {
      const ended = await command(['inspect', url, '--plain-http', server.host, '--format', format]);
      assert.equal(ended.status, 0, ended.stderr);
      assert.doesNotMatch(ended.stdout + ended.stderr, /hunter/);
    }
    assert.ok(server.requests.every(({ headers }) => headers.authorization !== undefined));
    assert.ok(storage.requests.length > 2);
    assert.ok(storage.requests.every(({ headers }) => headers.authorization === undefined));
    storage.handler = (_request, response) => void response.writeHead(403).end();
    const ended = await command(['inspect', url, '--plain-http', server.host]);
    assert.equal(ended.status, 75);
    assert.doesNotMatch(ended.stdout + ended.stderr, /hunter/);
  });

  it('an empty file, and an empty signature, are looked at', async () => {
    const server = await FakeRegistry.start();
    server.handler = (_request, response) => void response.writeHead(416, { 'content-range': 'bytes */0' }).end();
    const ended = await command(['inspect', `http://${server.host}/m`, '--plain-http', server.host]);
    assert.equal(ended.status, 0, ended.stderr);
    for (const cloud of CLOUDS) {
      const fake = await cloud.start();
      after(() => fake.close());
      cloud.put(fake, { 'llama/model.sig': '', 'llama/a.txt': 'text' });
      const words = ['inspect', cloud.source(fake, 'llama/'), '--plain-http', fake.host];
      const { status, stdout, stderr } = await command(words, fake.environment);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /signature model\.sig/);
    }
  });

  it('hides nothing in names, whatever the format', async () => {
    const fake = await FakeHub.start();
    after(() => fake.close());
    fake.add('acme/model', { 'a\u009b2J\u202e.txt': 'text', 'b.json': '{"architectures":["\u009b\u202e"]}' });
    for (const format of ['text', 'json', 'cyclonedx']) {
      const words = ['inspect', 'hf://acme/model', '--plain-http', fake.host, '--format', format];
      const { status, stdout, stderr } = await command(words, fake.environment);
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stdout + stderr, /[\u0080-\u009f\u202e]/);
      if (format === 'json') assert.match(JSON.stringify(JSON.parse(stdout)), /a\u009b2J\u202e\.txt/);
    }
  });

  it('takes no more bytes and no more time than it may', async () => {
    const fake = await FakeHub.start();
    after(() => fake.close());
    fake.add('acme/model', { 'm.safetensors': WEIGHTS });
    const words = ['inspect', 'hf://acme/model', '--plain-http', fake.host];
    const large = await command([...words, '--max-bytes', '1k'], fake.environment);
    assert.equal(large.status, 65);
    assert.match(large.stderr, /LIMIT_EXCEEDED.*--max-bytes/s);
    fake.handler = () => {};
    const slow = await command([...words, '--timeout', '1s'], fake.environment);
    assert.equal(slow.status, 75);
    assert.match(slow.stderr, /TIMEOUT.*not finished within 1 s/s);
  });
});
