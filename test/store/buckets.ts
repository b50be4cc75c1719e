import type { IncomingMessage, ServerResponse } from 'node:http';
import { entry, FakeAzure, fail as failAzure, sendListing as sendAzure } from './azure.ts';
import { describeObject, FakeGcs, fail as failGcs } from './gcs.ts';
import { sendJson } from './hub.ts';
import { contents, FakeS3, fail as failS3, sendListing as sendS3 } from './s3.ts';

export type Files = Readonly<Record<string, string | Buffer>>;
export type FakeBucket = FakeS3 | FakeGcs | FakeAzure;

/** An object as a listing of its server may have it. */
export interface Listed {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the listing says identifies its version, as it stands there. */
  readonly version?: string;
}

/** What differs between stores of buckets, for the tests that all of them have. */
export interface Cloud {
  readonly name: string;
  readonly start: () => Promise<FakeBucket>;
  readonly put: (fake: FakeBucket, files: Files) => void;
  readonly source: (fake: FakeBucket, key: string) => string;
  /** True for a request of content, which names its version. */
  readonly isRead: (line: string, headers: IncomingMessage['headers']) => boolean;
  readonly isListing: RegExp;
  readonly list: (response: ServerResponse, files: readonly Listed[], next?: string) => void;
  readonly fail: (response: ServerResponse, status: number) => void;
  /** Makes it ask for credentials. @returns the environment that has them */
  readonly lock: (fake: FakeBucket) => Record<string, string>;
  /** The version of an object that is there, and of a file in the report. */
  readonly versionOf: (fake: FakeBucket, key: string) => string | undefined;
  readonly reported: { readonly etag: RegExp; readonly version: RegExp };
  /** Whether a listing says an MD5. */
  readonly hasSums: boolean;
  /** What of a version a server may have cut off, so that it is none any more. */
  readonly cut: readonly string[];
}

export const CLOUDS: readonly Cloud[] = [
  {
    name: 's3://',
    start: () => FakeS3.start(),
    put: (fake, files) => fake.add('models', files),
    source: (_, key) => `s3://models/${key}`,
    isRead: (_, headers) => headers['if-match'] !== undefined,
    isListing: /list-type=2/,
    list: (response, files, next) =>
      sendS3(
        response,
        files.map(({ name, bytes, version = '"e7"' }) => contents(name, bytes.length, version)),
        next,
      ),
    fail: (response, status) => failS3(response, status, status === 404 ? 'NoSuchBucket' : 'AccessDenied'),
    lock: (fake) => fake.environment,
    versionOf: (fake, key) => (fake as FakeS3).buckets.get('models')?.get(key)?.etag,
    reported: { etag: /^"[0-9a-f]{32}"$/, version: /^v-[0-9a-f]{8}$/ },
    hasSums: false,
    cut: ['"abc', 'abc"', '"', '', 'W/"abc"'],
  },
  {
    name: 'gs://',
    start: () => FakeGcs.start(),
    put: (fake, files) => fake.add('models', files),
    source: (_, key) => `gs://models/${key}`,
    isRead: (line) => /alt=media/.test(line),
    isListing: /\/o\?/,
    list: (response, files, next) =>
      sendJson(response, {
        items: files.map(({ name, bytes, version = '7' }) => describeObject(name, { bytes, generation: version })),
        ...(next === undefined ? {} : { nextPageToken: next }),
      }),
    fail: failGcs,
    lock: (fake) => fake.environment,
    versionOf: (fake, key) => (fake as FakeGcs).buckets.get('models')?.get(key)?.generation,
    reported: { etag: /^"\d{16}"$/, version: /^\d{16}$/ },
    hasSums: true,
    cut: ['', '17e9', '-7', '1'.repeat(21)],
  },
  {
    name: 'Azure',
    start: () => FakeAzure.start(),
    put: (fake, files) => fake.add('models', files),
    source: (fake, key) => `${(fake as FakeAzure).url}/models/${key}`,
    isRead: (line, headers) => headers['if-match'] !== undefined && !/comp=list/.test(line),
    isListing: /comp=list/,
    list: (response, files, next) =>
      sendAzure(
        response,
        files.map(({ name, bytes, version = '"0x7"' }) => entry(name, bytes, version)),
        next,
      ),
    fail: (response, status) =>
      failAzure(response, status, status === 404 ? 'ContainerNotFound' : 'AuthorizationFailure'),
    lock(fake) {
      (fake as FakeAzure).access = 'key';
      return fake.environment;
    },
    versionOf: (fake, key) => (fake as FakeAzure).containers.get('models')?.get(key)?.etag,
    reported: { etag: /^"0x[0-9A-F]+"$/, version: /^v[0-9A-F]{2,3}$/ },
    hasSums: true,
    cut: ['', ' 0x7', '0x 7'],
  },
];
