// What a hub or a bucket lists, the names in it, and the URLs and patterns that choose files of
// them.
import fc from 'fast-check';
import { fromText } from '../../src/fs/index.ts';
import { parseAzurePage } from '../../src/store/azure-listing.ts';
import { FileCollector } from '../../src/store/collect.ts';
import { parseGcsPage } from '../../src/store/gcs-listing.ts';
import { filesOf } from '../../src/store/hub.ts';
import { parseStoreLocation, storeSchemeOf } from '../../src/store/index.ts';
import { jsonOf } from '../../src/store/json.ts';
import { pointedAt } from '../../src/store/lfs-pointer.ts';
import { matchesPattern } from '../../src/store/patterns.ts';
import { parseS3Page } from '../../src/store/s3-listing.ts';
import { bytesOf, damaged, noise, reshaped } from './input.ts';
import type { Target } from './target.ts';

const azurePage = Buffer.from(
  '<?xml version="1.0"?><EnumerationResults ContainerName="c"><Blobs><Blob><Name>a</Name><Properties><Etag>0x1</Etag>' +
    '<Content-Length>1</Content-Length></Properties></Blob></Blobs><NextMarker>m</NextMarker></EnumerationResults>',
);
const gcsPage = Buffer.from(
  '{"items":[{"name":"a","size":"1","generation":"2","md5Hash":"AAAA"}],"nextPageToken":"t"}',
);

const ALL = { include: [], exclude: [] };
const url = new URL('https://store.example.com/');
const page = Buffer.from(
  '<?xml version="1.0"?><ListBucketResult xmlns="x"><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>' +
    '<NextContinuationToken>t</NextContinuationToken><Contents><Key>a/b+c%25</Key><ETag>&quot;e&quot;</ETag><Size>3</Size></Contents>' +
    '<Contents><Key>d</Key><ETag>&#34;f&#x22;</ETag><Size>0</Size><Owner><ID>x</ID></Owner></Contents></ListBucketResult>',
);
const tree = [
  {
    type: 'file',
    path: 'a/b.bin',
    size: 3,
    oid: 'a'.repeat(40),
    lfs: { oid: 'b'.repeat(64), size: 3, pointerSize: 130 },
  },
  { type: 'file', path: 'c', size: 1, oid: 'd'.repeat(40) },
  { type: 'directory', path: 'a', oid: 'e'.repeat(40) },
];
const words = (...parts: string[]) =>
  bytesOf(
    fc
      .array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 })), { maxLength: 20 })
      .map((all) => all.join('')),
  );

export const stores: readonly Target[] = [
  { name: 'azure-listing', input: fc.oneof(damaged([azurePage]), noise), parse: (bytes) => parseAzurePage(bytes, url) },
  {
    name: 'gcs-listing',
    input: fc.oneof(damaged([gcsPage]), noise),
    parse: (bytes) => parseGcsPage(jsonOf(bytes, url), url),
  },
  { name: 's3-listing', input: fc.oneof(damaged([page]), noise), parse: (bytes) => parseS3Page(bytes, url) },
  { name: 'hub-tree', input: reshaped([tree]), parse: (bytes) => filesOf(JSON.parse(bytes.toString()), url) },
  {
    name: 'store-names',
    input: words('/', '..', '.', 'a', 'A', '\u00e9', 'e\u0301', '\0', '\n', '\\', 'C:', '\n/'),
    parse: (bytes) => {
      const files = new FileCollector(10, ALL);
      for (const name of bytes.toString().split('\n')) files.add({ name, key: name, size: 1 });
      // Whatever passes is itself below the folder.
      for (const { path } of files.finish())
        if (
          path.split('/').some((part) => part === '' || part === '..') ||
          path !== fromText(Buffer.from(path, 'latin1').toString())
        )
          throw new Error(`${path} passed`);
    },
  },
  {
    name: 'store-url',
    input: words(
      'hf://',
      's3://',
      'gs://',
      'https://x123.blob.core.windows.net/',
      '/',
      ':',
      '@',
      '..',
      'a',
      'datasets/',
      '%',
      '#',
      '?',
    ),
    parse: (bytes) => {
      const text = bytes.toString();
      const scheme = /^(hf|s3|gs|https):\/\//i.exec(text)?.[1]?.toLowerCase();
      const store = scheme === undefined ? undefined : storeSchemeOf(text);
      return store === undefined ? undefined : parseStoreLocation(store, text, ALL);
    },
  },
  {
    name: 'file-pattern',
    input: words('*', '?', '[', ']', '!', '-', 'a', 'b', '\n'),
    parse: (bytes) => {
      const [pattern = '', text = ''] = bytes.toString().split('\n');
      return matchesPattern(text, pattern);
    },
  },
  {
    name: 'lfs-pointer',
    input: damaged([Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 3\n`)]),
    parse: pointedAt,
  },
];
