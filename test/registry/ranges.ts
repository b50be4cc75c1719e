// A server of one file that gives ranges, or lies about them, and what `fetchRanges` makes of it in
// this process.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { WeighlockError } from '../../src/error/index.ts';
import { type Download, refusalOf, Transport } from '../../src/registry/index.ts';
import { Connections, createRangeLimits, fetchRanges, Pieces } from '../../src/transfer/index.ts';
import { PIECES, PLACE_AT } from '../../src/transfer/ranges-connections.ts';

export const RANGE = 64 << 10;

/** Bytes that are nowhere the same twice. */
export function content(size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) => createHash('sha256').update(`${i}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

export interface Asked {
  readonly from: number;
  readonly end: number;
  readonly headers: IncomingMessage['headers'];
  readonly path: string;
  /** Of all requests, from 0. */
  readonly number: number;
  /** How many were being answered when this one came, itself included. */
  readonly atOnce: number;
}

/** Answers instead of the honest server, unless it calls `next`. */
export type Lie = (asked: Asked, response: ServerResponse, next: () => void, request: IncomingMessage) => void;

export interface Served {
  readonly bytes: Buffer;
  readonly size: number;
  readonly asked: readonly Asked[];
  readonly mostAtOnce: number;
  /** Bytes of bodies that were sent. */
  readonly sent: number;
  readonly restarts: number;
  readonly failures: readonly WeighlockError[];
  readonly limit: number;
  readonly mostKept: number;
  /** Connections, pieces of memory and their places that are not given back. */
  readonly held: () => readonly [number, number, number];
}

export interface Options {
  readonly lie?: Lie;
  readonly etag?: string | undefined;
  /** Whether size and digest are known before. */
  readonly isAddressed?: boolean;
  /** Whether the digest of a body of unknown size was pinned. */
  readonly isPinned?: boolean;
  readonly connections?: number;
  readonly offset?: number;
  readonly signal?: AbortSignal;
  readonly sink?: (chunk: Buffer) => undefined | Promise<void>;
  readonly room?: Download['room'];
  readonly size?: number;
  readonly memory?: number;
  readonly responseTimeout?: number;
  readonly secretHeaders?: Record<string, string>;
}

export async function serve(t: TestContext, handler: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An answer as an honest server gives it. */
export function honest(
  bytes: Buffer,
  { from, end }: Pick<Asked, 'from' | 'end'>,
  response: ServerResponse,
  etag?: string,
): void {
  const part = bytes.subarray(from, end);
  const range = { 'content-range': `bytes ${from}-${from + part.length - 1}/${bytes.length}` };
  if (from > 0 && part.length === 0) response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
  else
    response
      .writeHead(206, { ...range, 'content-length': part.length, ...(etag === undefined ? {} : { etag }) })
      .end(part);
}

/**
 * Fetches from a server of these bytes.
 *
 * @throws what `fetchRanges` throws; `served` is told so far
 */
export async function fetchFrom(t: TestContext, bytes: Buffer, options: Options = {}, served?: (so: Served) => void) {
  const { lie = (_asked, _response, next) => next(), connections = 8, offset = 0, isAddressed = true } = options;
  const etag = 'etag' in options ? options.etag : '"v1"';
  const asked: Asked[] = [];
  const failures: WeighlockError[] = [];
  let [atOnce, mostAtOnce, sent, restarts, mostKept] = [0, 0, 0, 0, 0];
  const origin = await serve(t, (request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const from = Number(first ?? 0);
    const end = last === undefined || last === '' ? bytes.length : Math.min(bytes.length, Number(last) + 1);
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    const one = { from, end, headers: request.headers, path: request.url ?? '', number: asked.length, atOnce };
    asked.push(one);
    response.once('close', () => atOnce--);
    response.on('error', () => {});
    const { write, end: finish } = response;
    response.write = ((chunk: Buffer, ...more: []) => {
      sent += chunk.length;
      return write.call(response, chunk as never, ...(more as never as ['utf8']));
    }) as never;
    response.end = ((chunk?: Buffer | string) => {
      sent += chunk?.length ?? 0;
      return finish.call(response, chunk as never, 'utf8');
    }) as never;
    const next = () => {
      if (first === undefined)
        response.writeHead(200, { 'content-length': bytes.length, ...(etag === undefined ? {} : { etag }) }).end(bytes);
      else if (bytes.length === 0) response.writeHead(416).end();
      else honest(bytes, one, response, etag);
    };
    lie(one, response, next, request);
  });
  const transport = new Transport({
    proxy: { noProxy: '' },
    caFiles: [],
    plainHttp: ['*'],
    ...(options.responseTimeout === undefined ? {} : { responseTimeout: options.responseTimeout }),
  });
  t.after(() => transport.close());
  const got: Buffer[] = [bytes.subarray(0, offset)];
  const signal = options.signal ?? new AbortController().signal;
  const limits = createRangeLimits(connections, options.memory ?? 16 << 20);
  const tools = { connections: new Connections(limits), pieces: new Pieces(limits) };
  const url = new URL(`${origin}/blob`);
  const places = () => limits.subarray(PLACE_AT).filter((taken) => taken !== 0).length;
  const held = () => [tools.connections.inUse, limits[PIECES] ?? 0, places()] as const;
  let size = -1;
  const secret = options.secretHeaders === undefined ? {} : { secretHeaders: options.secretHeaders };
  try {
    size = await fetchRanges(
      {
        offset,
        ...(isAddressed ? { size: options.size ?? bytes.length, isAddressed } : {}),
        isPinned: options.isPinned === true,
        ...(options.room === undefined ? {} : { room: options.room }),
        sink: (chunk) => {
          got.push(Buffer.from(chunk));
          mostKept = Math.max(mostKept, limits[5] ?? 0);
          return options.sink?.(chunk);
        },
        restart: () => {
          restarts += 1;
          got.length = 0;
        },
        open: (headers, along) => transport.ask(url, { headers, signal, along, asStored: true, ...secret }),
        refusal: (answer) => refusalOf(answer, { what: 'the blob' }),
      },
      { signal, onRetry: (failure) => void failures.push(failure), sleep: async () => {} },
      { ...tools, sizes: { range: RANGE, least: RANGE / 4, small: 2 * RANGE } },
    );
  } finally {
    const so = { bytes: Buffer.concat(got), size, asked, mostAtOnce, sent, restarts, failures, mostKept, held };
    served?.({ ...so, limit: tools.connections.limit });
  }
  return {
    bytes: Buffer.concat(got),
    size,
    asked,
    mostAtOnce,
    sent,
    restarts,
    failures,
    mostKept,
    held,
    limit: tools.connections.limit,
  };
}
