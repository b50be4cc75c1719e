// A registry that can do what no real one can be made to do: lie, stall, break off, forget,
// redirect. In memory, on 127.0.0.1; a test replaces single answers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import { descriptor, type Layer, sha256 } from './push.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

export class FakeRegistry {
  readonly blobs = new Map<string, Buffer>();
  /** By tag or digest. */
  readonly manifests = new Map<string, { bytes: Buffer; type: string }>();
  /** Every request, `METHOD path`, with its headers. */
  readonly requests: { line: string; headers: IncomingMessage['headers'] }[] = [];
  /** Looks at each request first; calls `next` for the honest answer. */
  handler: Handler = (_request, _response, next) => next();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeRegistry> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const registry = new FakeRegistry(server);
    server.on('request', (request, response) => registry.#answer(request, response));
    after(() => {
      server.closeAllConnections();
      server.close();
    });
    return registry;
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Lines of requests that match. */
  asked(pattern: RegExp): string[] {
    return this.requests.map(({ line }) => line).filter((line) => pattern.test(line));
  }

  add(layers: readonly Layer[], tag = 'v1', more: Record<string, unknown> = {}): string {
    const config: Layer = { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };
    for (const { bytes } of [...layers, config]) this.blobs.set(sha256(bytes), bytes);
    const document = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: descriptor(config),
      layers: layers.map(descriptor),
      ...more,
    };
    return this.addManifest(Buffer.from(JSON.stringify(document)), tag);
  }

  addManifest(bytes: Buffer, tag: string, type = MANIFEST): string {
    const digest = sha256(bytes);
    this.manifests.set(tag, { bytes, type });
    this.manifests.set(digest, { bytes, type });
    return digest;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    response.on('error', () => {});
    this.handler(request, response, () => this.honest(request, response));
  }

  honest(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://x').pathname);
    const [, kind = '', name = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    const manifest = kind === 'manifests' ? this.manifests.get(name) : undefined;
    const bytes = manifest?.bytes ?? this.blobs.get(name);
    if (bytes === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
      return;
    }
    const type = manifest?.type ?? 'application/octet-stream';
    const [, from] = /^bytes=(\d+)-\d*$/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined)
      response.writeHead(200, { 'content-type': type, 'content-length': bytes.length }).end(bytes);
    else {
      const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
      const rest = bytes.subarray(Number(from));
      response.writeHead(206, { 'content-range': range, 'content-length': rest.length }).end(rest);
    }
  }
}

export const isBlob = (request: IncomingMessage): boolean => /\/blobs\//.test(request.url ?? '');
export const isManifest = (request: IncomingMessage): boolean => /\/manifests\//.test(request.url ?? '');
