import type { IncomingMessage } from 'node:http';
import { errno, type Failure, WeighlockError } from '../error/index.ts';
import { jsonObject } from '../json-object.ts';
import { withoutEnd } from '../without-end.ts';
import { ListStream } from './list-stream.ts';

/** Where the API server is, and how to speak to it. */
export interface Connection {
  /** `https://HOST:PORT`, with a path in front of all others where there is one. */
  readonly server: string;
  /** Asked again for every request: tokens and certificates are renewed while we run. */
  readonly credentials: () => Promise<Credentials> | Credentials;
}

/**
 * What is shown to the server, and what the server has to show; PEM where it is a certificate or
 * key.
 */
export interface Credentials {
  readonly token?: string;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: false;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  /** Path and query. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** The most bytes of an answer; longer ones are `AnswerTooLarge`. */
  readonly maxBytes?: number;
  /** Milliseconds from the beginning to the last byte of the answer; not of a watch. */
  readonly timeout?: number;
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** Of `Retry-After`, in milliseconds. */
  readonly retryAfter?: number;
  readonly bytes: number;
}

/** Objects of ours, and what the server says of them: etcd takes no more than 1.5 MB. */
const MAX_BODY_BYTES = 8 << 20;

/** One pod in a watch. */
const MAX_LINE_BYTES = 8 << 20;

/** From the beginning of a request to the last byte of its answer. */
const ANSWER_MILLISECONDS = 30_000;

/**
 * Without a word from the server for this long a watch is taken for dead; it asks for bookmarks in
 * between.
 */
const IDLE_MILLISECONDS = 330_000;

/** Longer is no server that wants us back. */
const MAX_RETRY_AFTER_SECONDS = 300;

/** An answer is longer than was allowed: ask for less at a time. */
export class AnswerTooLarge extends WeighlockError {}

/** The server answered a watch with something else than a watch. */
export class Refused extends WeighlockError {
  readonly status: number;
  readonly retryAfter?: number;

  constructor(path: string, { status, body, retryAfter }: ApiAnswer) {
    super(faultAt(path, `answered ${status}: ${reasonOf(body)}`));
    this.status = status;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}

/** The API server of the cluster, as much of it as we need. */
export class Api {
  readonly #connection: Connection;
  #requests = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** How many requests were sent so far. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * One request, and its answer whole.
   *
   * @throws WeighlockError `SOURCE_UNAVAILABLE` for network errors
   */
  ask(request: ApiRequest): Promise<ApiAnswer> {
    return this.#answer(request, wholeAnswer);
  }

  /**
   * One list, its items as they come.
   *
   * @param each - gets every item; an empty object for what is no JSON
   * @returns the answer without the items
   * @throws WeighlockError `SOURCE_UNAVAILABLE` for network errors
   */
  list(request: ApiRequest, each: (item: Record<string, unknown>) => void): Promise<ApiAnswer> {
    return this.#answer(request, (response) => listAnswer(response, request, each));
  }

  async #answer(
    request: ApiRequest,
    read: (response: IncomingMessage, request: ApiRequest) => Promise<ApiAnswer>,
  ): Promise<ApiAnswer> {
    const limit = new AbortController();
    const { timeout = ANSWER_MILLISECONDS } = request;
    const timer = setTimeout(() => limit.abort(unavailable(request.path, 'no answer')), timeout);
    const signal = AbortSignal.any([request.signal, limit.signal]);
    try {
      return await read(await this.#send({ ...request, signal }), request);
    } catch (error) {
      throw this.#asUnavailable(error, request.path, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * The events of a watch, until the server ends it.
   *
   * @throws Refused when there is no watch; WeighlockError `SOURCE_UNAVAILABLE` when it breaks off,
   * or is no JSON
   */
  async *watch(request: ApiRequest): AsyncGenerator<Record<string, unknown>> {
    try {
      const response = await this.#send(request);
      if (response.statusCode !== 200) throw new Refused(request.path, await wholeAnswer(response, request));
      let rest = '';
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_LINE_BYTES) throw unavailable(request.path, 'sent a line without end');
        for (const line of lines) yield eventIn(line, request.path);
      }
      // What is cut off is sent again: the version to go on from is that of the last whole line.
      if (rest !== '') throw unavailable(request.path, 'broke off in the middle of a line');
    } catch (error) {
      throw this.#asUnavailable(error, request.path, request.signal);
    }
  }

  #asUnavailable(error: unknown, path: string, signal: AbortSignal): unknown {
    if (error instanceof WeighlockError) return error;
    if (signal.aborted) return signal.reason;
    return unavailable(path, errno(error) ?? (error as Error).message);
  }

