// A server of S3 in memory that may lie, and that holds each request against its signature (AWS
// Signature Version 4, written from its description). test/system/stores does the same with servers
// that others wrote.
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Handler, sendBytes } from './hub.ts';

export interface S3Object {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly version: string;
}

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'hunter2hunter2', sessionToken: 'session-hunter2' };

export class FakeS3 {
  readonly buckets = new Map<string, Map<string, S3Object>>();
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = [];
  handler: Handler = (_request, _response, next) => next();
  /** Objects on a page. */
  pageSize = 1000;
  /** Requests need no signature. */
  isPublic = false;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeS3> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const fake = new FakeS3(server);
    server.on('request', (request, response) => {
      fake.requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
      response.on('error', () => {});
      fake.handler(request, response, () => fake.#honest(request, response));
    });
    return fake;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: `http://${this.host}`,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
      AWS_SESSION_TOKEN: KEYS.sessionToken,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  add(bucket: string, files: Readonly<Record<string, string | Buffer>>): void {
    const objects = this.buckets.get(bucket) ?? new Map<string, S3Object>();
    for (const [key, content] of Object.entries(files)) {
      const bytes = Buffer.from(content);
      const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
      objects.set(key, { bytes, etag, version: `v-${etag.slice(1, 9)}` });
    }
    this.buckets.set(bucket, objects);
  }

  asked(pattern: RegExp): string[] {
    return this.requests.map(({ line }) => line).filter((line) => pattern.test(line));
  }

  #honest(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    const [, bucket = '', rest = ''] = /^\/([^/]+)\/(.*)$/.exec(url.pathname) ?? [];
    const objects = this.buckets.get(bucket);
    const fault = this.isPublic ? undefined : signatureFault(request);
    if (fault !== undefined) fail(response, 403, fault);
    else if (objects === undefined) fail(response, 404, 'NoSuchBucket');
    else if (rest === '') this.#list(url.searchParams, objects, response);
    else {
      const object = objects.get(decodeURIComponent(rest));
      if (object === undefined) fail(response, 404, 'NoSuchKey');
      else sendObject(request, response, object);
    }
  }

  #list(query: URLSearchParams, objects: ReadonlyMap<string, S3Object>, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get('continuation-token') ?? 0);
    const next = from + this.pageSize;
    const entries = keys.slice(from, next).map((key) => {
      const { bytes, etag } = objects.get(key) ?? { bytes: Buffer.alloc(0), etag: '' };
      return contents(key, bytes.length, etag);
    });
    sendListing(response, entries, next < keys.length ? `${next}` : undefined);
  }
}

/** As S3 encodes a key when it is asked to. */
const encodedKey = (key: string) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');

export function contents(key: string, size: number | string, etag: string): string {
  const tag = etag.replaceAll('"', '&quot;');
  return `<Contents><Key>${encodedKey(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>${tag}</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
}

export function sendListing(response: ServerResponse, entries: readonly string[], next?: string): void {
  const more = next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`;
  const head =
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">';
  const truncated = `<EncodingType>url</EncodingType><IsTruncated>${next !== undefined}</IsTruncated>`;
  response.writeHead(200, { 'content-type': 'application/xml' });
  response.end(`${head}${truncated}${more}${entries.join('')}</ListBucketResult>`);
}

export function sendObject(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes, etag, version }: S3Object,
): void {
  const wanted = request.headers['if-match'];
  if (wanted !== undefined && wanted !== etag) fail(response, 412, 'PreconditionFailed');
  else sendBytes(request, response, bytes, { etag, 'x-amz-version-id': version });
}

export function fail(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>hunter2</Message></Error>`);
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** What S3 says of a request that is not signed, or wrongly. */
function signatureFault({ method, url = '', headers }: IncomingMessage): string | undefined {
  const { authorization = '' } = headers;
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/s3\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (parts === null) return 'AccessDenied';
  const [, id, date = '', region = '', signed = '', signature] = parts;
  if (id !== KEYS.accessKeyId) return 'InvalidAccessKeyId';
  if (headers['x-amz-security-token'] !== KEYS.sessionToken || !signed.includes('x-amz-security-token'))
    return 'InvalidToken';
  const [path = '', query = ''] = url.split('?');
  const sorted = query
    .split('&')
    .filter((pair) => pair !== '')
    .sort()
    .join('&');
  const canonicalHeaders = signed
    .split(';')
    .map((name) => `${name}:${headers[name]}\n`)
    .join('');
  const canonical = [method, path, sorted, canonicalHeaders, signed, headers['x-amz-content-sha256']].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [region, 's3', 'aws4_request'].reduce(hmac, hmac(`AWS4${KEYS.secretAccessKey}`, date));
  return hmac(key, text).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}
