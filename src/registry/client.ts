import { createHash } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import { Authenticator } from './auth.ts';
import { credentialsFor } from './credentials.ts';
import { type Digest, digestOf, hexOf, parseDigest } from './digest.ts';
import type { DockerConfig } from './docker-config.ts';
import { type Download, download } from './download.ts';
import { MAX_ERROR_BYTES, MAX_MANIFEST_BYTES, MAX_REFERRER_PAGES, MAX_REFERRERS, MAX_TRIES } from './limits.ts';
import {
  ACCEPT_MANIFESTS,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA,
  type Platform,
  parseManifest,
} from './manifest.ts';
import { apiHost, type Reference, referenceText } from './reference.ts';
import { isRetryableStatus, parseRetryAfter, withRetries } from './retry.ts';
import { Retryable } from './retryable.ts';
import {
  type Answer,
  headerOf,
  readBody,
  showUrl,
  Transport,
  type TransportSettings,
  unavailable,
} from './transport.ts';

/** Everything a client needs to know; plain data, so that it can be handed to a worker thread. */
export interface RegistrySettings extends TransportSettings {
  readonly credentials: DockerConfig;
  /** Registry -> hosts that are asked first, in order. Upstream credentials are not sent to them. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
}

/** A manifest as it was fetched, with the digest that its bytes have. */
export interface Fetched<T> {
  readonly digest: Digest;
  readonly size: number;
  readonly document: T;
}

/** Told what a person should see: warnings of registries, retries. */
export type Notice = (text: string) => void;

/** One server that has a repository: the registry itself, or a mirror. */
interface Host {
  readonly base: URL;
  /** The upstream registry that a mirror is to answer for. */
  readonly namespace: string | undefined;
  readonly authenticator: Authenticator;
}

/** Reads one repository. A tag is resolved once, by whoever calls; everything else is asked for by digest. */
export class Repository {
  readonly #reference: Reference;
  readonly #transport: Transport;
  readonly #hosts: readonly Host[];
  readonly #notice: Notice;
  readonly #warned = new Set<string>();

  constructor(reference: Reference, settings: RegistrySettings, notice: Notice) {
    this.#reference = reference;
    this.#notice = notice;
    this.#transport = new Transport(settings);
    const { registry, repository } = reference;
    const upstream = apiHost(registry);
    const host = (name: string, mirror: boolean): Host => {
      const base = new URL(`${this.#transport.allowsPlainHttp(name) ? 'http' : 'https'}://${name}`);
      const load = () => credentialsFor(settings.credentials, mirror ? name : registry, repository);
      const namespace = mirror ? registry : undefined;
      return { base, namespace, authenticator: new Authenticator(this.#transport, base, repository, load) };
    };
    const mirrors = settings.mirrors.get(registry) ?? [];
    this.#hosts = [...mirrors.map((name) => host(name, true)), host(upstream, false)];
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /**
   * Fetches a manifest or index. By digest its bytes must have that digest; by tag the digest is computed from the bytes,
   * whatever the server's headers say.
   */
  async manifest(which: Digest | string, signal: AbortSignal): Promise<Fetched<Manifest | Index>> {
    const expected = parseDigest(which);
    return this.#anyHost(signal, async (host) => {
      const answer = await this.#get(host, `manifests/${which}`, { accept: ACCEPT_MANIFESTS }, signal);
      if (answer.status !== 200) throw await this.#failure(answer, `manifest ${which}`);
      const bytes = await readBody(answer, MAX_MANIFEST_BYTES);
      const digest = digestOf(createHash('sha256').update(bytes).digest('hex'));
      if (expected !== undefined && digest !== expected) throw this.#mismatch('the manifest', expected, digest);
      return { digest, size: bytes.length, document: parseManifest(bytes, headerOf(answer.headers, 'content-type')) };
    });
  }

  /**
   * Everything that says it refers to a digest: the referrers API page by page, or the tag `sha256-<hex>` of registries
   * without it (distribution-spec, "Listing Referrers"). An error of the registry is an error, never "no referrers".
   */
  async referrers(subject: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return this.#anyHost(signal, async (host) => {
      const found = await this.#referrerPages(host, subject, signal);
      if (found !== undefined) return found;
      const answer = await this.#get(host, `manifests/sha256-${hexOf(subject)}`, { accept: MEDIA.ociIndex }, signal);
      if (answer.status === 404) {
        await answer.body.dump();
        return [];
      }
      if (answer.status !== 200) throw await this.#failure(answer, `referrers of ${subject}`);
      const document = parseManifest(
        await readBody(answer, MAX_MANIFEST_BYTES),
        headerOf(answer.headers, 'content-type'),
      );
      return document.kind === 'index' ? document.manifests : [];
    });
  }

