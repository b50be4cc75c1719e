import { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  type ArtifactSource,
  contentRangeFault,
  type Descriptor,
  headerOf,
  parseContentRange,
  type RegistrySettings,
  Repository,
  Retryable,
  readBody,
  refusalOf,
  Transport,
  unavailable,
  versionOf,
  withRetries,
} from '../registry/index.ts';
import type { Store, StoredFile } from '../store/index.ts';
import { SERVER_REMEDIES, withoutUser } from './fetch-url.ts';
import type { BlobRangeRequest, StoredRangeRequest, UrlFile, UrlRangeRequest } from './protocol.ts';

/** A part of a file on a server. */
export interface UrlPart {
  readonly bytes: Uint8Array;
  readonly file: UrlFile;
}

/** Reads parts of blobs and files, over the same connections as long as the thread lives. */
export class RangeReader {
  readonly #open: (reference: string) => ArtifactSource;
  readonly #openStored: (request: StoredRangeRequest, transport: Transport) => Store;
  readonly #settings: RegistrySettings;
  readonly #sources = new Map<string, ArtifactSource>();
  readonly #stores = new Map<string, Store>();
  #transport: Transport | undefined;

  constructor(
    open: (reference: string) => ArtifactSource,
    openStored: (request: StoredRangeRequest, transport: Transport) => Store,
    settings: RegistrySettings,
  ) {
    this.#open = open;
    this.#openStored = openStored;
    this.#settings = settings;
  }

  read(
    request: BlobRangeRequest | UrlRangeRequest | StoredRangeRequest,
    signal: AbortSignal,
  ): Promise<Uint8Array | UrlPart> {
    const { start, length } = request;
    if (request.kind === 'url-range') {
      const { url, file } = request;
      return withRetries(() => readUrlRange(this.#overHttp(), url, start, length, file, signal), { signal });
    }
    if (request.kind === 'stored-range') {
      const name = `${request.location.text} ${request.revision ?? ''}`;
      const store = this.#stores.get(name) ?? this.#openStored(request, this.#overHttp());
      this.#stores.set(name, store);
      return withRetries(() => readStoredRange(store, request.file, start, length, signal), { signal });
    }
    const source = this.#sources.get(request.reference) ?? this.#open(request.reference);
    this.#sources.set(request.reference, source);
    return readBlobRange(source, request.descriptor, start, length, signal);
  }

  /** Made for the first file that needs it: a registry has one of its own. */
  #overHttp(): Transport {
    this.#transport ??= new Transport(this.#settings);
    return this.#transport;
  }
}

/**
 * Reads a part of a blob. Nothing can be checked of it: it is for looking at, not for trusting.
 *
 * @returns exactly `length` bytes
 * @throws WeighlockError
 */
async function readBlobRange(
  source: ArtifactSource,
  descriptor: Descriptor,
  start: number,
  length: number,
  signal: AbortSignal,
): Promise<Buffer> {
  if (source instanceof Repository) return source.range(descriptor, start, length, signal);
  const pieces: Buffer[] = [];
  let left = length;
  const enough = new Error('enough');
  const sink = (chunk: Buffer) => {
    const piece = Buffer.from(chunk.subarray(0, left));
    pieces.push(piece);
    left -= piece.length;
    if (left === 0) throw enough;
  };
  try {
    await source.blob(descriptor, { offset: () => start, sink, restart: () => {} }, signal);
  } catch (error) {
    if (left > 0) throw error;
  }
  return Buffer.concat(pieces);
}

/**
 * Reads a part of a file on a server that answers ranges.
 *
 * @param known - what an earlier answer said of the file: it must be the same still
 * @returns exactly `length` bytes, unless nothing is known and the file is shorter
 * @throws WeighlockError
 */
async function readUrlRange(
  transport: Transport,
  url: string,
  start: number,
  length: number,
  known: UrlFile | undefined,
  signal: AbortSignal,
): Promise<UrlPart> {
  const { address, secretHeaders } = withoutUser(url);
  const headers = { range: `bytes=${start}-${start + length - 1}` };
  const answer = await transport.ask(address, { headers, secretHeaders, signal, asStored: true });
  const { status } = answer;
  const range = headerOf(answer.headers, 'content-range');
  if (status === 416 && known === undefined && range === 'bytes */0') {
    answer.body.destroy();
    return { bytes: Buffer.alloc(0), file: { total: 0 } };
  }
  if (status !== 206 && status !== 200)
    throw await refusalOf(answer, { what: 'the source', remedies: SERVER_REMEDIES });
  const version = versionOf(answer);
  if (known !== undefined && version !== known.version) {
    answer.body.destroy();
    throw noPart(address, 'the file', 'it was replaced meanwhile');
  }
  const total = known?.total ?? parseContentRange(range)?.total;
  const bytes = await readPart(answer, { start, end: Math.min(start + length, total ?? 0), total }, 'the file');
  return { bytes, file: { total: total ?? 0, ...(version === undefined ? {} : { version }) } };
}

/**
 * Reads a part of a file of a store, in the version that was listed.
 *
 * @returns exactly `length` bytes
 * @throws WeighlockError
 */
async function readStoredRange(
  store: Store,
  file: StoredFile,
  start: number,
  length: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const end = start + length;
  const answer = await store.open(file, { range: `bytes=${start}-${end - 1}` }, { signal });
  if (answer.status !== 206 && answer.status !== 200) throw await store.refusal(answer, file);
  return readPart(answer, { start, end, total: file.size }, file.key);
}

/**
 * The one way for an answer to become a part of a file: what it says it is, it is what was asked
 * for, of a whole of that size; and it has as many bytes, no more and no fewer.
 */
async function readPart(
  answer: Answer,
  { start, end, total }: { readonly start: number; readonly end: number; readonly total: number | undefined },
  what: string,
): Promise<Buffer> {
  const range = headerOf(answer.headers, 'content-range');
  const fault = answer.status === 206 ? contentRangeFault(range, start, total, end) : 'answered 200';
  if (fault !== undefined) {
    answer.body.destroy();
    throw noPart(answer.url, what, fault);
  }
  const bytes = await readBody(answer, end - start);
  if (bytes.length === end - start) return bytes;
  const missing = end - start - bytes.length;
  throw new Retryable(unavailable(answer.url, `ended ${missing} bytes before the end of a range`), { tries: 2 });
}

function noPart({ host }: URL, what: string, fault: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_UNAVAILABLE',
    message: `${host} does not send a part of ${what}: ${fault}`,
    remedy: 'check the address; or fetch the file, and look at it where it lies',
  });
}
