import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { errno, WeighlockError } from '../error/index.ts';
import { exchange, type Head } from './body.ts';
import { BODY_TIMEOUT, CONNECT_TIMEOUT, HEADERS_TIMEOUT, MAX_REDIRECTS } from './limits.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';
import { receivingConnector } from './receive.ts';
import { Retryable } from './retryable.ts';

/** How to reach servers; plain data, so that it can be handed to a worker thread. */
export interface TransportSettings {
  readonly proxy: ProxySettings;
  /** Files of PEM certificates that are trusted beside the built-in ones. */
  readonly caFiles: readonly string[];
  /** `host:port`s that may be spoken to without TLS. */
  readonly plainHttp: readonly string[];
}

export interface Answer extends Head {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

export interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the origin of the first URL only, never to where it redirects. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /** Network errors are thrown as `Retryable`, for a caller that tries again. */
  readonly retryable?: boolean;
  /** Refuses a URL (throws) before it is asked: the first one and every redirect. */
  readonly check?: (url: URL) => void;
}

/** Statuses that carry a `Location` to follow with the same method. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * HTTP for registries and file servers: one connection pool per process or thread, redirects followed by hand so that
 * credentials stay on their own origin, no content decoding, TLS unless a host was named otherwise.
 */
export class Transport {
  readonly #settings: TransportSettings;
  readonly #direct: Agent;
  readonly #proxies = new Map<string, ProxyAgent>();
  readonly #tls: { ca?: string[] };

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#tls =
      settings.caFiles.length === 0 ? {} : { ca: [...rootCertificates, ...settings.caFiles.map(readCertificates)] };
    this.#direct = new Agent({
      connect: receivingConnector({ timeout: CONNECT_TIMEOUT, allowH2: false, ...this.#tls }),
      ...limits,
    });
  }

  /** True when this host may be spoken to without TLS. */
  allowsPlainHttp(host: string): boolean {
    return this.#settings.plainHttp.includes(host) || this.#settings.plainHttp.includes('*');
  }

  /**
   * Sends a request and follows redirects. The body is the bytes on the wire: a server that encodes them although
   * `identity` was asked for is refused, since their digest would be that of something else.
   *
   * @throws WeighlockError `SOURCE_UNAVAILABLE` for network errors, `CONFIG_INVALID` for refused URLs
   */
  async ask(first: URL, ask: Ask = {}): Promise<Answer> {
    let url = first;
    // Once off its origin, a request never gets its secrets back, even when it is sent back there.
    let trusted = true;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      this.#refusePlainHttp(url, first);
      ask.check?.(url);
      trusted &&= url.origin === first.origin;
      const answer = await this.#once(url, ask, trusted);
      const location = headerOf(answer.headers, 'location');
      if (!REDIRECTS.has(answer.status) || location === undefined) return this.#refuseEncoded(answer);
      await answer.body.dump();
      url = this.#redirect(url, location);
    }
    throw unavailable(first, `more than ${MAX_REDIRECTS} redirects`);
  }

  async close(): Promise<void> {
    await Promise.all([this.#direct.destroy(), ...[...this.#proxies.values()].map((proxy) => proxy.destroy())]);
  }

  async #once(url: URL, ask: Ask, trusted: boolean): Promise<Answer> {
    const { method = 'GET', headers, secretHeaders, body, signal, retryable } = ask;
    try {
      const head = await exchange(
        this.#dispatcher(url),
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          headers: {
            'accept-encoding': 'identity',
            'user-agent': 'weighlock',
            ...headers,
            ...(trusted ? secretHeaders : {}),
          },
          ...(body === undefined ? {} : { body }),
        },
        signal,
      );
      return { ...head, url };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const fault = networkFault(error);
      if (CERTIFICATE_FAULT.test(fault)) throw distrusted(url, fault, error);
      const failure = unavailable(url, fault, error);
      throw retryable === true ? new Retryable(failure) : failure;
    }
  }

  #redirect(from: URL, location: string): URL {
    let url: URL;
    try {
      url = new URL(location, from);
    } catch {
      throw unavailable(from, 'redirects to something that is no URL');
    }
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw unavailable(from, `redirects to ${url.protocol}`);
    if (from.protocol === 'https:' && url.protocol === 'http:') throw unavailable(from, 'redirects from https to http');
    return url;
  }

  #refusePlainHttp(url: URL, first: URL): void {
    if (url.protocol === 'https:') return;
    // A registry that was allowed plain HTTP may send its blobs elsewhere on plain HTTP: they are checked by digest.
    if (first.protocol === 'http:' && this.allowsPlainHttp(first.host)) return;
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `plain HTTP to ${url.host} was not allowed`,
      remedy: `use https, or allow it for this host: --plain-http=${url.host}`,
    });
  }

  #refuseEncoded(answer: Answer): Answer {
    const encoding = headerOf(answer.headers, 'content-encoding');
    if (encoding === undefined || encoding.trim() === '' || encoding.trim().toLowerCase() === 'identity') return answer;
    answer.body.destroy();
    throw unavailable(answer.url, 'sent an encoded body (Content-Encoding) although identity was asked for');
  }

  #dispatcher(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#settings.proxy);
    if (proxy === undefined) return this.#direct;
    let agent = this.#proxies.get(proxy);
    if (agent === undefined) {
      agent = new ProxyAgent({ uri: proxy, requestTls: { timeout: CONNECT_TIMEOUT, ...this.#tls }, ...limits });
      this.#proxies.set(proxy, agent);
    }
    return agent;
  }
}

// HTTP/1.1 only: several blobs in one connection of HTTP/2 are slower than each in its own.
const limits = { headersTimeout: HEADERS_TIMEOUT, bodyTimeout: BODY_TIMEOUT, maxHeaderSize: 65_536, allowH2: false };

/** One value of a header; of several, the first. */
export function headerOf(headers: Answer['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads a small body whole, and stops at the limit whatever its length claims. */
export async function readBody({ body, url }: Pick<Answer, 'body' | 'url'>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    await body.drain((chunk) => {
      length += chunk.length;
      if (length > limit) throw tooLarge(url, limit);
      chunks.push(Buffer.from(chunk));
    });
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw unavailable(url, networkFault(error), error);
  }
  return Buffer.concat(chunks);
}

function tooLarge(url: URL, limit: number): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `${showUrl(url)} answered with more than ${limit} bytes`,
    remedy: 'this is no answer of a registry: check the address, and what lies between',
  });
}

/** A URL without anything that may be a secret. */
export function showUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

export function unavailable(url: URL, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `${showUrl(url)}: ${why}`,
      remedy: 'check the registry or server and the network between, then restart the pod',
    },
    { cause },
  );
}

/** What OpenSSL and Node call a certificate that is not trusted, not valid now, or another host's. */
const CERTIFICATE_FAULT = /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|INVALID_CA|HOSTNAME_MISMATCH/;

/** No later try mends this, and nobody should be tempted to switch the check off. */
function distrusted(url: URL, fault: string, cause: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `${showUrl(url)}: its certificate is not trusted: ${fault}`,
      remedy: 'for a CA of your own mount its certificate and name it: --registry-cacert FILE',
    },
    { cause },
  );
}

/** What a failed request died of, without addresses or header values. */
export function networkFault(error: unknown): string {
  const code = errno(error) ?? errno((error as { cause?: unknown }).cause);
  return code ?? (error instanceof Error ? error.name : 'network error');
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `cannot read the CA certificates ${file}: ${errno(error)}`,
        remedy: 'mount the file, or drop --cacert',
      },
      { cause: error },
    );
  }
}
