// As much of an API server as a reporter meets, with what a real one does on bad days: lists in
// pages, watches with bookmarks, versions that are forgotten, conflicts, namespaces that are being
// deleted, requests that are turned away.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { statusOf, type Verb } from './fake-status.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes
export type Json = any;

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly verb: Verb;
  /** `pods`, `policyreports`, ... */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  body: Json;
}

/** What to answer instead: a status with a body, or a connection that breaks. */
export type Fault = { status: number; body?: Json; headers?: Record<string, string> } | 'break' | 'hang';

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: string;
  readonly object: Json;
}

interface Watch {
  readonly seen: Seen;
  readonly response: ServerResponse;
}

const PATH =
  /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([a-z]+)(?:\/([^/]+)(?:\/([a-z]+))?)?$/;

export class FakeApi {
  /** By `RESOURCE/NAMESPACE/NAME`. */
  readonly objects = new Map<string, Json>();
  readonly requests: Seen[] = [];
  /** The first that answers decides. */
  readonly faults = new Set<(seen: Seen) => Fault | undefined>();
  /** Groups with their versions, and the resources of each. */
  readonly served = new Map<string, readonly string[]>([
    ['wgpolicyk8s.io/v1alpha2', ['policyreports']],
    ['events.k8s.io/v1', ['events']],
    ['coordination.k8s.io/v1', ['leases']],
  ]);
  #version = 100;
  #forgotten = 0;
  readonly #changes: Change[] = [];
  readonly #watches = new Set<Watch>();
  readonly #tls: { key: Buffer; cert: Buffer } | undefined;
  readonly #token: string | undefined;
  #server: Server | undefined;
  #port = 0;

  constructor(tls?: { key: Buffer; cert: Buffer }, token?: string) {
    this.#tls = tls;
    this.#token = token;
  }

