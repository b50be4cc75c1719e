import { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  nextLink,
  type Patience,
  readBody,
  refusalOf,
  unavailable,
  withRetries,
} from '../registry/index.ts';
import { FileCollector, isSize, type ListedFile } from './collect.ts';
import { givenSecret } from './given-secret.ts';
import type { HubLocation } from './hub-location.ts';
import { hubRefusal } from './hub-refusal.ts';
import { jsonOf } from './json.ts';
import { MAX_EMPTY_PAGES, MAX_PAGE_BYTES, MAX_REVISION_BYTES } from './limits.ts';
import type { Patterns } from './patterns.ts';
import type { Inventory, OpenOptions, Promised, Store, StoredFile, StoreTools } from './store.ts';

/** How hubs are reached; plain data, for threads. */
export interface HubSettings {
  /** `HF_ENDPOINT`, without a slash at its end. */
  readonly endpoint: string;
  /** `HF_TOKEN`. */
  readonly token?: string;
}

/** A repository of a Hugging Face hub, by the HTTP interface that huggingface_hub uses. */
export class Hub implements Store {
  readonly #location: HubLocation;
  readonly #patterns: Patterns;
  readonly #tools: StoreTools;
  readonly #endpoint: URL;
  readonly #secretHeaders: Record<string, string>;
  #commit: string | undefined;

  /** @param commit - what the revision was resolved to before */
  constructor(location: HubLocation, settings: HubSettings, patterns: Patterns, tools: StoreTools, commit?: string) {
    const { endpoint, token } = settings;
    this.#location = location;
    this.#patterns = patterns;
    this.#tools = tools;
    this.#endpoint = endpointOf(endpoint);
    this.#secretHeaders = token === undefined ? {} : { authorization: `Bearer ${givenSecret('HF_TOKEN', token)}` };
    this.#commit = commit;
  }

  async inventory(signal: AbortSignal): Promise<Inventory> {
    const revision = await this.#resolve(signal);
    this.#commit = revision;
    const files = new FileCollector(this.#tools.maxFiles, this.#patterns);
    const seen = new Set<string>();
    let empty = 0;
    let page: URL | undefined = this.#api(`tree/${revision}`);
    page.searchParams.set('recursive', 'true');
    page.searchParams.set('expand', 'false');
    while (page !== undefined) {
      const { href } = page;
      if (seen.has(href)) throw unavailable(page, 'its listing comes back to a page that was read');
      seen.add(href);
      const { document, answer } = await this.#document(page, MAX_PAGE_BYTES, 'the list of files', signal);
      const entries = filesOf(document, answer.url);
      for (const entry of entries) files.add(entry);
      empty = entries.length === 0 ? empty + 1 : 0;
      if (empty > MAX_EMPTY_PAGES) throw unavailable(page, 'sends one page without a file after the other');
      page = this.#next(answer);
    }
    return { kind: 'folder', revision, files: files.finish() };
  }

  open(file: StoredFile, headers: Readonly<Record<string, string>>, { signal, along }: OpenOptions): Promise<Answer> {
    const url = new URL(this.#endpoint);
    const { type, id } = this.#location;
    const prefix = type === 'datasets' ? 'datasets/' : '';
    const path = file.key.split('/').map(encodeURIComponent).join('/');
    url.pathname += `${prefix}${id}/resolve/${this.#commit ?? ''}/${path}`;
    const secretHeaders = this.#secretHeaders;
    return this.#tools.transport.ask(url, { headers, secretHeaders, signal, asStored: true, along });
  }

  async refusal(answer: Answer, { key }: StoredFile): Promise<WeighlockError> {
    const known = this.#refusal(answer);
    return known ?? refusalOf(answer, { what: key, remedies: REMEDIES });
  }

  /** A commit does not change: what differs from its listing is a lie. */
  async renew(file: StoredFile): Promise<StoredFile> {
    return file;
  }

  versionOf(): string | undefined {
    return this.#commit;
  }

  /**
   * The commit of the revision: asked for once, and also where it was given, since a branch may be
   * called like a commit.
   */
  async #resolve(signal: AbortSignal): Promise<string> {
    const { revision, commit } = this.#location;
    const url = this.#api(`revision/${encodeURIComponent(revision)}`);
    const { document } = await this.#document(url, MAX_REVISION_BYTES, `the revision ${revision}`, signal);
    const sha = (document as { sha?: unknown } | null)?.sha;
    if (typeof sha !== 'string' || !COMMIT.test(sha)) throw unavailable(url, 'does not say which commit it has');
    if (commit === undefined || commit === sha) return sha;
    throw new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: 'the hub takes the commit that is pinned for the name of another one',
      expected: commit,
      found: sha,
      remedy: 'a branch or tag of that name was made: do not use this repository',
    });
  }

  #api(what: string): URL {
    const url = new URL(this.#endpoint);
    url.pathname += `api/${this.#location.type}/${this.#location.id}/${what}`;
    return url;
  }

  /** The next page, which is another one of the same hub: the token goes nowhere else. */
  #next(answer: Answer): URL | undefined {
    const target = nextLink(answer.headers['link']);
    if (target === undefined) return undefined;
    const next = URL.canParse(target, answer.url.href) ? new URL(target, answer.url) : undefined;
    if (next?.origin !== this.#endpoint.origin || next.username !== '' || next.password !== '')
      throw unavailable(answer.url, 'names a page of its listing that is not its own');
    return next;
  }

  async #document(url: URL, limit: number, what: string, signal: AbortSignal) {
    const { transport, notice, sleep } = this.#tools;
    const patience: Patience = {
      signal,
      onRetry: (failure, ms) => notice(`${failure.message}; trying again in ${(ms / 1000).toFixed(1)} s`),
      ...(sleep === undefined ? {} : { sleep }),
    };
    return withRetries(async () => {
      const answer = await transport.ask(url, {
        headers: { accept: 'application/json' },
        secretHeaders: this.#secretHeaders,
        signal,
      });
      if (answer.status !== 200) throw this.#refusal(answer) ?? (await refusalOf(answer, { what, remedies: REMEDIES }));
      const body = await readBody(answer, limit);
      return { answer, document: jsonOf(body, answer.url) };
    }, patience);
  }

  #refusal(answer: Answer): WeighlockError | undefined {
    return hubRefusal(answer, this.#location, this.#endpoint, this.#secretHeaders['authorization'] !== undefined);
  }
}

