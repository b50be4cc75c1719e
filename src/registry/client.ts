import { createHash } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import type { ArtifactSource, BlobTask, Expectation, Fetched, Referrers, WrongContent } from './artifact-source.ts';
import { Authenticator } from './auth.ts';
import { mayReceive } from './credential-scope.ts';
import { type Digest, digestOf, hexOf, parseDigest } from './digest.ts';
import { download } from './download.ts';
import { unavailable } from './faults.ts';
import { type CredentialSources, Keychain } from './keychain.ts';
import {
  MAX_ERROR_BYTES,
  MAX_MANIFEST_BYTES,
  MAX_REFERRER_PAGES,
  MAX_REFERRERS,
  MAX_TRIES,
  MAX_WAITS_MISSING,
} from './limits.ts';
import {
  ACCEPT_MANIFESTS,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA,
  parseManifest,
  parseReferrers,
} from './manifest.ts';
import { apiHost, credentialKey, type Reference, referenceText } from './reference.ts';
import { refusalOf } from './refusal.ts';
import { type Sleep, sleep, withRetries } from './retry.ts';
import { type Answer, headerOf, readBody, Transport, type TransportSettings } from './transport.ts';

/** Everything a client needs to know; plain data, so that it can be handed to a worker thread. */
export interface RegistrySettings extends TransportSettings {
  readonly credentials: CredentialSources;
  /** Registry -> hosts that are asked first, in order. Upstream credentials are not sent to them. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
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

/** How registries without the referrers API answer (501: some that know of it and have it switched off). */
const NO_REFERRERS_API = new Set([400, 404, 405, 406, 501]);

/** Reads one repository. A tag is resolved once, by whoever calls; everything else is asked for by digest. */
export class Repository implements ArtifactSource {
  readonly missingPlatform = 'CONFIG_INVALID';
  readonly #reference: Reference;
  readonly #transport: Transport;
  readonly #hosts: readonly Host[];
  readonly #notice: Notice;
  readonly #warned = new Set<string>();
  readonly #sleep: Sleep;
  #waitsLeft = MAX_WAITS_MISSING;

