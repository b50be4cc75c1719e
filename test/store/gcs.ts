// Google Cloud Storage's JSON interface in memory, which may lie. test/system/gcs.test.ts does the
// same with a server that others wrote.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Handler, sendBytes, sendJson } from './hub.ts';

export interface GcsFile {
  readonly bytes: Buffer;
  readonly generation: string;
}

export class FakeGcs {
  readonly buckets = new Map<string, Map<string, GcsFile>>();
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = [];
  handler: Handler = (_request, _response, next) => next();
  /** Objects on a page. */
  pageSize = 1000;
  /** The tokens that count; none are asked for where everything is public. */
  tokens: Set<string> | undefined;
  #generation = 1_700_000_000_000_000;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeGcs> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const fake = new FakeGcs(server);
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
    return { STORAGE_EMULATOR_HOST: this.host };
  }

  add(bucket: string, files: Readonly<Record<string, string | Buffer>>): void {
    const objects = this.buckets.get(bucket) ?? new Map<string, GcsFile>();
    for (const [key, content] of Object.entries(files))
      objects.set(key, { bytes: Buffer.from(content), generation: `${this.#generation++}` });
    this.buckets.set(bucket, objects);
  }

  #honest(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    const [, bucket = '', rest = ''] = /^\/storage\/v1\/b\/([^/]+)\/o(?:\/(.*))?$/.exec(url.pathname) ?? [];
    const objects = this.buckets.get(bucket);
    const isAllowed = this.tokens?.has(`${request.headers.authorization}`.replace('Bearer ', '')) ?? true;
    if (!isAllowed) fail(response, request.headers.authorization === undefined ? 403 : 401);
    else if (objects === undefined) fail(response, 404);
    else if (rest === '') this.#list(url.searchParams, objects, response);
    else sendObject(request, response, url, objects.get(decodeURIComponent(rest)), decodeURIComponent(rest));
  }

  #list(query: URLSearchParams, objects: ReadonlyMap<string, GcsFile>, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get('pageToken') ?? 0);
    const next = from + this.pageSize;
    const items = keys.slice(from, next).map((key) => describeObject(key, objects.get(key)));
    sendJson(response, { items, ...(next < keys.length ? { nextPageToken: `${next}` } : {}) });
  }
}

export function describeObject(name: string, file: GcsFile | undefined): object {
  const { bytes = Buffer.alloc(0), generation = '1' } = file ?? {};
  return { name, size: `${bytes.length}`, generation, md5Hash: createHash('md5').update(bytes).digest('base64') };
}

function sendObject(
  request: IncomingMessage,
  response: ServerResponse,
  { searchParams: query }: URL,
  file: GcsFile | undefined,
  key: string,
): void {
  const wanted = query.get('generation') ?? undefined;
  if (file === undefined || (wanted !== undefined && wanted !== file.generation)) fail(response, 404);
  else if (query.get('alt') !== 'media') sendJson(response, describeObject(key, file));
  else sendBytes(request, response, file.bytes, { 'x-goog-generation': file.generation, etag: 'CJ-not-quoted=' });
}

export function fail(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { code: status, message: 'hunter2' } }));
}
