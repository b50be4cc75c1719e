// What a bucket may answer: listings, errors, versions; and by what signatures and keys it is
// asked.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { entryText } from '../../src/fs/index.ts';
import { Transport } from '../../src/registry/index.ts';
import {
  type Inventory,
  openStore,
  parseStoreLocation,
  Replaced,
  type Store,
  type StoredFile,
  storeSettings,
} from '../../src/store/index.ts';
import { placeOf, s3Settings } from '../../src/store/s3-settings.ts';
import { readXml } from '../../src/store/xml.ts';
import type { Handler } from '../store/hub.ts';
import { contents, FakeS3, fail, sendListing } from '../store/s3.ts';

const ALL = { include: [], exclude: [] };
const { signal } = new AbortController();

async function server(
  files: Record<string, string | Buffer> = { 'model/a.bin': 'abc' },
  handler?: Handler,
): Promise<FakeS3> {
  const fake = await FakeS3.start();
  after(() => fake.close());
  fake.add('models', files);
  if (handler !== undefined) fake.handler = handler;
  return fake;
}

async function withStore<T>(
  fake: FakeS3,
  url: string,
  action: (store: Store) => Promise<T>,
  { environment = {}, maxFiles = 200 }: { environment?: Record<string, string>; maxFiles?: number } = {},
): Promise<T> {
  const transport = new Transport({ proxy: { noProxy: '' }, caFiles: [], plainHttp: [fake.host] });
  const tools = { transport, notice: () => {}, maxFiles, sleep: async () => {} };
  const settings = storeSettings({ ...fake.environment, ...environment });
  const store = openStore(parseStoreLocation('s3', url, ALL), settings, tools);
  return action(store).finally(() => transport.close());
}

const list = (
  fake: FakeS3,
  url = 's3://models/model/',
  options: { environment?: Record<string, string>; maxFiles?: number } = {},
): Promise<Inventory> => withStore(fake, url, (store) => store.inventory(signal), options);

const names = ({ files }: Inventory) => files.map(({ path }) => entryText(path));

const refuses = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof WeighlockError);
  assert.equal(error.code, code, error.message);
  assert.match(`${error.message} ${error.remedy}`, text);
  assert.doesNotMatch(JSON.stringify(error), /hunter2/);
  return true;
};

