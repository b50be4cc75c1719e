import { WeighlockError } from '../error/index.ts';
import { exchange, type Head } from './body.ts';
import { Connections } from './connections.ts';
import { mayReceive } from './credential-scope.ts';
import { Deadline, Slowness, TooSlow } from './deadline.ts';
import { destinationFault, type Lookup, type Place, RefusedAddress } from './destination.ts';
import { connectionFailure, networkFault, showUrl, unavailable } from './faults.ts';
import { DOCUMENT_TIMEOUT, MAX_REDIRECTS, RESPONSE_TIMEOUT } from './limits.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';
import { Retryable } from './retryable.ts';

/** How to reach servers; plain data, so that it can be handed to a worker thread. */
export interface TransportSettings {
  readonly proxy: ProxySettings;
  /** Files of PEM certificates that are trusted beside the built-in ones. */
  readonly caFiles: readonly string[];
  /** `host:port`s that may be spoken to without TLS. */
  readonly plainHttp: readonly string[];
  /** Milliseconds without a byte of an answer, be it the first; 0 for no limit. */
  readonly responseTimeout?: number;
  /** Connections of the run that bring bytes at a time. */
  readonly connections?: number;
  /**
   * Milliseconds for a small document as a whole; if not given, what follows from
   * `responseTimeout`.
   */
  readonly documentTimeout?: number;
}

export interface Answer extends Head {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** Everything that was asked, in order; the last one is `url`. */
  readonly hops: readonly URL[];
  /** When its body has to be there whole, if it is read as a small document. */
  readonly deadline: Deadline;
  /** Called when it was read, or given up. */
  readonly onRead: () => void;
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the origin of the first URL only, never to where it redirects. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  /**
   * Asks for content and not for a small document: the body is taken as it is sent, also encoded,
   * since its digest decides; and it may take as long as bytes come.
   */
  readonly asStored?: boolean;
  /** The server that named the first URL, where nobody else did; it must not send us anywhere. */
  readonly namedBy?: URL;
  /**
   * The `hops` of an earlier answer: the last of them is asked at once, as if the others had just
   * redirected there again.
   */
  readonly along?: readonly URL[] | undefined;
  /** Refuses a URL (throws) before it is asked: the first one and every redirect. */
  readonly check?: (url: URL) => void;
}

/** Statuses that carry a `Location` to follow with the same method. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * HTTP for registries and file servers: one connection pool per process or thread, redirects
 * followed by hand so that credentials stay on their own origin, no content decoding, TLS unless a
 * host was named otherwise.
 */
export class Transport {
  readonly #settings: TransportSettings;
  readonly #connections: Connections;
  /** Milliseconds for a small document, and for the head of every answer; 0 for no limit. */
  readonly documentTimeout: number;
  readonly #slowness: Slowness;

  /** @throws WeighlockError `CONFIG_INVALID` for a file with certificates that cannot be read */
  constructor(settings: TransportSettings, lookup?: Lookup) {
    this.#settings = settings;
    const most = settings.responseTimeout ?? RESPONSE_TIMEOUT;
    this.documentTimeout = settings.documentTimeout ?? (most === 0 ? 0 : Math.max(DOCUMENT_TIMEOUT, 2 * most));
    this.#slowness = new Slowness(this.documentTimeout);
    this.#connections = new Connections(settings.caFiles, most, lookup);
  }

  /** True when this host may be spoken to without TLS. */
  allowsPlainHttp(host: string): boolean {
    return this.#settings.plainHttp.some((one) => one === '*' || plainHost(one) === plainHost(host));
  }

