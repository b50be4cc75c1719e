// What a hub may answer instead of a listing.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { Transport } from '../../src/registry/index.ts';
import {
  type Inventory,
  openStore,
  parseStoreLocation,
  type StoredFile,
  storeSettings,
} from '../../src/store/index.ts';
import { FakeHub, type Handler, refuse, sendJson } from '../store/hub.ts';

const NONE = { include: [], exclude: [] };

async function hub(handler: Handler): Promise<FakeHub> {
  const fake = await FakeHub.start();
  after(() => fake.close());
  fake.add('acme/model', { 'a.txt': 'abc' });
  fake.handler = handler;
  return fake;
}

async function withStore<T>(
  fake: FakeHub,
  action: (store: ReturnType<typeof openStore>) => Promise<T>,
  maxFiles = 200,
  sleep: (milliseconds: number) => Promise<void> = async () => {},
): Promise<T> {
  const transport = new Transport({ proxy: { noProxy: '' }, caFiles: [], plainHttp: [fake.host] });
  const tools = { transport, notice: () => {}, maxFiles, sleep };
  const store = openStore(parseStoreLocation('hf', 'hf://acme/model', NONE), storeSettings(fake.environment), tools);
  return action(store).finally(() => transport.close());
}

const list = (fake: FakeHub, maxFiles?: number): Promise<Inventory> =>
  withStore(fake, (store) => store.inventory(new AbortController().signal), maxFiles);

