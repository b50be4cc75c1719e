// A Hugging Face hub in memory: the answers that huggingface_hub goes by (test/system/hub.test.ts
// runs the real client against it), each of which a test may replace by a lie.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export interface HubFile {
  readonly bytes: Buffer;
  /** Kept by LFS, and sent by another server. */
  readonly isLarge: boolean;
}

export interface Repository {
  readonly commit: string;
  /** Branches and tags that lead to the commit. */
  readonly names: readonly string[];
  readonly files: ReadonlyMap<string, HubFile>;
}

const hash = (name: 'sha1' | 'sha256', ...parts: (string | Buffer)[]) => {
  const made = createHash(name);
  for (const part of parts) made.update(part);
  return made.digest('hex');
};

export const gitId = (bytes: Buffer) => hash('sha1', `blob ${bytes.length}\0`, bytes);

export function pointerOf(bytes: Buffer): Buffer {
  const oid = hash('sha256', bytes);
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n`);
}

export class FakeHub {
  /** By `models/ORG/NAME`. */
  readonly repositories = new Map<string, Repository>();
  /** `METHOD path`, of the hub and of its storage, with the `authorization` that came along. */
  readonly requests: {
    readonly line: string;
    readonly authorization: string | undefined;
    readonly isStorage: boolean;
  }[] = [];
  /** Looks at each request first; calls `next` for the honest answer. */
  handler: Handler = (_request, _response, next) => next();
  storageHandler: Handler = (_request, _response, next) => next();
  /** Entries on a page of a listing. */
  pageSize = 1000;
  readonly #hub: Server;
  readonly #storage: Server;

  private constructor(hub: Server, storage: Server) {
    this.#hub = hub;
    this.#storage = storage;
  }

  static async start(): Promise<FakeHub> {
    const servers = [createServer(), createServer()] as const;
    for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const fake = new FakeHub(...servers);
    const answer =
      (
        isStorage: boolean,
        handler: () => Handler,
        honest: (request: IncomingMessage, response: ServerResponse) => void,
      ) =>
      (request: IncomingMessage, response: ServerResponse) => {
        const { authorization } = request.headers;
        fake.requests.push({ line: `${request.method} ${request.url}`, authorization, isStorage });
        response.on('error', () => {});
        handler()(request, response, () => honest(request, response));
      };
    servers[0].on(
      'request',
      answer(
        false,
        () => fake.handler,
        (...args) => fake.#honest(...args),
      ),
    );
    servers[1].on(
      'request',
      answer(
        true,
        () => fake.storageHandler,
        (...args) => fake.#stored(...args),
      ),
    );
    return fake;
  }

  close(): void {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      server.close();
    }
  }

  get host(): string {
    return `127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get storageHost(): string {
    return `127.0.0.1:${(this.#storage.address() as AddressInfo).port}`;
  }

  /** What a client is told. */
  get environment(): Record<string, string> {
    return { HF_ENDPOINT: `http://${this.host}` };
  }

  /** @param files - by path; a Buffer of 1 KiB and more is kept by LFS */
  add(id: string, files: Readonly<Record<string, string | Buffer>>, names: readonly string[] = ['main']): string {
    const all = new Map(
      Object.entries(files).map(([path, content]) => {
        const bytes = Buffer.from(content);
        return [path, { bytes, isLarge: bytes.length >= 1024 }] as const;
      }),
    );
    const commit = hash('sha1', JSON.stringify([...all].map(([path, { bytes }]) => [path, gitId(bytes)])));
    this.repositories.set(id.startsWith('datasets/') ? id : `models/${id}`, { commit, names, files: all });
    return commit;
  }

  asked(pattern: RegExp): string[] {
    return this.requests.map(({ line }) => line).filter((line) => pattern.test(line));
  }

  #find(type: string, id: string, revision: string): Repository | undefined {
    const found = this.repositories.get(`${type}/${id}`);
    return found !== undefined && (found.commit === revision || found.names.includes(revision)) ? found : undefined;
  }

  #honest(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    const api = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)(?:\/(revision|tree)\/([^/]+))?$/.exec(url.pathname);
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    if (api !== null) {
      const [, type = '', id = '', what = 'revision', revision = 'main'] = api;
      const found = this.#find(type, id, decodeURIComponent(revision));
      if (!this.repositories.has(`${type}/${id}`)) refuse(response, 404, 'RepoNotFound');
      else if (found === undefined) refuse(response, 404, 'RevisionNotFound');
      else if (what === 'tree') this.#tree(url, found, response);
      else sendJson(response, this.#information(id, found));
    } else if (file !== null) {
      const [, dataset, id = '', revision = '', path = ''] = file;
      const found = this.#find(dataset === undefined ? 'models' : 'datasets', id, decodeURIComponent(revision));
      const one = found?.files.get(path.split('/').map(decodeURIComponent).join('/'));
      if (found === undefined) refuse(response, 404, 'RevisionNotFound');
      else if (one === undefined) refuse(response, 404, 'EntryNotFound');
      else this.#file(request, response, found, one);
    } else refuse(response, 404, 'RepoNotFound');
  }

  #information(id: string, { commit, files }: Repository): object {
    const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
    return { _id: 'x', id, modelId: id, sha: commit, siblings, private: false, gated: false, tags: [], downloads: 0 };
  }

  #tree(url: URL, { files }: Repository, response: ServerResponse): void {
    const folders = new Set(
      [...files.keys()].flatMap((path) => (path.includes('/') ? [path.slice(0, path.lastIndexOf('/'))] : [])),
    );
    const entries = [
      ...[...folders].map((path) => ({ type: 'directory', oid: '0'.repeat(40), size: 0, path })),
      ...[...files].map(([path, { bytes, isLarge }]) => {
        const pointer = pointerOf(bytes);
        const lfs = { oid: hash('sha256', bytes), size: bytes.length, pointerSize: pointer.length };
        return isLarge
          ? { type: 'file', oid: gitId(pointer), size: bytes.length, path, lfs }
          : { type: 'file', oid: gitId(bytes), size: bytes.length, path };
      }),
    ];
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const next = from + this.pageSize;
    const link: Record<string, string> = {};
    if (next < entries.length) {
      url.searchParams.set('cursor', `${next}`);
      link['link'] = `<${url.href}>; rel="next"`;
    }
    sendJson(response, entries.slice(from, next), link);
  }

  #file(request: IncomingMessage, response: ServerResponse, { commit }: Repository, { bytes, isLarge }: HubFile): void {
    const headers = { 'x-repo-commit': commit };
    if (!isLarge) {
      sendBytes(request, response, bytes, { ...headers, etag: `"${gitId(bytes)}"` });
      return;
    }
    const oid = hash('sha256', bytes);
    const location = `http://${this.storageHost}/${oid}?signature=hunter2`;
    response.writeHead(302, { ...headers, location, 'x-linked-etag': `"${oid}"`, 'x-linked-size': bytes.length }).end();
  }

  #stored(request: IncomingMessage, response: ServerResponse): void {
    const oid = new URL(request.url ?? '', 'http://x').pathname.slice(1);
    const files = [...this.repositories.values()].flatMap((one) => [...one.files.values()]);
    const found = files.find(({ bytes, isLarge }) => isLarge && hash('sha256', bytes) === oid);
    if (found === undefined) response.writeHead(404).end();
    else sendBytes(request, response, found.bytes, { etag: `"${oid.slice(0, 32)}"` });
  }
}

export function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' })
    .end(JSON.stringify({ error: code }));
}

export function sendJson(response: ServerResponse, document: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document));
}

/** Bytes, or the range of them that was asked for. */
export function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  headers: Record<string, string> = {},
): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) {
    response.writeHead(200, { 'content-length': bytes.length, 'accept-ranges': 'bytes', ...headers });
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return;
  }
  if (Number(from) >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const part = bytes.subarray(Number(from), to === '' ? bytes.length : Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
  response.writeHead(206, { 'content-range': range, 'content-length': part.length, ...headers });
  response.end(request.method === 'HEAD' ? undefined : part);
}