  /** @throws WeighlockError `CONFIG_INVALID` when a file that was named for registries cannot be used */
  constructor(reference: Reference, settings: RegistrySettings, notice: Notice, wait: Sleep = sleep) {
    this.#reference = reference;
    this.#notice = notice;
    this.#sleep = wait;
    const keychain = new Keychain(settings.credentials, notice);
    keychain.requireNamed();
    this.#transport = new Transport(settings);
    const { registry, repository } = reference;
    const upstream = apiHost(registry);
    const host = (name: string, mirror: boolean): Host => {
      const base = new URL(`${this.#transport.allowsPlainHttp(name) ? 'http' : 'https'}://${name}`);
      const load = () => keychain.credentialsFor(credentialKey(mirror ? name : registry), repository);
      const namespace = mirror ? registry : undefined;
      return { base, namespace, authenticator: new Authenticator(this.#transport, base, repository, load) };
    };
    const mirrors = settings.mirrors.get(registry) ?? [];
    this.#hosts = [...mirrors.map((name) => host(name, true)), host(upstream, false)];
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  top(signal: AbortSignal): Promise<Fetched<Manifest | Index>> {
    return this.manifest(this.#reference.digest ?? this.#reference.tag ?? 'latest', signal);
  }

  /** The tags that cosign gives to what it attaches. */
  async attached(subject: Digest): Promise<readonly string[]> {
    return ['sig', 'att'].map((suffix) => `sha256-${hexOf(subject)}.${suffix}`);
  }

  /**
   * Fetches a manifest or index. By digest its bytes must have that digest; by tag the digest is computed from the bytes,
   * whatever the server's headers say.
   */
  async manifest(
    which: Digest | string,
    signal: AbortSignal,
    expectation: Expectation = {},
  ): Promise<Fetched<Manifest | Index>> {
    const expected = parseDigest(which);
    return this.#anyHost(signal, async (host) => {
      const answer = await this.#get(host, `manifests/${which}`, { accept: ACCEPT_MANIFESTS }, signal);
      if (answer.status !== 200) throw await this.#refusal(answer, `manifest ${which}`, expectation);
      const bytes = await readBody(answer, MAX_MANIFEST_BYTES);
      const digest = digestOf(createHash('sha256').update(bytes).digest('hex'));
      if (expected !== undefined && digest !== expected) throw this.#mismatch('the manifest', expected, digest);
      return { digest, size: bytes.length, document: parseManifest(bytes, headerOf(answer.headers, 'content-type')) };
    });
  }

  /**
   * Everything that says it refers to a digest: the referrers API page by page, and where that has none the tag
   * `sha256-<hex>` of registries without it (distribution-spec, "Listing Referrers"). An error of one of the two hides
   * nothing that the other has, and is told beside.
   */
  async referrers(subject: Digest, signal: AbortSignal): Promise<Referrers> {
    const faults: WeighlockError[] = [];
    for (const list of [this.#referrerPages, this.#referrerTag]) {
      const descriptors = await this.#eachHost(
        signal,
        (host) => list.call(this, host, subject, signal, faults),
        faults,
      );
      if (descriptors.length > 0) return { descriptors, faults };
    }
    return { descriptors: [], faults };
  }

  /** The pages of the referrers API; none where there is no such thing. A page that fails takes none of the others along. */
  async #referrerPages(
    host: Host,
    subject: Digest,
    signal: AbortSignal,
    faults: WeighlockError[],
  ): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    const seen = new Set<string>();
    let path: string | undefined = `referrers/${subject}`;
    const readPage = async (page: string): Promise<string | undefined> => {
      const answer = await this.#get(host, page, { accept: MEDIA.ociIndex }, signal);
      const isIndex = headerOf(answer.headers, 'content-type')?.split(';')[0]?.trim() === MEDIA.ociIndex;
      if (seen.size === 1 && (NO_REFERRERS_API.has(answer.status) || (answer.status === 200 && !isIndex))) {
        await answer.body.dump(MAX_ERROR_BYTES);
        return undefined;
      }
      if (answer.status !== 200) throw await this.#refusal(answer, `referrers of ${subject}`);
      found.push(...(await this.#referrersIn(answer, faults)));
      return this.#nextPage(host, answer);
    };
    try {
      while (path !== undefined) {
        // Links in a circle, or a list without an end (ghsa-298f-872v-2rcx, S10).
        if (seen.has(path) || seen.size >= MAX_REFERRER_PAGES) throw this.#endless(subject);
        seen.add(path);
        const page: string = path;
        path = await this.#anyHost(signal, () => readPage(page), [host]);
        if (found.length > MAX_REFERRERS) throw this.#endless(subject);
      }
    } catch (error) {
      if (found.length === 0 || signal.aborted || !(error instanceof WeighlockError)) throw error;
      faults.push(error);
    }
    return found.slice(0, MAX_REFERRERS);
  }

  async #referrerTag(
    host: Host,
    subject: Digest,
    signal: AbortSignal,
    faults: WeighlockError[],
  ): Promise<Descriptor[]> {
    const readTag = async () => {
      const answer = await this.#get(host, `manifests/sha256-${hexOf(subject)}`, { accept: MEDIA.ociIndex }, signal);
      if (answer.status === 200) return this.#referrersIn(answer, faults);
      if (answer.status !== 404) throw await this.#refusal(answer, `referrers of ${subject}`);
      await answer.body.dump();
      return [];
    };
    return this.#anyHost(signal, readTag, [host]);
  }

  async #referrersIn(answer: Answer, faults: WeighlockError[]): Promise<Descriptor[]> {
    const { descriptors, fault } = parseReferrers(await readBody(answer, MAX_MANIFEST_BYTES));
    if (fault !== undefined) faults.push(fault);
    return descriptors;
  }

  /** Asks the hosts in order until one has something. What fails is told in `faults`, and hides nothing of the others. */
  async #eachHost<T>(
    signal: AbortSignal,
    action: (host: Host) => Promise<readonly T[]>,
    faults: WeighlockError[],
  ): Promise<readonly T[]> {
    for (const host of this.#hosts) {
      try {
        const found = await action(host);
        if (found.length > 0) return found;
      } catch (error) {
        if (signal.aborted || !(error instanceof WeighlockError)) throw error;
        if (host.namespace === undefined) faults.push(error);
        else this.#notice(`mirror ${host.base.host}: ${error.message}; asking the next one`);
      }
    }
    return [];
  }