describe('a bucket', () => {
  it('18: is listed below a prefix that ends with a slash: model is not the beginning of model-2', async () => {
    const fake = await server({
      'model/a.bin': 'a',
      'model/b/c d+e%.bin': 'b',
      'model/': '',
      'model-2/a.bin': 'c',
      'model.sig': 'd',
    });
    fake.pageSize = 1;
    for (const url of ['s3://models/model/', 's3://models/model'])
      assert.deepEqual(names(await list(fake, url)), ['a.bin', 'b/c d+e%.bin']);
    const all = await list(fake, 's3://models');
    assert.deepEqual(names(all), ['model-2/a.bin', 'model.sig', 'model/a.bin', 'model/b/c d+e%.bin']);
  });

  it('18: has an object by its name, and what lies below where there is none', async () => {
    const fake = await server({ 'a/model.gguf': 'abc', 'a/empty': '', 'a/model.gguf-2': 'x' });
    const { kind, files } = await list(fake, 's3://models/a/model.gguf');
    assert.deepEqual(
      [kind, files.map(({ path, key, size }) => [path, key, size])],
      ['file', [['model.gguf', 'a/model.gguf', 3]]],
    );
    assert.equal((await list(fake, 's3://models/a/empty')).files[0]?.size, 0);
  });

  it('18: is asked with signatures that hold, of keys with strange characters too; without any where it is public', async () => {
    const key = "m/ü !'()*&=?#[]~$,;:@.bin";
    const fake = await server({ [key]: 'abc' });
    const read = (store: Store) =>
      store
        .inventory(signal)
        .then(async ({ files: [file] }) => (await store.open(file as StoredFile, {}, { signal })).status);
    assert.equal(await withStore(fake, 's3://models/m/', read), 200);
    for (const { headers } of fake.requests) assert.match(headers.authorization ?? '', /^AWS4-HMAC-SHA256/);
    const open = await server({ [key]: 'abc' });
    open.isPublic = true;
    assert.equal(
      await withStore(open, 's3://models/m/', read, { environment: { awsAnonymousCredential: 'true' } }),
      200,
    );
    for (const { headers } of open.requests) assert.equal(headers.authorization, undefined);
  });

  it('18: every part is asked for by the ETag that was listed, whatever the server says of it', async () => {
    const fake = await server({ 'model/a.bin': 'abc' });
    await withStore(fake, 's3://models/model/', async (store) => {
      const [file] = (await store.inventory(signal)).files as [StoredFile];
      assert.equal((await store.open(file, { range: 'bytes=1-2' }, { signal })).status, 206);
      assert.equal(fake.requests.at(-1)?.headers['if-match'], file.etag);
      fake.add('models', { 'model/a.bin': 'xyz' });
      await assert.rejects(store.open(file, {}, { signal }), Replaced);
      // A server that does not know If-Match.
      fake.handler = (request, response) =>
        response.writeHead(200, { etag: '"other"', 'content-length': 3 }).end(request.method);
      await assert.rejects(store.open(file, {}, { signal }), Replaced);
      fake.handler = (_request, response) => response.writeHead(200, { 'content-length': 3 }).end('abc');
      await assert.rejects(store.open(file, {}, { signal }), Replaced);
    });
  });

  const listing =
    (...entries: string[]): Handler =>
    (request, response, next) =>
      /list-type/.test(request.url ?? '') ? sendListing(response, entries) : next();
  const raw =
    (body: string): Handler =>
    (_, response) =>
      response.writeHead(200).end(body);
  const failing =
    (status: number, code: string, headers = {}): Handler =>
    (_, response) =>
      fail(response, status, code, headers);
  const one = (key: string, size: number | string = 3, etag = '"e"') => contents(key, size, etag);
  for (const [what, handler, code, text] of [
    ['lists a name with ..', listing(one('model/../x')), 'UNSAFE_ENTRY', /leads out/],
    ['lists a name with a slash in front', listing(one('model//etc')), 'UNSAFE_ENTRY', /absolute|shortest/],
    ['lists a name with an empty part', listing(one('model/a//b')), 'UNSAFE_ENTRY', /shortest/],
    ['lists a control character', listing(one('model/a\u0001')), 'UNSAFE_ENTRY', /control/],
    ['lists a name of 1,024 bytes', listing(one(`model/${'x'.repeat(1018)}`)), 'UNSAFE_ENTRY', /longer than 255/],
    ['lists a key twice', listing(one('model/a'), one('model/a')), 'UNSAFE_ENTRY', /twice/],
    ['lists two names that differ in case', listing(one('model/A'), one('model/a')), 'UNSAFE_ENTRY', /case/],
    ['lists a folder with content', listing(one('model/a/', 3)), 'UNSAFE_ENTRY', /shortest/],
    ['lists what is not below the prefix', listing(one('model-2/a')), 'SOURCE_UNAVAILABLE', /not asked for/],
    ['lists an ETag that is cut short', listing(one('model/a', 3, '"abc')), 'SOURCE_UNAVAILABLE', /whole ETag/],
    ['lists a weak ETag', listing(one('model/a', 3, 'W/"abc"')), 'SOURCE_UNAVAILABLE', /whole ETag/],
    ['lists no ETag', listing(one('model/a', 3, '')), 'SOURCE_UNAVAILABLE', /whole ETag/],
    ['lists a size that is none', listing(one('model/a', '1e9')), 'SOURCE_UNAVAILABLE', /size/],
    [
      'lists a folder in the place of its objects',
      listing(one('model/a'), '<CommonPrefixes><Prefix>model/b/</Prefix></CommonPrefixes>'),
      'SOURCE_UNAVAILABLE',
      /folders/,
    ],
    [
      'says a size twice',
      listing(one('model/a').replace('</Size>', '</Size><Size>4</Size>')),
      'SOURCE_UNAVAILABLE',
      /Size twice/,
    ],
    [
      'sends a document type',
      raw('<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>'),
      'SOURCE_UNAVAILABLE',
      /not the XML/,
    ],
    ['breaks off', raw('<ListBucketResult><Contents>'), 'SOURCE_UNAVAILABLE', /breaks off/],
    ['sends another document', raw('<Other></Other>'), 'SOURCE_UNAVAILABLE', /does not say whether/],
    [
      'does not say where its listing goes on',
      raw('<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'),
      'SOURCE_UNAVAILABLE',
      /not where/,
    ],
    ['is not there', failing(404, 'NoSuchBucket'), 'SOURCE_UNAVAILABLE', /NoSuchBucket.*name of the bucket/s],
    ['may not be read', failing(403, 'AccessDenied'), 'SOURCE_UNAVAILABLE', /AccessDenied.*s3:GetObject/s],
    ['does not know the key', failing(403, 'InvalidAccessKeyId'), 'SOURCE_UNAVAILABLE', /AWS_ACCESS_KEY_ID/],
    ['has another time', failing(403, 'RequestTimeTooSkewed'), 'SOURCE_UNAVAILABLE', /clock/],
    ['takes the token for ended', failing(400, 'ExpiredToken'), 'SOURCE_UNAVAILABLE', /have ended/],
    ['is overloaded for good', failing(503, 'SlowDown'), 'SOURCE_UNAVAILABLE', /SlowDown/],
  ] as [string, Handler, string, RegExp][])
    it(`18: that ${what} is refused with ${code}`, async () => {
      await assert.rejects(list(await server(undefined, handler)), refuses(code, text));
    });

  it('18: with a listing that never ends, or repeats a page, is asked for no more', async () => {
    let page = 0;
    const fresh =
      (isEmpty: boolean): Handler =>
      (_, response) => {
        page += 1;
        sendListing(response, isEmpty ? [] : [one(`model/f${page}`)], `${page}`);
      };
    await assert.rejects(
      list(await server(undefined, fresh(false)), undefined, { maxFiles: 20 }),
      refuses('LIMIT_EXCEEDED', /max-files/),
    );
    await assert.rejects(list(await server(undefined, fresh(true))), refuses('SOURCE_UNAVAILABLE', /does not go on/));
    assert.ok(page < 200);
    let copies = 0;
    const again: Handler = (_, response) => sendListing(response, [one(`model/g${copies++}`)], 'same');
    await assert.rejects(list(await server(undefined, again)), refuses('SOURCE_UNAVAILABLE', /does not go on/));
    assert.equal(copies, 2);
  });
});

