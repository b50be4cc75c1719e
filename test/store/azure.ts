// Azure Blob Storage in memory, which may lie, and which holds each request against its signature.
// test/system/stores does the same with Azurite.
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Handler, sendBytes } from './hub.ts';

export interface AzureFile {
  readonly bytes: Buffer;
  readonly etag: string;
}

const ACCOUNT = 'acmemodels';
const KEY = Buffer.from('hunter2hunter2hunter2hunter2').toString('base64');

export class FakeAzure {
  readonly containers = new Map<string, Map<string, AzureFile>>();
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = [];
  handler: Handler = (_request, _response, next) => next();
  /** Blobs on a page. */
  pageSize = 1000;
  /** What lets a request pass. */
  access: 'public' | 'key' | { sas: string } | { tokens: Set<string> } = 'public';
  #tag = 0x8db000000000;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeAzure> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const fake = new FakeAzure(server);
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

  get url(): string {
    return `https://${ACCOUNT}.blob.core.windows.net`;
  }

  get environment(): Record<string, string> {
    const key = this.access === 'key' ? `AccountKey=${KEY};` : '';
    return {
      AZURE_STORAGE_CONNECTION_STRING: `AccountName=${ACCOUNT};${key}BlobEndpoint=http://${this.host}/${ACCOUNT}`,
    };
  }

  add(container: string, files: Readonly<Record<string, string | Buffer>>): void {
    const blobs = this.containers.get(container) ?? new Map<string, AzureFile>();
    for (const [key, content] of Object.entries(files))
      blobs.set(key, { bytes: Buffer.from(content), etag: `"0x${(this.#tag++).toString(16).toUpperCase()}"` });
    this.containers.set(container, blobs);
  }

  #honest(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    const [, container = '', rest = ''] = /^\/acmemodels\/([^/]+)(?:\/(.*))?$/.exec(url.pathname) ?? [];
    const blobs = this.containers.get(container);
    const fault = this.#faultOf(request, url);
    if (fault !== undefined) fail(response, fault === 'InvalidAuthenticationInfo' ? 401 : 403, fault);
    else if (blobs === undefined) fail(response, 404, 'ContainerNotFound');
    else if (rest === '') this.#list(url.searchParams, blobs, response);
    else {
      const blob = blobs.get(decodeURIComponent(rest));
      const wanted = request.headers['if-match'];
      if (blob === undefined) fail(response, 404, 'BlobNotFound');
      else if (wanted !== undefined && wanted !== blob.etag) fail(response, 412, 'ConditionNotMet');
      else
        sendBytes(request, response, blob.bytes, { etag: blob.etag, 'x-ms-version-id': `v${blob.etag.slice(-4, -1)}` });
    }
  }

  #faultOf(request: IncomingMessage, url: URL): string | undefined {
    const { authorization } = request.headers;
    if (this.access === 'public') return undefined;
    if (this.access === 'key') return authorization === signatureOf(request, url) ? undefined : 'AuthenticationFailed';
    if ('sas' in this.access) return url.search.endsWith(this.access.sas) ? undefined : 'AuthenticationFailed';
    if (authorization === undefined) return 'NoAuthenticationInformation';
    return this.access.tokens.has(authorization.replace('Bearer ', '')) ? undefined : 'InvalidAuthenticationInfo';
  }

  #list(query: URLSearchParams, blobs: ReadonlyMap<string, AzureFile>, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const keys = [...blobs.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get('marker') ?? 0);
    const next = from + this.pageSize;
    const entries = keys.slice(from, next).map((key) => {
      const { bytes, etag } = blobs.get(key) ?? { bytes: Buffer.alloc(0), etag: '' };
      return entry(key, bytes, etag);
    });
    sendListing(response, entries, next < keys.length ? `${next}` : '');
  }
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export function entry(key: string, bytes: Buffer, etag: string, more = ''): string {
  const md5 = createHash('md5').update(bytes).digest('base64');
  const tag = etag.replaceAll('"', '');
  return `<Blob><Name>${escaped(key)}</Name><Properties><Etag>${tag}</Etag><Content-Length>${bytes.length}</Content-Length><Content-MD5>${md5}</Content-MD5><BlobType>BlockBlob</BlobType></Properties>${more}</Blob>`;
}

export function sendListing(response: ServerResponse, entries: readonly string[], next = ''): void {
  response.writeHead(200, { 'content-type': 'application/xml' });
  response.end(
    `\uFEFF<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName="c"><Prefix /><Blobs>${entries.join('')}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`,
  );
}

export function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'x-ms-error-code': code, 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>hunter2</Message></Error>`);
}

/** "Authorize with Shared Key", written from its description. */
function signatureOf({ headers }: IncomingMessage, url: URL): string {
  const one = (name: string) => `${headers[name] ?? ''}\n`;
  const standard = `GET\n\n\n\n\n\n\n\n${one('if-match')}\n\n${one('range')}`;
  const own = ['x-ms-date', 'x-ms-version'].map((name) => `${name}:${headers[name]}\n`).join('');
  const names = [...new Set(url.searchParams.keys())].sort();
  const resource = `/${ACCOUNT}${url.pathname}${names.map((name) => `\n${name}:${url.searchParams.getAll(name).join(',')}`).join('')}`;
  const signature = createHmac('sha256', Buffer.from(KEY, 'base64'))
    .update(standard + own + resource)
    .digest('base64');
  return `SharedKey ${ACCOUNT}:${signature}`;
}
