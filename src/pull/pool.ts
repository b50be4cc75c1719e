import { closeRing, createRing, type EngineName, restartQueue } from '../hash/index.ts';
import type { Descriptor, Digest, Platform, RegistrySettings } from '../registry/index.ts';
import type { Inventory, StoredFile, StoreLocation, StoreSettings } from '../store/index.ts';
import { ThreadGroup } from '../thread/index.ts';
import { createRangeLimits, type HashPool, RANGE_SIZES } from '../transfer/index.ts';
import type { TufSource } from '../trust/index.ts';
import { createBudget } from './budget.ts';
import { SMALL_FILE_BYTES } from './limits.ts';
import type {
  FetchReply,
  FetchRequest,
  PullReply,
  PullRequest,
  PullSetup,
  RemoteRequest,
  Resolved,
  StoredRequest,
  StoredSignatures,
  UrlFile,
} from './protocol.ts';
import type { UrlPart } from './read-range.ts';

/** Below this, a second thread for the hash costs more than it saves. */
const LEAST_RING_BYTES = 8 << 20;

/**
 * Bytes to keep for each connection: what comes before its turn is, when all are as fast, a range
 * of each but one.
 */
const MEMORY_EACH = 8 << 20;

/**
 * Files of one thread at a time that come by several ranges each: while one waits for the network,
 * the other is hashed.
 */
const LARGE_AT_A_TIME = 2;

/**
 * Small files that are asked for at a time, for each connection of large ones: at 20 ms for an
 * answer, a thread has time for them.
 */
const SMALL_AT_A_TIME = 8;

/**
 * The pull threads of one run; they start when something remote is asked for, and join the run's
 * control.
 */
export class PullPool {
  readonly #setup: PullSetup;
  readonly #threads: ThreadGroup;
  readonly #hashing: HashPool;
  readonly #most: number;

  /**
   * @param hashing - whose control is joined, and whose threads hash what is received here
   * @param most - most threads, at least 1
   */
  constructor(
    hashing: HashPool,
    settings: RegistrySettings,
    stores: StoreSettings,
    engine: EngineName,
    most: number,
    notice: (text: string) => void,
  ) {
    this.#hashing = hashing;
    const { connections = 1 } = settings;
    const limits = createRangeLimits(connections, connections * MEMORY_EACH);
    this.#setup = { control: hashing.control, settings, stores, engine, limits, pace: hashing.pace };
    this.#threads = new ThreadGroup('pull', notice, undefined, hashing.startThread);
    this.#most = most;
  }

  get threads(): number {
    return this.#threads.size;
  }