describe('a URL of a bucket', () => {
  for (const [url, text] of [
    ['s3://models/a/b/', 's3://models/a/b/'],
    ['S3://models', 's3://models/'],
    ['s3://models/a b%20?x#y', 's3://models/a b%20?x#y'],
  ] as const)
    it(`18: ${url} is ${text}`, () => assert.equal(parseStoreLocation('s3', url, ALL).url, text));
  for (const url of [
    's3://',
    's3:///a',
    's3://m/a',
    's3://arn:aws:s3:us-east-1:123456789012:accesspoint/models/x',
    's3://a..b/x',
    's3://models//a',
    's3://models/a//b/',
    's3://models/../x',
    's3://models/./x',
    's3://models/a\u0007',
    `s3://models/${'x'.repeat(1025)}`,
    's3://id:hunter2@models/x',
    's3://models.evil:80/x',
  ])
    it(`18: ${JSON.stringify(url.slice(0, 40))} is refused`, () => {
      assert.throws(() => parseStoreLocation('s3', url, ALL), refuses('CONFIG_INVALID', /s3:\/\/ source/));
    });
});

describe('where a bucket is asked', () => {
  const at = (environment: Record<string, string>, bucket = 'models') =>
    placeOf(s3Settings(environment), bucket).base.href;
  for (const [environment, bucket, href] of [
    [{}, 'models', 'https://models.s3.us-east-1.amazonaws.com/'],
    [{ AWS_DEFAULT_REGION: 'eu-west-3' }, 'models', 'https://models.s3.eu-west-3.amazonaws.com/'],
    [{ AWS_REGION: 'cn-north-1' }, 'models', 'https://models.s3.cn-north-1.amazonaws.com.cn/'],
    [{}, 'models.example.com', 'https://s3.us-east-1.amazonaws.com/models.example.com/'],
    [{}, 'My_Models', 'https://s3.us-east-1.amazonaws.com/My_Models/'],
    [{ AWS_ENDPOINT_URL: 'https://minio:9000' }, 'models', 'https://minio:9000/models/'],
    [{ AWS_ENDPOINT_URL: 'https://a', AWS_ENDPOINT_URL_S3: 'https://b/s3/' }, 'models', 'https://b/s3/models/'],
    [{ S3_ENDPOINT: 'minio:9000', S3_USE_HTTPS: '0' }, 'models', 'http://minio:9000/models/'],
    [{ S3_ENDPOINT: 'minio:9000' }, 'models', 'https://minio:9000/models/'],
    [{ AWS_ENDPOINT_URL: 'https://minio', S3_USE_VIRTUAL_BUCKET: 'true' }, 'models', 'https://models.minio/'],
    [{ S3_USE_ACCELERATE: '1' }, 'models', 'https://models.s3-accelerate.amazonaws.com/'],
  ] as [Record<string, string>, string, string][])
    it(`18: ${JSON.stringify(environment)}: ${href}`, () => assert.equal(at(environment, bucket), href));
  for (const [environment, text] of [
    [{ S3_VERIFY_SSL: '0' }, /S3_VERIFY_SSL/],
    [{ AWS_REGION: 'evil.example.com/' }, /AWS_REGION/],
    [{ AWS_ENDPOINT_URL: 'https://id:hunter2@x' }, /AWS_ENDPOINT_URL/],
    [{ AWS_ENDPOINT_URL: 'ftp://x' }, /AWS_ENDPOINT_URL/],
  ] as [Record<string, string>, RegExp][])
    it(`18: ${Object.keys(environment)} that cannot be used is refused`, () => {
      assert.throws(() => at(environment), refuses('CONFIG_INVALID', text));
    });
});