  /**
   * Sends a request and follows redirects; all of it has one deadline, whatever the servers send.
   * The body is the bytes on the wire, never decoded. Unless it may be `asStored`, a server that
   * encodes it although `identity` was asked for is refused.
   *
   * @throws WeighlockError `SOURCE_UNAVAILABLE`, as `Retryable` where another try may help;
   * `CONFIG_INVALID` for refused URLs
   */
  async ask(first: URL, ask: Ask = {}): Promise<Answer> {
    const { asStored = false, along = [first] } = ask;
    const hops = along.slice(0, -1);
    const deadline = new Deadline(this.documentTimeout);
    if (!asStored) this.#slowness.require(first);
    const onRead = asStored ? () => {} : this.#slowness.begin();
    const sender = ask.namedBy ?? first;
    for (let url = along.at(-1) ?? first; hops.length <= MAX_REDIRECTS; ) {
      this.#refusePlainHttp(url, first);
      const isLed = ask.namedBy !== undefined || hops.length > 0;
      const from = isLed ? this.placeOf(sender) : undefined;
      const fault = from && destinationFault(from, { url });
      if (fault !== undefined) throw unavailable(sender, `sends us to ${fault}`);
      ask.check?.(url);
      hops.push(url);
      const head = await this.#once(url, ask, deadline, mayReceive(first, hops), from).catch((error) => {
        onRead();
        throw error;
      });
      const location = headerOf(head.headers, 'location');
      if (!REDIRECTS.has(head.status) || location === undefined) {
        // What content there is may take its time; what is said instead of it, an error, may not.
        const rest = asStored ? new Deadline(this.documentTimeout) : deadline;
        return this.#refuseEncoded({ ...head, url, hops, deadline: rest, onRead }, asStored);
      }
      await head.body.dump();
      url = this.#redirect(url, location);
    }
    throw unavailable(first, `more than ${MAX_REDIRECTS} redirects`);
  }

  /** What is known of the place that a URL names. */
  placeOf(url: URL): Place {
    return this.#connections.placeOf(url);
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  async #once(url: URL, ask: Ask, deadline: Deadline, trusted: boolean, from: Place | undefined): Promise<Head> {
    const { method = 'GET', headers, secretHeaders, body, signal } = ask;
    const proxy = proxyFor(url, this.#settings.proxy);
    try {
      return await exchange(
        this.#connections.dispatcherFor(url, proxy, from),
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
        deadline,
        signal,
      );
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof RefusedAddress && from !== undefined)
        throw unavailable(from.url, `sends us to ${url.host}, which has ${error.message}`);
      if (error instanceof TooSlow) throw deadline.fault(url, error);
      throw connectionFailure(url, error, proxy);
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
    // What a redirect calls a user and a password is nobody's that we know.
    url.username = '';
    url.password = '';
    return url;
  }

  #refusePlainHttp(url: URL, first: URL): void {
    if (url.protocol === 'https:') return;
    // A registry that was allowed plain HTTP may send its blobs elsewhere on plain HTTP: they are
    // checked by digest.
    if (first.protocol === 'http:' && this.allowsPlainHttp(first.host)) return;
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `plain HTTP to ${url.host} was not allowed`,
      remedy: `use https, or allow it for this host: --plain-http=${url.host}`,
    });
  }

  #refuseEncoded(answer: Answer, asStored: boolean): Answer {
    if (asStored || encodingOf(answer) === undefined) return answer;
    answer.body.destroy();
    throw unavailable(answer.url, 'sent an encoded body (Content-Encoding) although identity was asked for');
  }
}

/** A host and a port as a URL has them, without the port that is plain HTTP's own. */
function plainHost(text: string): string {
  return URL.canParse(`http://${text}`) ? new URL(`http://${text}`).host : text;
}

/** How a body is encoded, unless it is not. */
export function encodingOf({ headers }: Pick<Answer, 'headers'>): string | undefined {
  const encoding = headerOf(headers, 'content-encoding')?.trim().toLowerCase();
  return encoding === '' || encoding === 'identity' ? undefined : encoding;
}

/** One value of a header; of several, the first. */
export function headerOf(headers: Answer['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** What an answer says of the version that it is of. */
export function versionOf({ headers }: Answer): string | undefined {
  return headerOf(headers, 'etag') ?? headerOf(headers, 'last-modified');
}

/**
 * Reads a small document whole: the one way to do so. It stops at the limit whatever its length
 * claims, and at the deadline of the question however often bytes come.
 *
 * @throws Retryable when it breaks off
 */
export async function readBody({ body, url, deadline, onRead }: Answer, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    await body.drain((chunk) => {
      length += chunk.length;
      if (length > limit) throw tooLarge(url, limit);
      chunks.push(Buffer.from(chunk));
    }, deadline);
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    if (error instanceof TooSlow) throw deadline.fault(url, error);
    throw new Retryable(unavailable(url, `broke off: ${networkFault(error)}`, error));
  } finally {
    onRead();
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
