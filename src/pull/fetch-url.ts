import { type Compression, compressionOf } from '../archive/index.ts';
import { WeighlockError } from '../error/index.ts';
import { fromText } from '../fs/index.ts';
import { type Digest, digestOf, download, hexOf, type Transport } from '../registry/index.ts';
import { ArchiveStream, CannotGoOn, MAX_BEGINNINGS } from './archive-stream.ts';
import type { PullTools } from './context.ts';
import { recordOf } from './frames.ts';
import { plainPlacement } from './member-writer.ts';
import type { FetchReply, FetchRequest } from './protocol.ts';
import { remake } from './remake.ts';

interface FetchContext extends PullTools {
  readonly transport: Transport;
  readonly notice: (text: string) => void;
}

/** Fetches one file over HTTPS, and unpacks it on its way if that is asked for. */
export function fetchUrl(request: FetchRequest, context: FetchContext): Promise<FetchReply> {
  const { url, file, unpackInto } = request;
  if (unpackInto !== undefined) return fetchOrRemake(request, unpackInto ?? undefined, context);
  return fetchFile(url, file ?? '', context);
}

async function fetchFile(url: string, file: string, context: FetchContext): Promise<FetchReply> {
  const writer = await context.openPlain(Buffer.from(file));
  try {
    // Without a digest of the beginning nobody knows what a leftover is the beginning of: it starts afresh.
    await writer.restart();
    const size = await receive(url, context, {
      sink: (chunk) => writer.write(chunk),
      restart: () => writer.restart(),
    });
    const sha256 = await writer.finish();
    const path = fromText(file.slice(file.lastIndexOf('/') + 1));
    return { sha256, files: [{ path, size, sha256 }] };
  } finally {
    await writer.close();
  }
}

async function fetchOrRemake(
  { url, known }: FetchRequest,
  into: string | undefined,
  context: FetchContext,
): Promise<FetchReply> {
  const files = known && (await remake(known.digest, plainPlacement(undefined), context, known));
  if (known === undefined || files === undefined) return fetchArchive(url, into, context);
  return { sha256: hexOf(known.digest), files };
}

async function fetchArchive(url: string, into: string | undefined, context: FetchContext): Promise<FetchReply> {
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
        found.stream = new ArchiveStream(compression, plainPlacement(undefined), into, tools);
        await found.stream.push(head);
      } else await found.stream.push(chunk);
    };
    try {
      await receive(url, context, {
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

function receive(
  url: string,
  { transport, signal, count, notice }: FetchContext,
  into: { sink: (chunk: Buffer) => undefined | Promise<void>; restart: () => Promise<void> },
): Promise<number> {
  const { address, secretHeaders } = withoutUser(url);
  return download(
    {
      offset: 0,
      sink: (chunk) => {
        count(chunk.length);
        return into.sink(chunk);
      },
      restart: into.restart,
      open: (offset, validator) => {
        const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
        const condition: Record<string, string> =
          offset > 0 && validator !== undefined ? { 'if-range': validator } : {};
        return transport.ask(address, { headers: { ...range, ...condition }, secretHeaders, signal, retryable: true });
      },
    },
    {
      signal,
      onRetry: (failure, ms) => notice(`${failure.message}; trying again in ${(ms / 1000).toFixed(1)} s`),
    },
  );
}

/** Takes user and password out of an address, and into a header that only its own origin gets. */
function withoutUser(url: string): { address: URL; secretHeaders: Record<string, string> } {
  const address = new URL(url);
  if (address.username === '') return { address, secretHeaders: {} };
  const user = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
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
