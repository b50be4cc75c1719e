// gs:// and Azure: what their URLs name, and whose credentials count for which account.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAzurePage } from '../../src/store/azure-listing.ts';
import { azureLocationText, isAzureUrl, parseAzureLocation } from '../../src/store/azure-location.ts';
import { accountOf, azureSettings } from '../../src/store/azure-settings.ts';
import { parseGcsPage } from '../../src/store/gcs-listing.ts';
import { parseGcsLocation } from '../../src/store/gcs-location.ts';

const HOST = 'https://acme.blob.core.windows.net';
const url = new URL('https://store.example.com/');
const invalid = { code: 'CONFIG_INVALID' };

describe('gs:// URLs', () => {
  for (const [text, bucket, key] of [
    ['gs://models', 'models', ''],
    ['gs://models/', 'models', ''],
    ['GS://models/a/b', 'models', 'a/b'],
    ['gs://models/a%20b#c?d/', 'models', 'a%20b#c?d/'],
  ] as const)
    it(`18: ${text}`, () => assert.deepEqual(parseGcsLocation(text), { bucket, key }));

  for (const text of [
    'gs://',
    'gs:///x',
    'gs://Models/x',
    'gs://u:hunter2@models/x',
    'gs://models/a//b',
    'gs://models/../x',
    'gs://models/a\nb',
  ])
    it(`18: ${JSON.stringify(text)} is none`, () =>
      assert.throws(
        () => parseGcsLocation(text),
        (error: Error & { found?: string }) => !`${error.message}${error.found}`.includes('hunter2'),
      ));
});

describe('URLs of Azure', () => {
  it('18: name an account, a container and a key; what is behind the question mark is a secret', () => {
    const location = parseAzureLocation(`${HOST}/models/a%20b/c?sv=2022&sig=hunter2`);
    const { account, container, key, sas } = location;
    assert.deepEqual([account, container, key, sas], ['acme', 'models', 'a b/c', 'sv=2022&sig=hunter2']);
    assert.equal(azureLocationText(location), `${HOST}/models/a%20b/c`);
  });

  it('18: are those of its hosts, and no archives', () => {
    for (const text of [`${HOST}/models/x`, 'https://acme.blob.core.usgovcloudapi.net/models/x'])
      assert.ok(isAzureUrl(text));
    for (const text of [
      `${HOST}/models/x.tar.gz?sig=x`,
      'https://acme.blob.core.windows.net.evil.example/models/x',
      'https://a.acme.blob.core.windows.net/models/x',
      'http://acme.blob.core.windows.net/models/x',
      'https://example.com/acme.blob.core.windows.net/x',
    ])
      assert.ok(!isAzureUrl(text), text);
  });

  for (const path of [
    '',
    '/',
    '/Models/x',
    '/models/a//b',
    '/models/../x',
    '/models/%2e%2e/x',
    '/models/%ff',
    '/models/x?foo=1',
    '/models/x#y',
  ])
    it(`18: ${HOST}${path} is refused`, () => assert.throws(() => parseAzureLocation(`${HOST}${path}`), invalid));
});

describe('accounts of Azure', () => {
  const location = parseAzureLocation(`${HOST}/models/x`);
  const of = (environment: Record<string, string>) => accountOf(location, azureSettings(environment));
  const KEY = Buffer.from('0123456789abcdef').toString('base64');

  it('18: a key, a token and a connection string count for the account that they are of, and no other', () => {
    for (const name of ['AZURE_STORAGE_KEY', 'AZURE_STORAGE_ACCESS_KEY']) {
      assert.ok(of({ [name]: KEY, AZURE_STORAGE_ACCOUNT: 'acme' }).key?.equals(Buffer.from('0123456789abcdef')));
      assert.equal(of({ [name]: KEY, AZURE_STORAGE_ACCOUNT: 'other' }).key, undefined);
    }
    const connection = (account: string) => ({
      AZURE_STORAGE_CONNECTION_STRING: `AccountName=${account};AccountKey=${KEY};BlobEndpoint=https://127.0.0.1/x`,
    });
    assert.deepEqual(
      [of(connection('acme')).base.href, of(connection('acme')).key?.length],
      ['https://127.0.0.1/x/', 16],
    );
    assert.deepEqual([of(connection('other')).base.href, of(connection('other')).key], [`${HOST}/`, undefined]);
    assert.equal(of({ AZURE_STORAGE_SAS_TOKEN: '?sig=x', AZURE_STORAGE_ACCOUNT: 'other' }).sas, undefined);
    assert.equal(of({ AZURE_STORAGE_SAS_TOKEN: '?sig=x' }).sas, 'sig=x');
  });

  it('18: what cannot be used is a configuration error', () => {
    for (const environment of [
      { AZURE_STORAGE_KEY: 'no base64!' },
      { AZURE_STORAGE_CONNECTION_STRING: 'hunter2' },
      { AZURE_STORAGE_CONNECTION_STRING: 'AccountName=acme;BlobEndpoint=ftp://x' },
    ])
      assert.throws(() => of(environment), invalid);
  });
});

describe('pages of listings', () => {
  const blob = (name: string, more = '<Etag>0x1</Etag><Content-Length>1</Content-Length>') =>
    `<Blob><Name>${name}</Name><Properties>${more}</Properties></Blob>`;
  const page = (blobs: string, end = '<NextMarker/>') =>
    Buffer.from(`<EnumerationResults><Blobs>${blobs}</Blobs>${end}</EnumerationResults>`);

  it('18: of Azure: folders of a hierarchical namespace are none of its files', () => {
    const folder = blob(
      'sub',
      '<ResourceType>directory</ResourceType><Etag>0x2</Etag><Content-Length>0</Content-Length>',
    );
    const { blobs, next } = parseAzurePage(page(`${folder}${blob('sub/a&amp;b')}`, '<NextMarker>m</NextMarker>'), url);
    assert.deepEqual([blobs, next], [[{ key: 'sub/a&b', size: 1, etag: '"0x1"' }], 'm']);
  });

  for (const [what, body] of [
    ['no XML', Buffer.from('{}')],
    ['one that breaks off', page(blob('a')).subarray(0, 60)],
    ['no end', page(blob('a'), '')],
    ['a name twice', page('<Blob><Name>a</Name><Name>b</Name></Blob>')],
    ['no size', page(blob('a', '<Etag>0x1</Etag>'))],
    ['no ETag', page(blob('a', '<Content-Length>1</Content-Length>'))],
    ['a folder in the place of its files', page(`${blob('a')}<BlobPrefix><Name>b/</Name></BlobPrefix>`)],
    ['half an ETag', page(blob('a', '<Etag>"0x1</Etag><Content-Length>1</Content-Length>'))],
  ] as const)
    it(`18: of Azure with ${what} is none`, () =>
      assert.throws(() => parseAzurePage(body, url), { code: 'SOURCE_UNAVAILABLE' }));

  for (const document of [
    [],
    { items: {} },
    { items: [{ name: 'a', size: '1' }] },
    { items: [{ name: 'a', size: 1, generation: '1' }] },
    { items: [{ name: 'a', size: '1', generation: '1&x=y' }] },
    { items: [{ name: '', size: '1', generation: '1' }] },
    { items: [], nextPageToken: '' },
    { items: [{ name: 'a', size: '1', generation: '1' }], prefixes: ['b/'] },
  ])
    it(`18: of Google Cloud, ${JSON.stringify(document)} is none`, () =>
      assert.throws(() => parseGcsPage(document, url), { code: 'SOURCE_UNAVAILABLE' }));
});
