import type { WeighlockError } from '../error/index.ts';
import { type Answer, headerOf, type Patience, readBody, unavailable, withRetries } from '../registry/index.ts';
import { MAX_PAGE_BYTES } from './limits.ts';
import { listBucket } from './list-bucket.ts';
import type { Patterns } from './patterns.ts';
import { Replaced } from './replaced.ts';
import { S3Errors } from './s3-errors.ts';
import { parseS3Page, type S3Page, strongTag } from './s3-listing.ts';
import type { S3Location } from './s3-location.ts';
import { placeOf, type S3Place, type S3Settings } from './s3-settings.ts';
import { S3Signer } from './s3-signer.ts';
import type { Inventory, OpenOptions, Store, StoredFile, StoreTools } from './store.ts';

/**
 * A bucket of S3, or of a server that speaks its language (S3 API reference: ListObjectsV2,
 * GetObject).
 */
export class S3 implements Store {
  readonly #location: S3Location;
  readonly #settings: S3Settings;
  readonly #patterns: Patterns;
  readonly #tools: StoreTools;
  readonly #errors = new S3Errors();
  #place: S3Place;
  #signer: S3Signer;

  /** @throws WeighlockError `CONFIG_INVALID` */
  constructor(location: S3Location, settings: S3Settings, patterns: Patterns, tools: StoreTools) {
    this.#location = location;
    this.#settings = settings;
    this.#patterns = patterns;
    this.#tools = tools;
    this.#place = placeOf(settings, location.bucket);
    this.#signer = new S3Signer(settings, this.#place.region, tools.transport);
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    return listBucket(this.#location.key, this.#patterns, this.#tools.maxFiles, {
      page: async (prefix, from) => {
        const { objects, next } = await this.#page(prefix, from, signal);
        return { objects: objects.map(({ key, size, etag }) => ({ key, size, etag })), next };
      },
      look: (key) => this.#look(key, signal),
      fault: (why) => unavailable(this.#place.base, why),
      noun: 'objects',
    });
  }

  async #page(prefix: string, token: string | undefined, signal: AbortSignal): Promise<S3Page> {
    const more = token === undefined ? {} : { 'continuation-token': token };
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...more };
    return withRetries(async () => {
      const answer = await this.#ask('', {}, { signal }, query);
      if (answer.status !== 200) throw await this.#errors.refusal(answer, `the listing of ${this.#location.bucket}`);
      return parseS3Page(await readBody(answer, MAX_PAGE_BYTES), answer.url);
    }, this.#patience(signal));
  }

  /**
   * What an object is now; undefined where there is none, or where it may not be read and may be a
   * prefix.
   */
  async #look(key: string, signal: AbortSignal): Promise<Omit<StoredFile, 'path'> | undefined> {
    return withRetries(async () => {
      const answer = await this.#ask(key, { range: 'bytes=0-0' }, { signal });
      const { status, headers, url } = answer;
      if (status === 404 && (await this.#errors.codeOf(answer)) !== 'NoSuchBucket') return undefined;
      if (status === 403) return undefined;
      if (status !== 206 && status !== 200 && status !== 416) throw await this.#errors.refusal(answer, key);
      answer.body.destroy();
      const total = headerOf(headers, status === 200 ? 'content-length' : 'content-range');
      const size = /^(?:bytes (?:\d+-\d+|\*)\/)?(\d{1,16})$/.exec(total ?? '')?.[1];
      // An empty object has no byte to ask for, and many servers say no more of it than that.
      const isEmpty = status === 416 && (size ?? '0') === '0';
      const tag = headerOf(headers, 'etag');
      if (isEmpty) return { key, size: 0, ...(tag === undefined ? {} : { etag: strongTag(tag, url) }) };
      if (size === undefined || tag === undefined)
        throw unavailable(url, 'does not say how large an object is, or of which version');
      return { key, size: Number(size), etag: strongTag(tag, url) };
    }, this.#patience(signal));
  }

  async open(file: StoredFile, headers: Readonly<Record<string, string>>, options: OpenOptions): Promise<Answer> {
    const { key, etag } = file;
    const { 'if-range': _, ...others } = headers;
    const answer = await this.#ask(key, { ...others, ...(etag === undefined ? {} : { 'if-match': etag }) }, options);
    const isBody = answer.status === 200 || answer.status === 206;
    const found = headerOf(answer.headers, 'etag');
    const isOther = isBody && etag !== undefined && (found === undefined || strongTag(found, answer.url) !== etag);
    if (answer.status !== 412 && !isOther) return answer;
    answer.body.destroy();
    throw new Replaced(answer.url);
  }

  refusal(answer: Answer, { key }: StoredFile): Promise<WeighlockError> {
    return this.#errors.refusal(answer, key);
  }

  async renew(file: StoredFile, signal: AbortSignal): Promise<StoredFile> {
    const now = await this.#look(file.key, signal);
    if (now === undefined) throw new Replaced(urlOf(this.#place.base, file.key));
    return { path: file.path, ...now };
  }

  versionOf({ headers }: Answer): string | undefined {
    const version = headerOf(headers, 'x-amz-version-id');
    return version === undefined || version === 'null' ? undefined : version.slice(0, 1024);
  }

  /**
   * Asks for an object, or the bucket; once more with new keys, or in the bucket's region, where
   * that is what is wrong.
   */
  async #ask(
    key: string,
    headers: Readonly<Record<string, string>>,
    { signal, along }: OpenOptions,
    query: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    for (let turn = 1; ; turn++) {
      const url = urlOf(this.#place.base, key, query);
      const signed = await this.#signer.sign(url, query);
      const { transport } = this.#tools;
      const asked = { headers: { ...headers, ...signed.headers }, secretHeaders: signed.secretHeaders, signal, along };
      const answer = await transport.ask(url, { ...asked, asStored: key !== '' });
      if (turn === 2 || ![301, 307, 400, 403].includes(answer.status)) return answer;
      const region = headerOf(answer.headers, 'x-amz-bucket-region');
      const code = await this.#errors.codeOf(answer);
      if (code === 'ExpiredToken' || code === 'TokenRefreshRequired') this.#signer.forget();
      else if (this.#place.isAws && region !== undefined && region !== this.#place.region) this.#move(region);
      else return answer;
    }
  }

  /** The bucket is in another region, and signatures are for one. */
  #move(region: string): void {
    this.#place = placeOf(this.#settings, this.#location.bucket, region);
    this.#signer = new S3Signer(this.#settings, region, this.#tools.transport);
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

/** RFC 3986, as the signature has it: what encodeURIComponent leaves is encoded, too. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function urlOf(base: URL, key: string, query: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(base);
  url.pathname += key.split('/').map(encoded).join('/');
  const pairs = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  url.search = pairs.join('&');
  return url;
}
