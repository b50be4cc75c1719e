import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { errno, WeighlockError } from '../error/index.ts';
import { jsonObject } from '../json-object.ts';

/** Where the API server is, and how to speak to it. */
export interface ApiSettings {
  /** `https://HOST:PORT` */
  readonly server: string;
  /** Read again for every request: the kubelet renews it. */
  readonly tokenFile?: string;
  readonly caFile?: string;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Path and query. */
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A page of 500 pods with everything that may be in them. */
const MAX_BODY_BYTES = 256 << 20;

/** One pod in a watch; etcd takes no more than 1.5 MB. */
const MAX_LINE_BYTES = 8 << 20;

/** Without a word from the server for this long a watch is taken for dead; it asks for bookmarks in between. */
const IDLE_MILLISECONDS = 420_000;

/** The API server of the cluster, as much of it as a reporter needs. */
export class Api {
  readonly #settings: ApiSettings;

  constructor(settings: ApiSettings) {
    this.#settings = settings;
  }

  /** One request, and its answer whole. @throws WeighlockError `SOURCE_UNAVAILABLE` for network errors */
  async ask(request: ApiRequest): Promise<ApiAnswer> {
    const response = await this.#send(request);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) throw unavailable(request.path, 'answered with more than anybody can need');
      chunks.push(chunk);
    }
    return { status: response.statusCode ?? 0, body: jsonObject(Buffer.concat(chunks).toString('utf8')) };
  }

  /** The events of a watch, until the server ends it. @throws WeighlockError `SOURCE_UNAVAILABLE` */
  async *watch(request: ApiRequest): AsyncGenerator<Record<string, unknown>> {
    const response = await this.#send(request);
    if (response.statusCode !== 200) {
      response.destroy();
      throw unavailable(request.path, `answered ${response.statusCode}`);
    }
    let rest = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_BYTES) throw unavailable(request.path, 'sent a line without end');
      for (const line of lines) yield jsonObject(line);
    }
  }

  async #send({ method, path, body, contentType, signal }: ApiRequest): Promise<IncomingMessage> {
    const { server, tokenFile, caFile } = this.#settings;
    const { request } = server.startsWith('https:') ? await import('node:https') : await import('node:http');
    const token = tokenFile === undefined ? undefined : read(tokenFile, 'the token').trim();
    const options = {
      method,
      signal,
      timeout: IDLE_MILLISECONDS,
      ...(caFile === undefined ? {} : { ca: read(caFile, 'the CA certificate') }),
      headers: {
        accept: 'application/json',
        'user-agent': 'weighlock',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      },
    };
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, server), options, resolve);
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', (error) =>
        reject(signal.aborted ? signal.reason : unavailable(path, errno(error) ?? error.message)),
      );
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `${what} ${file} cannot be read: ${errno(error) ?? 'unknown error'}`,
        remedy: 'run it in a pod with automountServiceAccountToken, or name --api-server and --token-file',
      },
      { cause: error },
    );
  }
}

/** The API server does not answer, or not as it should. */
export function unavailable(path: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_UNAVAILABLE',
    message: `the API server, ${path.split('?')[0]}: ${why}`,
    remedy: 'check the network, and the role of the service account',
  });
}