describe('a hub that', () => {
  const tree =
    (...entries: object[]): Handler =>
    (request, response, next) =>
      /\/tree\//.test(request.url ?? '') ? sendJson(response, entries) : next();
  const entry = (path: string, more: object = {}) => ({ type: 'file', path, size: 3, oid: 'a'.repeat(40), ...more });
  const answering =
    (pattern: RegExp, status: number, code: string): Handler =>
    (request, response, next) =>
      pattern.test(request.url ?? '') ? refuse(response, status, code) : next();

  for (const [what, handler, status, code, text] of [
    ['names a file above', tree(entry('../x')), 65, 'UNSAFE_ENTRY', /leads out/],
    ['names an absolute path', tree(entry('/etc/passwd')), 65, 'UNSAFE_ENTRY', /absolute/],
    ['names a path with an empty part', tree(entry('a//b')), 65, 'UNSAFE_ENTRY', /shortest form/],
    ['names a path with a dot in front', tree(entry('./a')), 65, 'UNSAFE_ENTRY', /shortest form/],
    ['names a control character', tree(entry('a\u0007b')), 65, 'UNSAFE_ENTRY', /control character/],
    ['names half a character', tree(entry('a\ud800')), 65, 'UNSAFE_ENTRY', /Unicode/],
    ['names a file of 1024 bytes', tree(entry('x'.repeat(1024))), 65, 'UNSAFE_ENTRY', /longer than 255/],
    ['names one file twice', tree(entry('a'), entry('a')), 65, 'UNSAFE_ENTRY', /twice/],
    ['names two files that differ in case', tree(entry('A'), entry('a')), 65, 'UNSAFE_ENTRY', /only in case/],
    [
      'names two files that differ in form',
      tree(entry('\u00e9'), entry('e\u0301')),
      65,
      'UNSAFE_ENTRY',
      /Unicode form/,
    ],
    ['names a file that is a folder, too', tree(entry('a'), entry('a/b')), 65, 'UNSAFE_ENTRY', /folder of another/],
    [
      'gives a size below nothing',
      tree(entry('a', { size: -1 })),
      75,
      'SOURCE_UNAVAILABLE',
      /without a name or a size/,
    ],
    ['gives no identity', tree(entry('a', { oid: 'x' })), 75, 'SOURCE_UNAVAILABLE', /identifies/],
    ['is no list', (_, response) => sendJson(response, { error: 'x' }), 75, 'SOURCE_UNAVAILABLE', /which commit/],
    [
      'is gated',
      answering(/./, 403, 'GatedRepo'),
      75,
      'SOURCE_UNAVAILABLE',
      /gated.*accept them at http.*acme\/model/s,
    ],
    ['is not there', answering(/./, 404, 'RepoNotFound'), 75, 'SOURCE_UNAVAILABLE', /no repository acme\/model/],
    [
      'does not have the revision',
      answering(/./, 404, 'RevisionNotFound'),
      75,
      'SOURCE_UNAVAILABLE',
      /no revision main/,
    ],
  ] as [string, Handler, number, string, RegExp][])
    it(`18: ${what} is refused with ${code}`, async () => {
      const fake = await hub(handler);
      await assert.rejects(list(fake), (error) => {
        assert.ok(error instanceof WeighlockError);
        assert.deepEqual([error.exitCode, error.code], [status, code]);
        assert.match(`${error.message} ${error.remedy}`, text);
        return true;
      });
    });

  it('18: limits requests is asked again when it says, and for no longer than there are tries', async () => {
    const slept: number[] = [];
    const limited = (response: Parameters<Handler>[1], header: string) => {
      response.writeHead(429, { ratelimit: header, 'content-type': 'text/plain' }).end('slow down');
    };
    let asked = 0;
    const fake = await hub((_, response, next) => (asked++ === 0 ? limited(response, '"api";r=0;t=55') : next()));
    const inventory = (store: ReturnType<typeof openStore>) => store.inventory(new AbortController().signal);
    const sleep = async (milliseconds: number) => void slept.push(milliseconds);
    const { files } = await withStore(fake, inventory, 200, sleep);
    assert.deepEqual([files.length, slept], [1, [55_000]]);
    for (const header of ['"api";r=0;t=5', '"api";r=0;t=-1', 'nonsense', `"${'a'.repeat(1000)}";t=5`]) {
      const busy = await hub((_, response) => limited(response, header));
      await assert.rejects(withStore(busy, inventory, 200, sleep), (error) => {
        assert.ok(error instanceof WeighlockError);
        assert.deepEqual([error.exitCode, error.code], [75, 'SOURCE_UNAVAILABLE']);
        assert.match(error.message, /429/);
        return true;
      });
    }
  });

  it('18: has a file no more that its own list names says so', async () => {
    const fake = await hub(answering(/resolve/, 404, 'EntryNotFound'));
    const signal = new AbortController().signal;
    await withStore(fake, async (store) => {
      const { files } = await store.inventory(signal);
      const file = files[0] as StoredFile;
      const refusal = await store.refusal(await store.open(file, {}, { signal }), file);
      assert.match(refusal.message, /its own list names/);
    });
  });

  it('18: sends a listing that never ends, repeats itself or leads elsewhere is asked for no more', async () => {
    for (const [link, text] of [
      ['</api/models/acme/model/tree/x?cursor=1>; rel="next"', /comes back to a page/],
      ['<http://127.0.0.1:1/next>; rel="next"', /not its own/],
    ] as const) {
      const handler: Handler = (request, response, next) =>
        /\/tree\//.test(request.url ?? '') ? sendJson(response, [], { link }) : next();
      await assert.rejects(list(await hub(handler)), text);
    }
    let page = 0;
    const fresh =
      (isEmpty: boolean): Handler =>
      (request, response, next) => {
        if (!/\/tree\//.test(request.url ?? '')) return next();
        page += 1;
        const link = `</api/models/acme/model/tree/x?cursor=${page}>; rel="next"`;
        return sendJson(response, isEmpty ? [] : [entry(`f${page}`)], { link });
      };
    await assert.rejects(list(await hub(fresh(false)), 20), /more files than one artifact may have/);
    assert.ok(page <= 22);
    await assert.rejects(list(await hub(fresh(true))), /one page without a file after the other/);
    assert.ok(page <= 130);
  });
});