describe('XML', () => {
  const read = (xml: string) => {
    const found: string[] = [];
    const fault = readXml(xml, ({ path, text }) => void found.push(`${path}=${text ?? '...'}`));
    return fault ?? found.join(' ');
  };
  for (const [xml, found] of [
    ['<a><b x="1">t&amp;&#x41;&#66;</b><c/></a>', 'a/b=t&AB a/c= a=...'],
    ["<?xml version='1.0'?>\n<a/>\n", 'a='],
    ['<a>&lol;</a>', 'has an entity that nobody knows'],
    ['<a>&#xD800;</a>', 'has an entity that nobody knows'],
    ['<a>& </a>', 'has an entity that nobody knows'],
    ['<a><b></a></b>', 'ends an element that did not begin'],
    ['<a>x<b/></a>', 'has text between its elements'],
    ['<a/><b/>', 'has something behind its end'],
    ['<a/>x', 'has text between its elements'],
    ['<a><!-- x --></a>', 'is not the XML that is meant'],
    ['<a><![CDATA[x]]></a>', 'is not the XML that is meant'],
    ['<a b="<"/>', 'is not the XML that is meant'],
    ['<a', 'is not the XML that is meant'],
    ['', 'breaks off'],
    ['<a>'.repeat(20), 'is nested too deep'],
  ] as const)
    it(`18: ${JSON.stringify(xml.slice(0, 50))}: ${found}`, () => assert.equal(read(xml), found));
});