  /** The next page of a `Link` header (RFC 8288), which must stay in this repository (ghsa-h7vf-4x9w-h99v). */
  #nextPage(host: Host, answer: Answer): string | undefined {
    const [, target] = /<([^>]{1,2048})>\s*;[^,]*\brel="?next"?/.exec(headerOf(answer.headers, 'link') ?? '') ?? [];
    if (target === undefined) return undefined;
    const prefix = `/v2/${this.#reference.repository}/`;
    const url = URL.canParse(target, answer.url) ? new URL(target, answer.url) : undefined;
    if (url !== undefined && mayReceive(host.base, [...answer.hops, url]) && url.pathname.startsWith(prefix))
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
  async smallBlob(
    descriptor: Descriptor,
    signal: AbortSignal,
    mostBytes = MAX_MANIFEST_BYTES,
    missing: Expectation['missing'] = 'SOURCE_UNAVAILABLE',
  ): Promise<Buffer> {
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
      await this.blob(descriptor, { offset, sink, restart: () => void pieces.splice(0) }, signal, {
        upstreamOnly,
        missing,
      });
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
    task: BlobTask,
    signal: AbortSignal,
    options: { readonly upstreamOnly?: boolean; readonly missing?: Expectation['missing'] } = {},
  ): Promise<void> {
    const { digest, size } = descriptor;
    const { missing = 'SOURCE_UNAVAILABLE' } = options;
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
            isAddressed: true,
            open: (headers) => this.#get(host, `blobs/${digest}`, headers, signal, true),
            refusal: (answer) => this.#refusal(answer, `blob ${digest}`, { missing, isExpected: true }),
          },
          { signal, onRetry: this.#onRetry, sleep: this.#sleep },
        ),
      hosts,
    );
  }

  wrongContent({ file, expected, found }: WrongContent): WeighlockError {
    return new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: 'the registry sent something else than the manifest promises',
      ...(file === undefined ? {} : { file }),
      expected,
      found,
      remedy: 'do not use this content; check the registry and what lies between',
    });
  }

  /** Tries the hosts in order; the last one, the registry itself, has the last word. */
  async #anyHost<T>(
    signal: AbortSignal,
    action: (host: Host) => Promise<T>,
    hosts: readonly Host[] = this.#hosts,
  ): Promise<T> {
    for (const [i, host] of hosts.entries()) {
      try {
        return await withRetries(() => action(host), { signal, onRetry: this.#onRetry, sleep: this.#sleep });
      } catch (error) {
        if (signal.aborted || i === hosts.length - 1) throw error;
        if (!(error instanceof WeighlockError)) throw error;
        this.#notice(`mirror ${host.base.host}: ${error.message}; asking the next one`);
      }
    }
    throw new Error('a repository without hosts');
  }

  /** One GET in this repository, with whatever the registry wants to see. Follows challenges, not failures. */
  async #get(
    host: Host,
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    asStored = false,
  ): Promise<Answer> {
    const url = new URL(`/v2/${this.#reference.repository}/${path}`, host.base);
    if (host.namespace !== undefined) url.searchParams.set('ns', host.namespace);
    for (let turn = 0; turn < MAX_TRIES; turn++) {
      const secretHeaders = host.authenticator.headers();
      const answer = await this.#transport.ask(url, { headers, secretHeaders, signal, asStored });
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

  #refusal(answer: Answer, what: string, { isExpected = false, missing }: Expectation = {}): Promise<WeighlockError> {
    const isPatient = isExpected && this.#waitsLeft > 0;
    if (isPatient && answer.status === 404) this.#waitsLeft -= 1;
    return refusalOf(answer, {
      what: `${referenceText(this.#reference)}, ${what}`,
      missing: missing ?? 'FILE_MISSING',
      isExpected: isPatient,
      remedies: {
        401: 'mount a pull secret for this registry (DOCKER_CONFIG, --registry-config)',
        403: 'the credentials are known, but may not pull this repository',
        404: isExpected
          ? 'the registry does not have what its own manifest names: push the artifact again, or try again later'
          : 'check the name and the tag: the registry has no such thing',
      },
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
