import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, Retryable, readBody, Transport, unavailable } from '../registry/index.ts';
import { jsonOf } from './json.ts';

/**
 * Where every cloud answers for the machine (or the node's agent for the pod) about itself: on this
 * link, in plain HTTP.
 */
const LINK_LOCAL = 'http://169.254.169.254';

/** Milliseconds for each answer as a whole; what answers at all does so in a few. */
const TIMEOUT = 1500;

/** Tries; a node that starts many pods at once answers some of them with 429 or 503. */
const TRIES = 3;

/** Milliseconds before the second try, and twice as long before the third. */
const PAUSE = 250;

/** An answer is a token and what belongs to it: the largest are some 4 KB. */
const MAX_BYTES = 64 << 10;

export interface MetadataAsk {
  readonly method?: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface MetadataAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly bytes: Buffer;
}

/**
 * Asks for what gives credentials to a machine or a pod. Never through a proxy, which would learn
 * them; small and soon, or not at all; and a redirect is followed nowhere.
 */
export class Metadata {
  readonly #origin: string;
  readonly #timeout: number;

  /** Where, and how long for each answer, is for tests. */
  constructor(origin = LINK_LOCAL, timeout = TIMEOUT) {
    this.#origin = origin;
    this.#timeout = timeout;
  }

  /** An address of the metadata service. @param path - with a slash at its beginning */
  url(path: string): URL {
    return new URL(path, this.#origin);
  }

  /** @throws WeighlockError `SOURCE_UNAVAILABLE` where nobody answers, or not in time or size */
  async ask(url: URL, { method = 'GET', headers = {} }: MetadataAsk = {}): Promise<MetadataAnswer> {
    const settings = { proxy: { noProxy: '' }, caFiles: [], plainHttp: [url.host], responseTimeout: this.#timeout };
    const transport = new Transport({ ...settings, documentTimeout: this.#timeout });
    try {
      for (let turn = 1; ; turn++) {
        const answer = await this.#once(transport, url, { method, headers }).catch((error) => {
          if (!(error instanceof Retryable)) throw error;
          if (turn === TRIES) throw error.failure;
        });
        const isBusy = answer === undefined || answer.status === 429 || answer.status >= 500;
        if (answer !== undefined && (!isBusy || turn === TRIES)) return answer;
        await delay(PAUSE * turn);
      }
    } finally {
      await transport.close();
    }
  }

  async #once(transport: Transport, url: URL, ask: Required<MetadataAsk>): Promise<MetadataAnswer> {
    const check = (to: URL) => {
      if (to !== url) throw unavailable(url, 'sends us elsewhere with a credential');
    };
    const { method, headers } = ask;
    const answer = await transport.ask(url, { method, secretHeaders: headers, check });
    return { url, status: answer.status, headers: answer.headers, bytes: await readBody(answer, MAX_BYTES) };
  }
}

/** The texts of an answer in JSON, by name. @throws WeighlockError for what is none */
export function metadataFields({ bytes, url }: MetadataAnswer): Readonly<Record<string, unknown>> {
  const document = jsonOf(bytes, url);
  if (document === null || typeof document !== 'object' || Array.isArray(document))
    throw unavailable(url, 'did not answer with an object of JSON');
  return document as Record<string, unknown>;
}

/** A key or token that may stand in a header. @throws WeighlockError where it may not */
export function secretOf(value: unknown, url: URL): string {
  if (typeof value === 'string' && /^[\x21-\x7e]{1,32768}$/.test(value)) return value;
  throw unavailable(url, 'answered without a token');
}