  /** Listens; again on the same port after `stop`. @returns the port */
  async start(): Promise<number> {
    const handler = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    const server = this.#tls === undefined ? createServer(handler) : createTlsServer(this.#tls, handler);
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    return this.#port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    this.#server?.closeAllConnections();
    await closed;
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  get watchers(): number {
    return this.#watches.size;
  }

  /** Objects of a resource, by name. */
  all(resource: string): Json[] {
    return [...this.objects].filter(([key]) => key.startsWith(`${resource}/`)).map(([, object]) => object);
  }

  /** Requests so far that change something, of a resource. */
  writes(resource: string): Seen[] {
    return this.requests.filter((one) => one.resource === resource && one.method !== 'GET');
  }

  count(verb: Verb, resource: string): number {
    return this.requests.filter((one) => one.resource === resource && one.verb === verb).length;
  }

  /** Puts an object there as it is, and tells those who watch. */
  put(resource: string, object: Json): Json {
    const { namespace = '', name } = object.metadata;
    const key = `${resource}/${namespace}/${name}`;
    const before = this.objects.get(key);
    this.#version += 1;
    const { uid = before?.metadata.uid ?? randomUUID() } = object.metadata;
    const stored = structuredClone(object);
    stored.metadata = { ...stored.metadata, uid, resourceVersion: String(this.#version) };
    this.objects.set(key, stored);
    this.#changed({
      version: this.#version,
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      resource,
      object: stored,
    });
    return stored;
  }

  /** Takes an object away, and what it owns. */
  remove(resource: string, namespace: string, name: string): void {
    const key = `${resource}/${namespace}/${name}`;
    const object = this.objects.get(key);
    if (object === undefined) return;
    this.objects.delete(key);
    this.#version += 1;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#changed({ version: this.#version, type: 'DELETED', resource, object: last });
    for (const [owned, { metadata }] of this.objects)
      if (metadata.ownerReferences?.some(({ uid }: Json) => uid === object.metadata.uid)) this.objects.delete(owned);
  }

  /** Forgets every version until now, as etcd's compaction does. */
  forget(): void {
    this.#forgotten = this.#version;
    this.#changes.length = 0;
  }

  /** A line to everybody who watches. */
  send(type: string, object: Json): void {
    for (const { response } of this.#watches) response.write(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(): void {
    this.send('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: String(this.#version) } });
  }

  /** Breaks off every watch in the middle of a line. */
  cut(): void {
    for (const { response } of this.#watches)
      response.write('{"type":"MODIFIED","object":{"metadata":{"na', () => response.destroy());
  }

  /** Ends every watch as the server does when its time is up. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
  }

  #changed(change: Change): void {
    this.#changes.push(change);
    for (const watch of this.#watches) if (isFor(watch.seen, change)) send(watch.response, change);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://x');
    const [, namespace = '', resource = '', name = '', subresource = ''] = PATH.exec(url.pathname) ?? [];
    const method = request.method ?? '';
    const query = url.searchParams;
    const verb = verbOf(method, name, query);
    const seen: Seen = {
      method,
      path: url.pathname,
      query,
      verb,
      resource,
      namespace,
      name,
      subresource,
      body: undefined,
    };
    let text = '';
    for await (const chunk of request) text += chunk;
    if (text !== '') seen.body = JSON.parse(text);
    this.requests.push(seen);
    if (this.#token !== undefined && request.headers.authorization !== `Bearer ${this.#token}`)
      return answer(response, 401, statusOf(401, 'Unauthorized'));
    const fault = [...this.faults].map((one) => one(seen)).find((one) => one !== undefined);
    if (fault === 'break') return void request.socket.destroy();
    if (fault === 'hang') return;
    if (fault !== undefined) {
      const { status, body = statusOf(status, `said by the test`), headers = {} } = fault;
      return answer(response, status, body, headers);
    }
    const group = /^\/apis\/([^/]+\/[^/]+)$/.exec(url.pathname)?.[1];
    if (group !== undefined) return this.#discover(group, response);
    const { accept = '' } = request.headers;
    if (verb === 'watch') return this.#watch(seen, response);
    if (verb === 'list') return answer(response, ...this.#list(seen, accept.includes('PartialObjectMetadataList')));
    return answer(response, ...this.#object(seen));
  }

  #discover(group: string, response: ServerResponse): void {
    const resources = this.served.get(group);
    if (resources === undefined) answer(response, 404, statusOf(404, 'not served'));
    else
      answer(response, 200, {
        kind: 'APIResourceList',
        groupVersion: group,
        resources: resources.map((name) => ({ name })),
      });
  }

  #list(seen: Seen, isPartial: boolean): [number, Json] {
    const { resource, namespace, query } = seen;
    const token = query.get('continue');
    const { version, after } = token === null ? { version: this.#version, after: '' } : JSON.parse(token);
    if (version < this.#forgotten) return [410, statusOf(410, 'the provided continue parameter is too old')];
    const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY;
    const [label, value] = (query.get('labelSelector') ?? '').split('=');
    const field = /^metadata\.name=(.*)$/.exec(query.get('fieldSelector') ?? '')?.[1];
    const keys = [...this.objects.keys()]
      .filter((key) => field === undefined || key.endsWith(`/${field}`))
      .filter((key) => key.startsWith(`${resource}/${namespace === '' ? '' : `${namespace}/`}`) && key > after)
      .filter((key) => label === '' || this.objects.get(key)?.metadata.labels?.[label ?? ''] === value)
      .sort();
    const page = keys.slice(0, limit);
    const more = keys.length > page.length ? { continue: JSON.stringify({ version, after: page.at(-1) }) } : {};
    const items = page.map((key) => this.objects.get(key)).map((one) => (isPartial ? { metadata: one.metadata } : one));
    return [200, { kind: 'List', metadata: { resourceVersion: String(version), ...more }, items }];
  }

  #watch(seen: Seen, response: ServerResponse): void {
    const from = Number(seen.query.get('resourceVersion') ?? 0);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#forgotten) {
      response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'too old resource version') })}\n`);
      return;
    }
    for (const change of this.#changes) if (change.version > from && isFor(seen, change)) send(response, change);
    const watch = { seen, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }

  #object(seen: Seen): [number, Json] {
    const { verb, resource, namespace, body, subresource } = seen;
    const name = seen.name === '' ? body?.metadata?.name : seen.name;
    const known = this.objects.get(`${resource}/${namespace}/${name}`);
    const missing: [number, Json] = [404, statusOf(404, `${resource} "${name}" not found`, { kind: resource, name })];
    if (verb === 'get') return known === undefined ? missing : [200, known];
    const group = /^\/apis\/([^/]+\/[^/]+)/.exec(seen.path)?.[1];
    if (group !== undefined && !(this.served.get(group) ?? []).includes(resource)) return [404, '404 page not found'];
    if (verb === 'delete') {
      this.remove(resource, namespace, name);
      return known === undefined ? missing : [200, known];
    }
    const refused = known === undefined ? this.#whyNotCreated(namespace) : undefined;
    if (refused !== undefined) return refused;
    if (verb === 'create')
      return known === undefined
        ? [201, this.put(resource, body)]
        : [409, statusOf(409, `${resource} "${name}" already exists`)];
    if (verb === 'update') {
      if (known === undefined) return missing;
      const { resourceVersion } = body.metadata;
      if (resourceVersion !== undefined && resourceVersion !== known.metadata.resourceVersion)
        return [409, statusOf(409, 'the object has been modified; please apply your changes to the latest version')];
      return [200, this.put(resource, body)];
    }
    if (subresource === 'status' && known === undefined) return missing;
    const merged = subresource === 'status' ? { ...known, status: body.status } : { ...known, ...body };
    merged.metadata = { ...known?.metadata, ...body.metadata };
    return [known === undefined ? 201 : 200, isSame(known, merged) ? known : this.put(resource, merged)];
  }

  #whyNotCreated(namespace: string): [number, Json] | undefined {
    if (namespace === '') return undefined;
    const owner = this.objects.get(`namespaces//${namespace}`);
    if (owner === undefined)
      return [404, statusOf(404, `namespaces "${namespace}" not found`, { kind: 'namespaces', name: namespace })];
    if (owner.metadata.deletionTimestamp === undefined) return undefined;
    const causes = [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated` }];
    return [403, statusOf(403, `unable to create new content in namespace ${namespace}`, { causes })];
  }
}

function verbOf(method: string, name: string, query: URLSearchParams): Verb {
  if (method === 'GET') return query.get('watch') === 'true' ? 'watch' : name === '' ? 'list' : 'get';
  return ({ POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const)[method] ?? 'get';
}

function isFor({ resource, namespace }: Seen, change: Change): boolean {
  return change.resource === resource && (namespace === '' || change.object.metadata.namespace === namespace);
}

function send(response: ServerResponse, { type, object }: Change): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function isSame(known: Json, merged: Json): boolean {
  return JSON.stringify(known) === JSON.stringify(merged);
}

function answer(response: ServerResponse, status: number, body: Json, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
}