  /** Resolves a reference once; everything after goes by the digests in the answer. */
  async resolve(reference: string, platform: Platform, allowUnknownLayers: boolean): Promise<Resolved> {
    return (await this.#ask({ kind: 'resolve', reference, platform, allowUnknownLayers })) as Resolved;
  }

  /** Fetches all layers, largest first, on as many threads as there is work for. */
  async pull(
    reference: string,
    { layout }: Resolved,
    folders: Pick<PullRequest, 'content' | 'records' | 'known' | 'inspects'> & Partial<Pick<PullRequest, 'budget'>>,
  ): Promise<PullReply> {
    const isImage = layout.subtree !== undefined;
    const order = isImage ? Uint32Array.of(0) : largestFirst(layout.items.map(({ descriptor }) => descriptor.size));
    if (order.length === 0) return { files: [], failures: [] };
    const plain = layout.items.reduce((sum, { kind, descriptor }) => sum + (kind === 'file' ? descriptor.size : 0), 0);
    // A thread that hashes for each that receives: several streams at once with the kernel that
    // can, one with any. With OpenSSL, threads that do both are as fast when there is work for all
    // of them.
    const usesRings =
      !isImage && plain >= LEAST_RING_BYTES && (this.#setup.engine === 'wasm' || order.length < this.#most);
    this.#start(Math.min(usesRings ? Math.max(1, Math.floor(this.#most / 2)) : this.#most, order.length));
    restartQueue(this.#setup.control);
    const budget = folders.budget ?? createBudget();
    const threadCount = this.#threads.size;
    const request: PullRequest = { kind: 'pull', reference, layout, order, threads: threadCount, ...folders, budget };
    const threads = Array.from({ length: threadCount }, (_, i) => i);
    const replies = await (usesRings
      ? this.#askWithRings(threads, request, plain, order.length)
      : this.#threads.askAll(request));
    return totalOf(replies as PullReply[]);
  }

  /** Asks threads, each of which has another that hashes what it receives. */
  async #askWithRings(
    threads: readonly number[],
    request: PullRequest | FetchRequest | StoredRequest,
    bytes: number,
    blobs: number,
  ): Promise<unknown[]> {
    const { engine } = this.#setup;
    const kernel = blobs > 1 ? await this.#hashing.kernelFor(engine, bytes / threads.length) : undefined;
    const isWide = (kernel?.lanes ?? 4) >= 8 && blobs / threads.length > 4;
    const rings = threads.map(() => createRing(isWide ? 8 : 4));
    const served = rings.map((ring, i) => this.#hashing.serveRing(i, ring, engine, kernel));
    const asked = threads.map((thread, i) => this.#threads.ask(thread, { ...request, ring: rings[i] }));
    const replies = Promise.all(asked).finally(() => rings.forEach(closeRing));
    // A thread that dies fails the one that waits for it.
    await Promise.all([replies, ...served]);
    return replies;
  }

  /** Fetches one file over HTTPS, or an archive as the files in it. */
  async fetch(url: string, what: Omit<FetchRequest, 'kind' | 'url' | 'ring'>): Promise<FetchReply> {
    this.#start(1);
    const request: FetchRequest = { kind: 'fetch', url, ...what };
    const [reply] = await (what.file === undefined
      ? this.#threads.ask(0, request).then((one) => [one])
      : this.#askWithRings([0], request, 0, 1));
    return reply as FetchReply;
  }

  /** Lists what a URL of a store names. */
  async inventory(location: StoreLocation, maxFiles: number): Promise<Inventory> {
    return (await this.#ask({ kind: 'inventory', location, maxFiles })) as Inventory;
  }

  /** Fetches one small file of a store whole. Nothing is known of its content. */
  async smallStored(location: StoreLocation, { revision }: Inventory, file: StoredFile): Promise<Uint8Array> {
    const at = revision === undefined ? {} : { revision };
    return (await this.#ask({ kind: 'small-stored', location, file, ...at })) as Uint8Array;
  }

  /**
   * Fetches all files of a store. Large ones by several ranges each; of small ones, which wait for
   * answers more than for bytes, more at a time than there are connections for large ones.
   */
  async pullStored(
    location: StoreLocation,
    inventory: Inventory,
    into: Pick<StoredRequest, 'content' | 'inspects'>,
  ): Promise<PullReply> {
    const replies: PullReply[] = [];
    const connections = this.#setup.settings.connections ?? 1;
    for (const { least, most, lanes } of [
      { least: RANGE_SIZES.small, most: Number.POSITIVE_INFINITY, lanes: 0 },
      { least: SMALL_FILE_BYTES, most: RANGE_SIZES.small, lanes: connections },
      { least: -1, most: SMALL_FILE_BYTES, lanes: connections * SMALL_AT_A_TIME },
    ]) {
      const chosen = [...inventory.files.keys()].filter((i) => isBetween(inventory.files[i], least, most));
      if (chosen.length === 0) continue;
      const sizes = chosen.map((i) => inventory.files[i]?.size ?? 0);
      const order = largestFirst(sizes).map((i) => chosen[i] ?? 0);
      replies.push(await this.#pullOfOneKind({ location, inventory, order, ...into }, sizes, lanes));
      if (replies.at(-1)?.failures.length !== 0) break;
    }
    return totalOf(replies);
  }

  /** @param lanes - files at a time of all threads together; 0 for as many as each is used to */
  async #pullOfOneKind(
    what: Pick<StoredRequest, 'location' | 'inventory' | 'order' | 'content' | 'inspects'>,
    sizes: readonly number[],
    lanes: number,
  ): Promise<PullReply> {
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const usesRings = lanes === 0 && (this.#setup.engine === 'wasm' || sizes.length < this.#most);
    this.#start(Math.min(usesRings ? Math.max(1, Math.floor(this.#most / 2)) : this.#most, sizes.length));
    restartQueue(this.#setup.control);
    const threads = Array.from({ length: this.#threads.size }, (_, i) => i);
    const request: StoredRequest = {
      kind: 'stored',
      ...what,
      threads: threads.length,
      lanes: lanes === 0 ? LARGE_AT_A_TIME : Math.ceil(lanes / threads.length),
    };
    const replies = await (usesRings
      ? this.#askWithRings(threads, request, bytes, sizes.length)
      : this.#threads.askAll(request));
    return totalOf(replies as PullReply[]);
  }

  /** Fetches what is stored as signatures of a manifest. */
  async signatures(reference: string, digest: Digest): Promise<StoredSignatures> {
    return (await this.#ask({ kind: 'signatures', reference, digest })) as StoredSignatures;
  }

  /** Fetches one small blob of an artifact; its digest is checked. */
  async smallBlob(reference: string, descriptor: Descriptor): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'blob', reference, descriptor })) as Uint8Array;
  }

  /** A part of a blob, unchecked. Requests at the same time share their connections. */
  async blobRange(reference: string, descriptor: Descriptor, start: number, length: number): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'blob-range', reference, descriptor, start, length })) as Uint8Array;
  }

  /** A part of a file over HTTPS, unchecked. @param file - what is known of it */
  async urlRange(url: string, start: number, length: number, file?: UrlFile): Promise<UrlPart> {
    const known = file === undefined ? {} : { file };
    return (await this.#ask({ kind: 'url-range', url, start, length, ...known })) as UrlPart;
  }

  /** A part of a file of a store, unchecked, in the version that was listed. */
  async storedRange(
    location: StoreLocation,
    { revision }: Inventory,
    file: StoredFile,
    start: number,
    length: number,
  ): Promise<Uint8Array> {
    const at = revision === undefined ? {} : { revision };
    return (await this.#ask({ kind: 'stored-range', location, file, start, length, ...at })) as Uint8Array;
  }

  /** The `trusted_root.json` that a TUF repository publishes now. */
  async trustedRoot(source: TufSource): Promise<string> {
    return (await this.#ask({ kind: 'trusted-root', source })) as string;
  }

  async stop(): Promise<void> {
    await this.#threads.stop();
    // Their connections go with them; nobody waits for that.
    this.#threads.end().catch(() => {});
  }

  #ask(request: RemoteRequest): Promise<unknown> {
    this.#start(1);
    return this.#threads.ask(0, request);
  }

  #start(wanted: number): void {
    while (this.#threads.size < wanted) this.#threads.start(this.#setup);
  }
}

function isBetween(file: StoredFile | undefined, least: number, most: number): boolean {
  return file !== undefined && file.size > least && file.size <= most;
}

function totalOf(replies: readonly PullReply[]): PullReply {
  return { files: replies.flatMap(({ files }) => files), failures: replies.flatMap(({ failures }) => failures) };
}

function largestFirst(sizes: readonly number[]): Uint32Array {
  return Uint32Array.from(sizes.keys()).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || a - b);
}