  async #send({ method, path, body, contentType, accept, signal }: ApiRequest): Promise<IncomingMessage> {
    const { server, credentials } = this.#connection;
    const isSecure = server.startsWith('https:');
    // Loaded when they are first needed: every start of every command would pay for them.
    const { request } = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http');
    const { token, headers, ...tls } = await credentials();
    const options = {
      method,
      signal,
      timeout: IDLE_MILLISECONDS,
      ...(isSecure ? tls : {}),
      headers: {
        ...headers,
        accept: accept ?? 'application/json',
        'user-agent': 'weighlock',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      },
    };
    this.#requests += 1;
    return new Promise((resolve, reject) => {
      const sent = request(urlOf(server, path), options, resolve);
      sent.on('timeout', () => sent.destroy(new Error('no word for too long')));
      sent.on('error', (error) => reject(error));
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** A server may lie behind a path of a proxy. */
function urlOf(server: string, path: string): URL {
  return new URL(`${withoutEnd(server, '/')}${path}`);
}

async function wholeAnswer(response: IncomingMessage, request: ApiRequest): Promise<ApiAnswer> {
  const chunks: Buffer[] = [];
  const bytes = await readBody(response, request, (chunk) => chunks.push(chunk) > 0);
  return answerOf(response, jsonObject(Buffer.concat(chunks).toString('utf8')), bytes);
}

async function listAnswer(
  response: IncomingMessage,
  request: ApiRequest,
  each: (item: Record<string, unknown>) => void,
): Promise<ApiAnswer> {
  const list = new ListStream(each);
  const bytes = await readBody(response, request, (chunk) => list.feed(chunk));
  return answerOf(response, list.end(), bytes);
}

/**
 * @param take - gets the bytes as they come, and says whether there may be more
 * @returns how many there were
 */
async function readBody(
  response: IncomingMessage,
  { path, maxBytes = MAX_BODY_BYTES }: ApiRequest,
  take: (chunk: Buffer) => boolean,
): Promise<number> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes && take(chunk)) continue;
    response.destroy();
    throw new AnswerTooLarge(faultAt(path, 'answered with more than it was asked for'));
  }
  return bytes;
}

function answerOf(response: IncomingMessage, body: Record<string, unknown>, bytes: number): ApiAnswer {
  const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
  return {
    status: response.statusCode ?? 0,
    body,
    bytes,
    ...(retryAfter >= 0 ? { retryAfter: 1000 * Math.min(retryAfter, MAX_RETRY_AFTER_SECONDS) } : {}),
  };
}

function eventIn(line: string, path: string): Record<string, unknown> {
  const event = jsonObject(line);
  if (typeof event['type'] === 'string') return event;
  throw unavailable(path, 'sent a line that is no event');
}

/** What the server says about a request that it did not do. */
export function reasonOf(body: Record<string, unknown>): string {
  return String(body['message'] ?? 'no reason').slice(0, 300);
}

/** The API server does not answer, or not as it should. */
export function unavailable(path: string, why: string): WeighlockError {
  return new WeighlockError(faultAt(path, why));
}

function faultAt(path: string, why: string): Failure {
  return {
    code: 'SOURCE_UNAVAILABLE',
    message: `the API server, ${path.split('?')[0]}: ${why}`,
    remedy: 'check the network, and the role of the service account',
  };
}