  /** The pages of the referrers API, or undefined where there is none. */
  async #referrerPages(host: Host, subject: Digest, signal: AbortSignal): Promise<Descriptor[] | undefined> {
    const found: Descriptor[] = [];
    const seen = new Set<string>();
    let path: string | undefined = `referrers/${subject}`;
    for (let page = 0; path !== undefined; page++) {
      // Links in a circle, or a list without an end (ghsa-298f-872v-2rcx, S10).
      if (seen.has(path) || page >= MAX_REFERRER_PAGES) throw this.#endless(subject);
      seen.add(path);
      const answer = await this.#get(host, path, { accept: MEDIA.ociIndex }, signal);
      const isIndex = headerOf(answer.headers, 'content-type')?.split(';')[0]?.trim() === MEDIA.ociIndex;
      if (page === 0 && ([400, 404, 405, 406].includes(answer.status) || (answer.status === 200 && !isIndex))) {
        await answer.body.dump(MAX_ERROR_BYTES);
        return undefined;
      }
      if (answer.status !== 200) throw await this.#failure(answer, `referrers of ${subject}`);
      const document = parseManifest(await readBody(answer, MAX_MANIFEST_BYTES), MEDIA.ociIndex);
      if (document.kind === 'index') found.push(...document.manifests);
      if (found.length > MAX_REFERRERS) throw this.#endless(subject);
      path = this.#nextPage(host, answer);
    }
    return found;
  }

  /** The next page of a `Link` header (RFC 8288), which must stay in this repository (ghsa-h7vf-4x9w-h99v). */
  #nextPage(host: Host, answer: Answer): string | undefined {
    const [, target] = /<([^>]{1,2048})>\s*;[^,]*\brel="?next"?/.exec(headerOf(answer.headers, 'link') ?? '') ?? [];
    if (target === undefined) return undefined;
    const prefix = `/v2/${this.#reference.repository}/`;
    const url = URL.canParse(target, answer.url) ? new URL(target, answer.url) : undefined;
    if (url?.origin === host.base.origin && url.pathname.startsWith(prefix))
      return url.pathname.slice(prefix.length) + url.search;
    throw unavailable(answer.url, 'names a next page that is not its own');
  }

  #endless(subject: Digest): WeighlockError {
    return new WeighlockError({
      code: 'LIMIT_EXCEEDED',
      message: `${referenceText(this.#reference)}: more referrers of ${subject} than anybody needs`,
      expected: `at most ${MAX_REFERRERS} on ${MAX_REFERRER_PAGES} pages`,
      found: 'more',
      remedy: 'remove what was attached to the artifact, or move it to a repository of its own',
    });
  }

  /** A small blob whole: a configuration, a signature. Its size and digest are checked. */
  async smallBlob(descriptor: Descriptor, signal: AbortSignal, mostBytes = MAX_MANIFEST_BYTES): Promise<Buffer> {
    if (descriptor.size > mostBytes) {
      throw new WeighlockError({
        code: 'LIMIT_EXCEEDED',
        message: `a configuration or signature of ${descriptor.size} bytes, more than ${mostBytes}`,
        remedy: 'push the artifact again with a current tool',
      });
    }
    for (let upstreamOnly = !this.hasMirrors; ; upstreamOnly = true) {
      const pieces: Buffer[] = [];
      const offset = () => pieces.reduce((sum, { length }) => sum + length, 0);
      const sink = (chunk: Buffer) => void pieces.push(Buffer.from(chunk));
      await this.blob(descriptor, { offset, sink, restart: () => void pieces.splice(0) }, signal, { upstreamOnly });
      const bytes = Buffer.concat(pieces);
      const digest = digestOf(createHash('sha256').update(bytes).digest('hex'));
      if (digest === descriptor.digest) return bytes;
      if (upstreamOnly) throw this.#mismatch('a configuration or signature', descriptor.digest, digest);
    }
  }

  /** True when content may come from somebody else than the registry itself. */
  get hasMirrors(): boolean {
    return this.#hosts.length > 1;
  }

  /**
   * Streams a blob into a sink, through broken connections and expired tokens. The length is checked here, the digest is
   * the sink's business. The registry is asked again after every break: a pre-signed address may have expired.
   *
   * @param task - `offset` says how many bytes the sink has: the next host goes on where a mirror failed
   * @param options - `upstreamOnly` leaves out the mirrors, after one of them sent something else
   */
  async blob(
    descriptor: Descriptor,
    task: Pick<Download, 'sink' | 'restart'> & { readonly offset: () => number },
    signal: AbortSignal,
    options: { readonly upstreamOnly?: boolean } = {},
  ): Promise<void> {
    const { digest, size } = descriptor;
    const hosts = options.upstreamOnly === true ? this.#hosts.slice(-1) : this.#hosts;
    const { sink, restart } = task;
    await this.#anyHost(
      signal,
      (host) =>
        download(
          {
            sink,
            restart,
            offset: task.offset(),
            size,
            open: async (offset) => {
              const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
              const answer = await this.#get(host, `blobs/${digest}`, range, signal);
              if (answer.status >= 400 && answer.status !== 416) throw await this.#failure(answer, `blob ${digest}`);
              return answer;
            },
          },
          { signal, onRetry: this.#onRetry },
        ),
      hosts,
    );
  }

  /** Picks the manifest of a platform out of an index; its digest and size are checked when it is fetched. */
  async child(index: Index, platform: Platform, signal: AbortSignal): Promise<Fetched<Manifest>> {
    const chosen = choosePlatform(index, platform);
    if (chosen === undefined) {
      const offered = index.manifests.map((entry) => platformText(entry.platform)).join(', ');
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `the index has nothing for ${platformText(platform)}`,
        found: offered === '' ? 'nothing at all' : offered.slice(0, 500),
        remedy: 'choose one with --platform',
      });
    }
    const { digest, size, document } = await this.manifest(chosen.digest, signal);
    if (size !== chosen.size)
      throw this.#mismatch('the manifest in the index', `${chosen.size} bytes`, `${size} bytes`);
    if (document.kind === 'index') {
      throw new WeighlockError({
        code: 'UNSAFE_ENTRY',
        message: 'an index inside an index',
        remedy: 'push the artifact again with a current tool',
      });
    }
    return { digest, size, document };
  }

  /** Tries the hosts in order; the last one, the registry itself, has the last word. */
  async #anyHost<T>(
    signal: AbortSignal,
    action: (host: Host) => Promise<T>,
    hosts: readonly Host[] = this.#hosts,
  ): Promise<T> {
    for (const [i, host] of hosts.entries()) {
      try {
        return await withRetries(() => action(host), { signal, onRetry: this.#onRetry });
      } catch (error) {
        if (signal.aborted || i === hosts.length - 1) throw error;
        if (!(error instanceof WeighlockError)) throw error;
        this.#notice(`mirror ${host.base.host}: ${error.message}; asking the next one`);
      }
    }
    throw new Error('a repository without hosts');
  }

  /** One GET in this repository, with whatever the registry wants to see. Follows challenges, not failures. */
  async #get(host: Host, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const url = new URL(`/v2/${this.#reference.repository}/${path}`, host.base);
    if (host.namespace !== undefined) url.searchParams.set('ns', host.namespace);
    for (let turn = 0; turn < MAX_TRIES; turn++) {
      const secretHeaders = host.authenticator.headers();
      const answer = await this.#transport.ask(url, { headers, secretHeaders, signal, retryable: true });
      this.#showWarnings(answer);
      if (answer.status !== 401) {
        if (answer.status < 400) host.authenticator.accepted();
        return answer;
      }
      const more = await host.authenticator.answer(answer, secretHeaders['authorization'], signal);
      if (!more) return answer;
      await answer.body.dump(MAX_ERROR_BYTES);
    }
    throw unavailable(url, 'asks for credentials again and again');
  }

  /** The first error of the registry's answer (distribution-spec, "Error Codes"), as a failure that may be tried again. */
  async #failure(answer: Answer, what: string): Promise<Error> {
    const detail = await errorCode(answer);
    const text = referenceText(this.#reference);
    if (isRetryableStatus(answer.status)) {
      const failure = unavailable(answer.url, `answered ${answer.status}${detail}`);
      return new Retryable(failure, parseRetryAfter(headerOf(answer.headers, 'retry-after'), Date.now()));
    }
    const remedies: Record<number, string> = {
      401: 'mount a pull secret for this registry (DOCKER_CONFIG, --registry-config)',
      403: 'the credentials are known, but may not pull this repository',
      404: 'check the name and the tag: the registry has no such thing',
    };
    return new WeighlockError({
      code: answer.status === 404 ? 'FILE_MISSING' : 'SOURCE_UNAVAILABLE',
      message: `${text}, ${what}: ${showUrl(answer.url)} answered ${answer.status}${detail}`,
      remedy: remedies[answer.status] ?? 'check the registry, then restart the pod',
    });
  }

  #mismatch(what: string, expected: string, found: string): WeighlockError {
    return new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: `${referenceText(this.#reference)}: ${what} is not what was asked for`,
      expected,
      found,
      remedy: 'the registry or something before it sends other content: do not use it',
    });
  }

  /** distribution-spec, "Warnings": shown once each, never acted on. */
  #showWarnings(answer: Answer): void {
    const header = answer.headers['warning'];
    for (const warning of Array.isArray(header) ? header : header === undefined ? [] : [header]) {
      const text = /^299 - "(.{0,4096}?)"/s.exec(warning)?.[1];
      if (text === undefined || this.#warned.has(text) || this.#warned.size > 20) continue;
      this.#warned.add(text);
      this.#notice(`${this.#reference.registry} warns: ${text}`);
    }
  }

  readonly #onRetry = (failure: WeighlockError, milliseconds: number): void => {
    this.#notice(`${failure.message}; trying again in ${(milliseconds / 1000).toFixed(1)} s`);
  };
}

/** The first manifest for a platform; attestations (`unknown/unknown`) never, a single entry without platform always. */
export function choosePlatform(index: Index, wanted: Platform): Descriptor | undefined {
  const real = index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const [only, ...more] = real;
  if (only !== undefined && more.length === 0 && only.platform === undefined) return only;
  return real.find(
    ({ platform }) =>
      platform?.os === wanted.os &&
      platform.architecture === wanted.architecture &&
      (wanted.variant === undefined || platform.variant === wanted.variant),
  );
}

export function platformText(platform: Platform | undefined): string {
  if (platform === undefined) return 'no platform';
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/');
}

async function errorCode(answer: Answer): Promise<string> {
  try {
    const body = JSON.parse((await readBody(answer, MAX_ERROR_BYTES)).toString('utf8')) as {
      errors?: { code?: unknown }[];
    };
    const code = body.errors?.[0]?.code;
    return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : '';
  } catch {
    return '';
  }
}
