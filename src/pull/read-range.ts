import { WeighlockError } from '../error/index.ts';
import {
  type ArtifactSource,
  contentRangeFault,
  type Descriptor,
  headerOf,
  parseContentRange,
  type RegistrySettings,
  Repository,
  Retryable,
  readBody,
  Transport,
  unavailable,
  withRetries,
} from '../registry/index.ts';
import type { Store, StoredFile } from '../store/index.ts';
import { withoutUser } from './fetch-url.ts';
import type { BlobRangeRequest, StoredRangeRequest, UrlRangeRequest } from './protocol.ts';

/** A part of a file on a server, and how large the file is. */
export interface UrlPart {
  readonly bytes: Uint8Array;
  /** Bytes of the whole file. */
  readonly total: number;
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
    if (request.kind === 'url-range')
      return readUrlRange(this.#overHttp(), request.url, start, length, request.total, signal);
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
 * @param total - bytes of the whole file, where they are known: it must be so large still
 * @throws WeighlockError
 */
async function readUrlRange(
  transport: Transport,
  url: string,
  start: number,
  length: number,
  total: number | undefined,
  signal: AbortSignal,
): Promise<UrlPart> {
  const { address, secretHeaders } = withoutUser(url);
  const headers = { range: `bytes=${start}-${start + length - 1}` };
  const answer = await transport.ask(address, { headers, secretHeaders, signal, asStored: true });
  const range = headerOf(answer.headers, 'content-range');
  const whole = parseContentRange(range)?.total;
  const end = Math.min(start + length, whole ?? 0);
  const fault = answer.status === 206 ? contentRangeFault(range, start, total, end) : `answered ${answer.status}`;
  if (fault === undefined && whole !== undefined) return { bytes: await readBody(answer, end - start), total: whole };
  answer.body.destroy();
  throw noPart(address, 'the file', fault ?? 'no length');
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
  const { status, url, headers, body } = answer;
  if (status !== 206 && status !== 200) throw await store.refusal(answer, file);
  const range = headerOf(headers, 'content-range');
  const fault = status === 206 ? contentRangeFault(range, start, file.size, end) : 'answered 200';
  if (fault !== undefined) {
    body.destroy();
    throw noPart(url, file.key, fault);
  }
  const bytes = await readBody(answer, length);
  if (bytes.length === length) return bytes;
  throw new Retryable(unavailable(url, `ended ${length - bytes.length} bytes before the end of a range`));
}

function noPart({ host }: URL, what: string, fault: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_UNAVAILABLE',
    message: `${host} does not send a part of ${what}: ${fault}`,
    remedy: 'check the address; or fetch the file, and look at it where it lies',
  });
}
