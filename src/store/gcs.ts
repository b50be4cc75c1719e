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
import { GcsCredentials } from './gcs-credentials.ts';
import { type GcsObject, type GcsPage, gcsObject, OBJECT_FIELDS, parseGcsPage } from './gcs-listing.ts';
import type { GcsLocation } from './gcs-location.ts';
import { type GcsSettings, gcsEndpoint } from './gcs-settings.ts';
import { jsonOf } from './json.ts';
import { MAX_PAGE_BYTES } from './limits.ts';
import { listBucket } from './list-bucket.ts';
import type { Patterns } from './patterns.ts';
import { Replaced } from './replaced.ts';
import type { Inventory, OpenOptions, Store, StoredFile, StoreTools } from './store.ts';

/**
 * A bucket of Google Cloud Storage, by its JSON interface: each object in the generation that was
 * listed.
 */
export class Gcs implements Store {
  readonly #location: GcsLocation;
  readonly #patterns: Patterns;
  readonly #tools: StoreTools;
  readonly #base: URL;
  readonly #credentials: GcsCredentials;

  /** @throws WeighlockError `CONFIG_INVALID` */
  constructor(location: GcsLocation, settings: GcsSettings, patterns: Patterns, tools: StoreTools) {
    this.#location = location;
    this.#patterns = patterns;
    this.#tools = tools;
    this.#base = gcsEndpoint(settings);
    this.#credentials = new GcsCredentials(settings, tools.transport, tools.notice);
  }

  inventory(signal: AbortSignal): Promise<Inventory> {
    return listBucket(this.#location.key, this.#patterns, this.#tools.maxFiles, {
      page: async (prefix, from) => {
        const { objects, next } = await this.#page(prefix, from, signal);
        return { objects: objects.map(storedOf), next };
      },
      look: async (key) => {
        const object = await this.#look(key, signal);
        return object && storedOf(object);
      },
      fault: (why) => unavailable(this.#base, why),
      noun: 'objects',
    });
  }

  #page(prefix: string, token: string | undefined, signal: AbortSignal): Promise<GcsPage> {
    const more = token === undefined ? {} : { pageToken: token };
    const query = { prefix, maxResults: '1000', fields: `nextPageToken,items(${OBJECT_FIELDS})`, ...more };
    const what = `the listing of ${this.#location.bucket}`;
    return withRetries(async () => {
      const answer = await this.#ask(undefined, query, {}, { signal });
      if (answer.status !== 200) throw await refusalOf(answer, { what, remedies: OF_BUCKET });
      return parseGcsPage(jsonOf(await readBody(answer, MAX_PAGE_BYTES), answer.url), answer.url);
    }, this.#patience(signal));
  }

  /**
   * What an object is now; undefined where there is none, or where it may not be read and may be a
   * prefix.
   */
  #look(key: string, signal: AbortSignal): Promise<GcsObject | undefined> {
    return withRetries(async () => {
      const answer = await this.#ask(key, { fields: OBJECT_FIELDS }, {}, { signal });
      if (answer.status === 404 || answer.status === 403) {
        await answer.body.dump();
        answer.onRead();
        return undefined;
      }
      if (answer.status !== 200) throw await this.refusal(answer, { key });
      const object = gcsObject(jsonOf(await readBody(answer, MAX_PAGE_BYTES), answer.url), answer.url);
      if (object.key !== key) throw unavailable(answer.url, 'describes another object than was asked for');
      return object;
    }, this.#patience(signal));
  }

  async open(file: StoredFile, headers: Readonly<Record<string, string>>, options: OpenOptions): Promise<Answer> {
    const { key, etag = '' } = file;
    const { 'if-range': _, ...others } = headers;
    const generation = etag.slice(1, -1);
    const query = { alt: 'media', generation, ifGenerationMatch: generation };
    // What is stored compressed is unpacked for who does not take it so: other bytes than were
    // listed.
    const answer = await this.#ask(key, query, { ...others, 'accept-encoding': 'gzip' }, options);
    const isBody = answer.status === 200 || answer.status === 206;
    const isGone = answer.status === 404 || answer.status === 412;
    if (!isGone && !isBody) return answer;
    if (isGone || headerOf(answer.headers, 'x-goog-generation') !== generation) {
      answer.body.destroy();
      throw new Replaced(answer.url);
    }
    // A generation is all that an entity tag says, and what the server sends as one is of several
    // forms.
    return { ...answer, headers: { ...answer.headers, etag } };
  }

  refusal(answer: Answer, { key }: Pick<StoredFile, 'key'>): Promise<WeighlockError> {
    return refusalOf(answer, { what: key, remedies: OF_OBJECT });
  }

  async renew(file: StoredFile, signal: AbortSignal): Promise<StoredFile> {
    const now = await this.#look(file.key, signal);
    if (now === undefined) throw new Replaced(this.#url(file.key, {}));
    return { path: file.path, ...storedOf(now) };
  }

  versionOf({ headers }: Answer): string | undefined {
    return headerOf(headers, 'x-goog-generation');
  }

  /**
   * Asks for an object, or the bucket's list; once more with a new token where the first one has
   * ended.
   */
  async #ask(
    key: string | undefined,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
    { signal, along }: OpenOptions,
  ): Promise<Answer> {
    for (let turn = 1; ; turn++) {
      const secretHeaders = await this.#credentials.headers();
      const asked = { headers, secretHeaders, signal, along, asStored: query['alt'] === 'media' };
      const answer = await this.#tools.transport.ask(this.#url(key, query), asked);
      if (turn === 2 || answer.status !== 401 || secretHeaders['authorization'] === undefined) return answer;
      await answer.body.dump();
      answer.onRead();
      this.#credentials.forget();
    }
  }

  #url(key: string | undefined, query: Readonly<Record<string, string>>): URL {
    const url = new URL(this.#base);
    const object = key === undefined ? '' : `/${encodeURIComponent(key)}`;
    url.pathname += `storage/v1/b/${this.#location.bucket}/o${object}`;
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
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

/** Its generation is what an entity tag is elsewhere. */
function storedOf({ key, size, generation, md5, crc32c }: GcsObject): Omit<StoredFile, 'path'> {
  const checksums = { ...(md5 === undefined ? {} : { md5 }), ...(crc32c === undefined ? {} : { crc32c }) };
  return { key, size, etag: `"${generation}"`, ...(Object.keys(checksums).length === 0 ? {} : { checksums }) };
}

const CREDENTIALS =
  'give the pod a service account that may read it (roles/storage.objectViewer), or its key by GOOGLE_APPLICATION_CREDENTIALS';

const OF_BUCKET = { 401: CREDENTIALS, 403: CREDENTIALS, 404: 'check the name of the bucket' };

const OF_OBJECT = {
  401: CREDENTIALS,
  403: CREDENTIALS,
  404: 'check the name of the object; a prefix ends with a slash',
};
