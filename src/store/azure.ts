import type { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  headerOf,
  type Patience,
  readBody,
  refusalOf,
  unavailable,
  withRetries,
} from '../registry/index.ts';
import { type AzureBlob, type AzurePage, parseAzurePage } from './azure-listing.ts';
import type { AzureLocation } from './azure-location.ts';
import { type AzureAccount, type AzureSettings, accountOf } from './azure-settings.ts';
import { sharedKey } from './azure-signer.ts';
import { AzureTokens } from './azure-token.ts';
import { MAX_PAGE_BYTES } from './limits.ts';
import { listBucket } from './list-bucket.ts';
import type { Patterns } from './patterns.ts';
import { Replaced } from './replaced.ts';
import { strongTag } from './s3-listing.ts';
import type { Inventory, OpenOptions, Store, StoredFile, StoreTools } from './store.ts';

/**
 * Version of the interface: the last one that all of Azure's clouds and Azurite know of what is
 * asked here.
 */
const API_VERSION = '2021-12-02';

/**
 * A container of Azure Blob Storage (Blob service REST API: List Blobs, Get Blob): each blob in the
 * version that was listed.
 */
export class Azure implements Store {
  readonly #location: AzureLocation;
  readonly #patterns: Patterns;
  readonly #tools: StoreTools;
  readonly #account: AzureAccount;
  readonly #tokens: AzureTokens;

  /** @throws WeighlockError `CONFIG_INVALID` */
  constructor(location: AzureLocation, settings: AzureSettings, patterns: Patterns, tools: StoreTools) {
    this.#location = location;
    this.#patterns = patterns;
    this.#tools = tools;
    this.#account = accountOf(location, settings);
    this.#tokens = new AzureTokens(settings, tools.transport);
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    return listBucket(this.#location.key, this.#patterns, this.#tools.maxFiles, {
      page: async (prefix, from) => {
        const { blobs, next } = await this.#page(prefix, from, signal);
        return { objects: blobs.map(storedOf), next };
      },
      look: async (key) => {
        const object = await this.#look(key, signal);
        return object && storedOf(object);
      },
      fault: (why) => unavailable(this.#account.base, why),
      noun: 'blobs',
    });
  }

  #page(prefix: string, marker: string | undefined, signal: AbortSignal): Promise<AzurePage> {
    const more = marker === undefined ? {} : { marker };
    const query = { restype: 'container', comp: 'list', include: 'metadata', maxresults: '1000', prefix, ...more };
    return withRetries(async () => {
      const answer = await this.#ask('', query, {}, { signal });
      if (answer.status !== 200) throw await this.#refusal(answer, `the listing of ${this.#location.container}`);
      return parseAzurePage(await readBody(answer, MAX_PAGE_BYTES), answer.url);
    }, this.#patience(signal));
  }

  /**
   * What a blob is now; undefined where there is none, or where it may not be read and may be a
   * prefix.
   */
  #look(key: string, signal: AbortSignal): Promise<AzureBlob | undefined> {
    return withRetries(async () => {
      const answer = await this.#ask(key, {}, { range: 'bytes=0-0' }, { signal });
      const { status, headers, url } = answer;
      const isMissing = status === 404 && errorOf(answer) !== 'ContainerNotFound';
      if (isMissing || status === 403 || headerOf(headers, 'x-ms-meta-hdi_isfolder') === 'true') {
        answer.body.destroy();
        return undefined;
      }
      if (status !== 206 && status !== 200 && status !== 416) throw await this.#refusal(answer, key);
      answer.body.destroy();
      const total = headerOf(headers, status === 200 ? 'content-length' : 'content-range');
      const size =
        /^(?:bytes (?:\d+-\d+|\*)\/)?(\d{1,16})$/.exec(total ?? '')?.[1] ?? (status === 416 ? '0' : undefined);
      // An empty blob has no byte to ask for: what there is of it says the whole answer.
      if (status === 416) return this.#lookWhole(key, signal);
      const tag = headerOf(headers, 'etag');
      if (size === undefined || tag === undefined)
        throw unavailable(url, 'does not say how large a blob is, or of which version');
      return { key, size: Number(size), etag: strongTag(tag, url) };
    }, this.#patience(signal));
  }