const COMMIT = /^[0-9a-f]{40}$/;

const REMEDIES = {
  401: 'check HF_TOKEN: the hub does not take it',
  403: 'check whether the account of HF_TOKEN may read the repository',
  404: 'check the name of the repository and its revision',
  429: 'the hub limits requests: set HF_TOKEN, whose account has a limit of its own, or try again later',
};

/** @throws WeighlockError `CONFIG_INVALID` */
function endpointOf(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isPlain =
    url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: 'HF_ENDPOINT is not the address of a hub',
      remedy: 'set it to https://HOST, or leave it out; the token goes into HF_TOKEN',
    });
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** The files of a page; folders are what their files say. */
export function filesOf(document: unknown, url: URL): ListedFile[] {
  if (!Array.isArray(document)) throw unavailable(url, 'did not answer with a list of files');
  return document.flatMap((entry: unknown) => {
    const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>;
    if (type !== 'file') return [];
    const large = (lfs ?? undefined) as { oid?: unknown; size?: unknown } | undefined;
    const bytes = large === undefined ? size : (large.size ?? size);
    if (typeof path !== 'string' || !isSize(bytes)) throw unavailable(url, 'lists a file without a name or a size');
    const promised = promisedBy(oid, large);
    if (promised === undefined) throw unavailable(url, 'lists a file without what identifies its content');
    return [{ name: path, key: path, size: bytes, promised }];
  });
}

/** Of a large file the SHA-256 that LFS keeps it by: its Git id is the pointer's. */
function promisedBy(oid: unknown, lfs: { oid?: unknown } | undefined): Promised | undefined {
  if (lfs !== undefined) {
    const hex = typeof lfs.oid === 'string' ? lfs.oid.replace(/^sha256:/, '') : '';
    return /^[0-9a-f]{64}$/.test(hex) ? { algorithm: 'sha256', digest: hex } : undefined;
  }
  return typeof oid === 'string' && COMMIT.test(oid) ? { algorithm: 'git-sha1', digest: oid } : undefined;
}
