import { type Compression, compressionOf } from '../archive/index.ts';
import { WeighlockError } from '../error/index.ts';
import { fromText } from '../fs/index.ts';
import {
  type Digest,
  decodedUser,
  digestOf,
  encodingOf,
  hexOf,
  type Move,
  type Room,
  refusalOf,
  type Transport,
} from '../registry/index.ts';
import { ArchiveStream, CannotGoOn, MAX_BEGINNINGS } from './archive-stream.ts';
import { createBudget } from './budget.ts';
import type { PullTools } from './context.ts';
import { recordOf } from './frames.ts';
import { plainPlacement } from './member-writer.ts';
import type { FetchReply, FetchRequest } from './protocol.ts';
import { repack } from './repack.ts';

interface FetchContext extends PullTools {
  readonly transport: Transport;
  readonly notice: (text: string) => void;
  readonly move: Move;
}

/** Fetches one file over HTTPS, and unpacks it on its way if that is asked for. */
export function fetchUrl(request: FetchRequest, context: FetchContext): Promise<FetchReply> {
  const { file, unpackInto } = request;
  if (unpackInto !== undefined) return fetchOrRemake(request, unpackInto ?? undefined, context);
  return fetchFile(request, file ?? '', context);
}

async function fetchFile(request: FetchRequest, file: string, context: FetchContext): Promise<FetchReply> {
  const path = fromText(file.slice(file.lastIndexOf('/') + 1));
  const writer = await context.openPlain(Buffer.from(file), path);
  try {
    // Without a digest of the beginning nobody knows what a leftover is the beginning of: it starts
    // afresh.
    await writer.restart();
    const size = await receive(request, context, {
      sink: (chunk) => writer.write(chunk),
      keptSink: (piece) => writer.writeKept(piece),
      restart: () => writer.restart(),
    });
    const sha256 = await writer.finish();
    return { sha256, files: [{ path, size, sha256, ...writer.content() }] };
  } finally {
    await writer.close();
  }
}

async function fetchOrRemake(
  request: FetchRequest,
  into: string | undefined,
  context: FetchContext,
): Promise<FetchReply> {
  const { known } = request;
  const files = known && (await repack(known.digest, plainPlacement(undefined), context, known));
  if (known === undefined || files === undefined) return fetchArchive(request, into, context);
  return { sha256: hexOf(known.digest), files };
}

async function fetchArchive(
  request: FetchRequest,
  into: string | undefined,
  context: FetchContext,
): Promise<FetchReply> {
  const budget = createBudget(request.room?.bytes);
  for (let beginning = 1; ; beginning++) {
    const tools = await context.borrowArchiveTools();
    const found: { compression?: Compression; stream?: ArchiveStream } = {};
    let head = Buffer.alloc(0);
    const push = async (chunk: Buffer) => {
      if (found.stream === undefined) {
        head = Buffer.concat([head, chunk]);
        const compression = compressionOf(head);
        if (compression === undefined) return;
        found.compression = compression;
        found.stream = new ArchiveStream(compression, plainPlacement(undefined), into, tools, budget);
        await found.stream.push(head);
      } else await found.stream.push(chunk);
    };
    try {
      await receive(request, context, {
        sink: push,
        restart: () => {
          throw new CannotGoOn('server');
        },
      });
      if (found.stream === undefined) throw noArchive();
      const { packedSha256, files, frames } = await found.stream.finish();
      const digest: Digest = digestOf(packedSha256);
      const paths = files.map(({ path }) => path);
      const record =
        found.compression === 'none' && frames !== undefined ? { record: recordOf(digest, frames, paths) } : {};
      return { sha256: packedSha256, files, ...record };
    } catch (error) {
      await found.stream?.undo();
      if (!(error instanceof CannotGoOn) || beginning === MAX_BEGINNINGS || context.signal.aborted) throw error;
    } finally {
      await found.stream?.close();
      context.returnArchiveTools(tools);
    }
  }
}

interface Into {
  sink(chunk: Buffer): undefined | Promise<void>;
  keptSink?(piece: Buffer): Promise<void>;
  restart(): Promise<void>;
}

function receive(
  { url, room, isPinned = false }: Pick<FetchRequest, 'url' | 'room' | 'isPinned'>,
  { transport, signal, count, notice, move }: FetchContext,
  into: Into,
): Promise<number> {
  const { address, secretHeaders } = withoutUser(url);
  const bound: { room?: Room } = room === undefined ? {} : { room };
  return move(
    {
      offset: 0,
      isPinned,
      ...bound,
      sink: (chunk) => {
        count(chunk.length);
        return into.sink(chunk);
      },
      keptSink:
        into.keptSink &&
        ((piece) => {
          count(piece.length);
          return into.keptSink?.(piece);
        }),
      restart: into.restart,
      open: async (headers, along) => {
        const answer = await transport.ask(address, { headers, secretHeaders, signal, asStored: true, along });
        const encoding = encodingOf(answer);
        if (encoding !== undefined && answer.status === 200)
          notice(`${address.host} sends it encoded (${encoding}): its digest is that of the bytes as they are sent`);
        return answer;
      },
      refusal: (answer) => refusalOf(answer, { what: 'the source', remedies: SERVER_REMEDIES }),
    },
    {
      signal,
      onRetry: (failure, ms) => notice(`${failure.message}; trying again in ${(ms / 1000).toFixed(1)} s`),
    },
  );
}

/** What to do about a status of a file server. */
export const SERVER_REMEDIES = {
  401: 'give user and password in the address (https://user:password@host/...), or an address that is signed',
  403: 'check whether the address may be read: a signed one may have ended',
  404: 'check the address: the server has no such file',
};

/** Takes user and password out of an address, and into a header that only its own origin gets. */
export function withoutUser(url: string): { address: URL; secretHeaders: Record<string, string> } {
  const address = new URL(url);
  const { username, password } = address;
  if (username === '' && password === '') return { address, secretHeaders: {} };
  const user = `${decodedUser(username)}:${decodedUser(password)}`;
  address.username = '';
  address.password = '';
  return { address, secretHeaders: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } };
}

function noArchive(): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: 'what was fetched is no archive: neither tar, nor tar with gzip or zstd',
    remedy: 'leave out --unpack, or publish the content as an archive',
  });
}