  async #lookWhole(key: string, signal: AbortSignal): Promise<AzureBlob | undefined> {
    const answer = await this.#ask(key, {}, {}, { signal });
    const { status, headers, url } = answer;
    const tag = headerOf(headers, 'etag');
    const size = headerOf(headers, 'content-length') ?? '';
    if (status !== 200) throw await this.#refusal(answer, key);
    answer.body.destroy();
    if (tag === undefined || size !== '0') throw new Replaced(url);
    return { key, size: 0, etag: strongTag(tag, url) };
  }

  async open(file: StoredFile, headers: Readonly<Record<string, string>>, options: OpenOptions): Promise<Answer> {
    const { key, etag } = file;
    const { 'if-range': _, ...others } = headers;
    const answer = await this.#ask(
      key,
      {},
      { ...others, ...(etag === undefined ? {} : { 'if-match': etag }) },
      options,
    );
    const isBody = answer.status === 200 || answer.status === 206;
    const found = headerOf(answer.headers, 'etag');
    const isOther = isBody && etag !== undefined && (found === undefined || strongTag(found, answer.url) !== etag);
    if (answer.status !== 412 && !isOther) return answer;
    answer.body.destroy();
    throw new Replaced(answer.url);
  }

  refusal(answer: Answer, { key }: StoredFile): Promise<WeighlockError> {
    return this.#refusal(answer, key);
  }

  async renew(file: StoredFile, signal: AbortSignal): Promise<StoredFile> {
    const now = await this.#look(file.key, signal);
    if (now === undefined) throw new Replaced(this.#url(file.key, {}));
    return { path: file.path, ...storedOf(now) };
  }

  versionOf({ headers }: Answer): string | undefined {
    return headerOf(headers, 'x-ms-version-id')?.slice(0, 100);
  }

  /**
   * Asks for a blob, or the container's list; once more with a new token where the first one has
   * ended, or there was none.
   */
  async #ask(
    key: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
    { signal, along }: OpenOptions,
  ): Promise<Answer> {
    for (let turn = 1; ; turn++) {
      const url = this.#url(key, query);
      const own = { ...headers, 'x-ms-version': API_VERSION, 'x-ms-date': new Date().toUTCString() };
      const secretHeaders = await this.#authorization(url, own, signal);
      const asked = { headers: own, secretHeaders, signal, along, asStored: key !== '' };
      const answer = await this.#tools.transport.ask(url, asked);
      const isOver = answer.status === 401 && secretHeaders['authorization']?.startsWith('Bearer ') === true;
      const isPublic = this.#account.sas === undefined && secretHeaders['authorization'] === undefined;
      const isRefused = isPublic && turn === 1 && isForbidden(answer) && (await this.#mayUseMachine());
      if (turn === 2 || (!isOver && !isRefused)) return answer;
      await answer.body.dump();
      answer.onRead();
      if (isOver) this.#tokens.forget();
    }
  }

  /**
   * The identity of the machine is for Azure itself, and not for an address that an environment
   * names.
   */
  async #mayUseMachine(): Promise<boolean> {
    return this.#account.base.href === `https://${this.#location.host}/` && (await this.#tokens.useMachine());
  }

  async #authorization(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const { sas, key } = this.#account;
    if (sas !== undefined) return {};
    if (key !== undefined) return { authorization: sharedKey(this.#account, url, headers) };
    return this.#tokens.headers(signal);
  }

  #url(key: string, query: Readonly<Record<string, string>>): URL {
    const { base, sas } = this.#account;
    const url = new URL(base);
    const path = key === '' ? '' : `/${key.split('/').map(encoded).join('/')}`;
    url.pathname += `${this.#location.container}${path}`;
    const pairs = Object.entries(query).map(([name, value]) => `${name}=${encoded(value)}`);
    // The signature is sent as it was given: it is over what it says.
    url.search = [...pairs, ...(sas === undefined ? [] : [sas])].join('&');
    return url;
  }

  #refusal(answer: Answer, what: string): Promise<WeighlockError> {
    const code = errorOf(answer);
    const remedy =
      REMEDIES[code ?? ''] ?? (answer.status === 404 ? REMEDIES['BlobNotFound'] : REMEDIES['AuthorizationFailure']);
    const remedies = remedy === undefined ? {} : { [answer.status]: remedy };
    return refusalOf(answer, { what: code === undefined ? what : `${what} (${code})`, remedies });
  }

  #patience(signal: AbortSignal): Patience {
    const { notice, sleep } = this.#tools;
    return {
      signal,
      onRetry: (failure, ms) => notice(`${failure.message}; trying again in ${(ms / 1000).toFixed(1)} s`),
      ...(sleep === undefined ? {} : { sleep }),
    };
  }
}

function storedOf({ md5, ...blob }: AzureBlob): Omit<StoredFile, 'path'> {
  return { ...blob, ...(md5 === undefined ? {} : { checksums: { md5 } }) };
}

/** RFC 3986: what encodeURIComponent leaves is encoded, too. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function errorOf({ headers }: Answer): string | undefined {
  const code = headerOf(headers, 'x-ms-error-code');
  return code !== undefined && /^[A-Za-z]{1,60}$/.test(code) ? code : undefined;
}

/** What a container that is not public answers to who shows no credentials. */
function isForbidden(answer: Answer): boolean {
  const { status } = answer;
  return (
    status === 401 || status === 403 || status === 409 || (status === 404 && errorOf(answer) === 'ResourceNotFound')
  );
}

const IDENTITY =
  'give the pod an identity with the role Storage Blob Data Reader (workload identity), or a shared access signature with sp=rl';

/** What the codes of Azure mean for who runs a pod ("Blob service error codes"). */
const REMEDIES: Readonly<Record<string, string>> = {
  ContainerNotFound: 'check the names of the account and the container',
  ResourceNotFound: 'check the names of the account and the container; what is not public needs credentials',
  BlobNotFound: 'check the name of the blob; a prefix ends with a slash',
  PublicAccessNotPermitted: IDENTITY,
  NoAuthenticationInformation: IDENTITY,
  AuthorizationFailure: IDENTITY,
  AuthorizationPermissionMismatch: IDENTITY,
  AuthenticationFailed: 'the signature or token is wrong, or has ended: renew it, and check the clock of this node',
  AccountIsDisabled: 'the account is disabled',
  BlobArchived: 'the blob is archived: bring it back to an online tier first',
};
