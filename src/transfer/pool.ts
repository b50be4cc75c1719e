import type { ContentShare } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import { isInside, type Listing, MOST_SEEN, nameAt, type PathBytes, peek } from '../fs/index.ts';
import {
  affordableReads,
  type Control,
  closeRing,
  createControl,
  createEngine,
  createLaneHasher,
  createRing,
  type Engine,
  type EngineName,
  fastestKernel,
  type HashReply,
  type HashRequest,
  type HashTask,
  isAnySlow,
  isStopped,
  type Kernel,
  type KernelChoice,
  laneEngine,
  limitDepth,
  limitRate,
  limitShards,
  MOST_DEPTH,
  type Progress,
  progressOf,
  type RingBuffer,
  requestStop,
  restartQueue,
  shardDigests,
  shareDepth,
} from '../hash/index.ts';
import { type StartThread, ThreadGroup } from '../thread/index.ts';
import { Lister } from './lister.ts';
import { largestFirst } from './order.ts';
import type { ListRequest, Request, WorkerSetup } from './protocol.ts';
import { fillTwins, withTwins } from './twins.ts';

/**
 * Below this many bytes and files a second thread costs more (about 15 ms to start) than it saves.
 */
const SMALL_BYTES = 8 << 20;
const SMALL_FILES = MOST_SEEN;

/** Below this, starting a second thread costs more than reading ahead saves. */
const LEAST_AHEAD_BYTES = 64 << 20;
/** Of files of a slow volume, for each. */
const LEAST_AHEAD_EACH = 8 << 20;

/** Below this for each thread, finding the fastest kernel takes longer than it saves. */
const LEAST_CHOICE_BYTES = 96 << 20;

/** Failures by task number. */
export type TaskFailures = readonly (readonly Failure[])[];

/** What came of hashing, by task number. */
export interface PoolHashed {
  readonly failures: TaskFailures;
  /** Second digests by file name. */
  readonly second: readonly ReadonlyMap<PathBytes, readonly string[]>[];
  /** What its files are, as far as that was asked for. */
  readonly content: readonly (readonly ContentShare[])[];
}

/**
 * The worker threads of one run. The first one starts at once and lists; the others start when
 * there is enough to hash. All of them take files, largest first, off one queue in shared memory.
 */
export class HashPool {
  /** Shared with every thread; other groups of threads may join it. */
  readonly control: Control = createControl();
  /** Part of each pause between two tries that is waited: all of it, but in tests. */
  readonly pace: number;
  /** How threads of the run are started, where not as usual. */
  readonly startThread: StartThread | undefined;
  readonly #threads: ThreadGroup;
  readonly #kernels = new Set<Kernel>();
  readonly #chooseKernel: () => Promise<KernelChoice>;
  #kernelReason: string | undefined;
  #isHashing = false;
  #lister: Lister | undefined;

  /**
   * @param likelyEngine - what the first thread is to get ready
   * @param chooseKernel - for the multi-buffer hasher, where there is enough to hash
   */
  constructor(
    likelyEngine: EngineName = 'wasm',
    chooseKernel: () => Promise<KernelChoice> = fastestKernel,
    { pace = 1, startThread }: { readonly pace?: number; readonly startThread?: StartThread } = {},
  ) {
    this.#chooseKernel = chooseKernel;
    this.pace = pace;
    this.startThread = startThread;
    this.#threads = new ThreadGroup('hash', undefined, undefined, startThread);
    limitDepth(this.control, Math.min(MOST_DEPTH, affordableReads(2)), false);
    this.#start({ likelyEngine });
  }

  /** Threads started so far. */
  get workers(): number {
    return this.#threads.size;
  }

  /** What computed the digests so far. */
  get kernels(): readonly Kernel[] {
    return [...this.#kernels];
  }

  /** Why the kernel that was used is this one, where there was a choice. */
  get kernelReason(): string | undefined {
    return this.#kernelReason;
  }

  get progress(): Progress {
    return progressOf(this.control);
  }

  /** Reads no faster than this from now on, over all threads together. */
  limitRate(bytesPerSecond: number): void {
    limitRate(this.control, bytesPerSecond);
  }

  /**
   * @param depth - so many system calls on volumes are in flight, over all threads together, and
   * none are measured
   */
  limitDepth(depth: number): void {
    limitDepth(this.control, depth, true);
  }

  /**
   * Gets ready what many bytes at a path will need, if there seem to be many, while the first
   * thread is still starting or lists: 10 to 20 ms of a start. Nobody waits for it.
   *
   * @param mostWorkers - most threads to use, at least 1
   */
  async getReady(path: string, engine: EngineName, mostWorkers: number): Promise<void> {
    const { entries, bytes } = await peek(path);
    if (this.#isHashing || isStopped(this.control) || isInside() || (bytes < LEAST_AHEAD_BYTES && entries < MOST_SEEN))
      return;
    const wanted = Math.min(mostWorkers, entries);
    while (this.#threads.size < wanted) this.#start();
    if (entries > 1 && isWorthChoice(engine, bytes / wanted)) this.#chooseKernel().catch(() => {});
  }

  /**
   * Lists a file or folder as `list` does; where there are many files, the small ones are hashed
   * when they are listed.
   *
   * @param mostWorkers - most threads to use, at least 1
   */
  listHashing(request: Omit<ListRequest, 'kind'>, engine: EngineName, mostWorkers: number): Promise<Listing> {
    return this.#listTogether(request, engine, mostWorkers);
  }

  /**
   * Lists the file or folder at an absolute path. Throws what `listPath` throws.
   *
   * @param mostWorkers - most threads to use where there are many files
   */
  list(request: Omit<ListRequest, 'kind'>, mostWorkers = 1): Promise<Listing> {
    return this.#listTogether(request, undefined, mostWorkers);
  }

  async #listTogether(
    request: Omit<ListRequest, 'kind'>,
    engine: EngineName | undefined,
    mostWorkers: number,
  ): Promise<Listing> {
    const lister = new Lister({
      threads: this.#threads,
      most: mostWorkers,
      startOne: () => this.#start(),
      engine,
      chooseKernel: async () => engine && this.kernelFor(engine, LEAST_CHOICE_BYTES),
    });
    this.#lister = lister;
    try {
      const listing = await lister.list(request);
      for (const kernel of lister.kernels) this.#kernels.add(kernel);
      return listing;
    } finally {
      // It holds on to the table.
      this.#lister = undefined;
    }
  }

  /**
   * Hashes every file of every task into its table (`digests`, `hashed`), but for those that are.
   *
   * @param mostWorkers - most threads to use, at least 1
   */
  async hash(given: readonly HashTask[], engine: EngineName, mostWorkers: number): Promise<PoolHashed> {
    for (const { listing, second, shards, copyTo, content } of given) {
      if (second?.shardBytes !== undefined) limitShards(listing.files, second.shardBytes);
      // A digest alone is not what was asked for.
      if (second !== undefined || shards !== undefined || copyTo !== undefined || content !== undefined)
        listing.files.hashed.fill(0);
    }
    // What a file is depends on its name as well.
    const tasks = given.map((task) => (task.content === undefined ? withTwins(task) : task));
    this.#isHashing = true;
    const first = await this.#hashOnce(tasks, engine, mostWorkers);
    const again = await this.#refreshEntry(tasks, first);
    const replies =
      again === undefined ? first : [...again.kept, ...(await this.#hashOnce(again.tasks, engine, mostWorkers))];
    const failures: Failure[][] = tasks.map(() => []);
    for (const { task, failure } of replies.flatMap((reply) => reply.failures)) failures[task]?.push(failure);
    const second = tasks.map(({ shards, listing }) =>
      shards === undefined ? new Map<PathBytes, readonly string[]>() : shardDigests(shards, listing.files),
    );
    for (const { task, index, digests } of replies.flatMap((reply) => reply.second)) {
      const files = tasks[task]?.listing.files;
      if (files !== undefined) second[task]?.set(nameAt(files, index), digests);
    }
    for (const { listing, twins } of tasks) if (twins !== undefined) fillTwins(listing.files, twins, this.control);
    const content = tasks.map((_, i) =>
      replies.flatMap((reply) => reply.content.filter(({ task }) => task === i).map(({ share }) => share)),
    );
    return { failures, second, content };
  }

  /**
   * Gets ready to hash once more what had other times when it was read than when it was listed, and
   * nothing else wrong with it: some file systems change times at the first open or read. What
   * somebody writes to is refused at the second time.
   */
  async #refreshEntry(
    tasks: readonly HashTask[],
    replies: readonly HashReply[],
  ): Promise<{ readonly tasks: readonly HashTask[]; readonly kept: readonly HashReply[] } | undefined> {
    const indexes = tasks.map(() => new Set<number>());
    for (const { task, again } of replies.flatMap(({ failures }) => failures))
      if (again !== undefined) indexes[task]?.add(again);
    const files = tasks.flatMap(({ listing }, task) =>
      [...(indexes[task] ?? [])].map((index) => ({ listing: { root: listing.root, files: listing.files }, index })),
    );
    if (files.length === 0) return undefined;
    await this.#ask(0, { kind: 'refresh', files });
    const isAgain = (task: number, index: number) => indexes[task]?.has(index) === true;
    const kept = replies.map(({ failures, second, ...reply }) => ({
      ...reply,
      failures: failures.filter(({ task, again }) => again === undefined || !isAgain(task, again)),
      second: second.filter(({ task, index }) => !isAgain(task, index)),
    }));
    for (const [task, { listing, shards }] of tasks.entries())
      for (const index of indexes[task] ?? []) {
        listing.files.hashed[index] = 0;
        if (shards !== undefined) shards.done[index] = 0;
      }
    return { tasks: tasks.map((task, i) => ({ ...task, isAgain: true, only: indexes[i] ?? new Set() })), kept };
  }

  /** One pass over all files that are to be hashed. */
  async #hashOnce(tasks: readonly HashTask[], engine: EngineName, mostWorkers: number): Promise<readonly HashReply[]> {
    const { order, bytes } = largestFirst(tasks);
    if (order.length === 0) return [];
    const wanted = bytes > SMALL_BYTES || order.length > SMALL_FILES ? Math.min(mostWorkers, order.length) : 1;
    while (this.#threads.size < wanted) this.#start();
    restartQueue(this.control);
    // Each worker gets its share of the files at once; a file that is most of the work gets a
    // worker of its own.
    const lanes = Math.ceil(order.length / Math.max(1, this.#threads.size));
    const aloneBytes = bytes / (1.5 * Math.max(1, this.#threads.size));
    const pairs = tasks.some(hasSecond) ? 0 : this.#pairsFor(engine, order.length, bytes, mostWorkers);
    // One by itself has one kernel, which needs no choice.
    const choice =
      order.length > 1 ? await this.kernelFor(engine, bytes / Math.max(1, pairs || this.#threads.size)) : undefined;
    const kernel = choice === undefined ? {} : { kernel: choice };
    const request: HashRequest = { kind: 'hash', engine, tasks, order, lanes, aloneBytes, ...kernel };
    const replies = (
      pairs > 0
        ? await this.#hashByPairs(request, pairs)
        : order.length > 1
          ? await this.#threads.askAll(request)
          : [await this.#ask(0, request)]
    ) as HashReply[];
    for (const { kernel } of replies) if (kernel !== undefined) this.#kernels.add(kernel);
    return replies;
  }

  /**
   * How many pairs of threads, of which one reads and the other one hashes, are better than threads
   * that do both: one for a large file by itself; and where several messages are hashed together,
   * for large files on a slow volume: a thread that hashes would hear too late of what has come,
   * and each of two would have half of the lanes.
   */
  #pairsFor(engine: EngineName, files: number, bytes: number, mostWorkers: number): number {
    if (bytes < LEAST_AHEAD_BYTES || mostWorkers < 2) return 0;
    if (files === 1) return 1;
    const isWorth = engine === 'wasm' && isAnySlow(this.control) && bytes / files >= LEAST_AHEAD_EACH;
    return isWorth ? Math.min(files, mostWorkers >> 1) : 0;
  }

  async #hashByPairs(request: HashRequest, pairs: number): Promise<unknown[]> {
    const { engine, kernel, order } = request;
    const most = kernel === undefined || kernel.lanes < 8 ? 4 : 8;
    const rings = Array.from({ length: pairs }, () => createRing(order.length === 1 ? 1 : most));
    const served = rings.map((ring, i) => this.serveRing(pairs + i, ring, engine, kernel));
    // All that may be in flight is the readers'.
    shareDepth(this.control, pairs);
    const replies = Promise.all(rings.map((ring, i) => this.#ask(i, { ...request, ring }))).finally(() => {
      rings.forEach(closeRing);
      shareDepth(this.control, this.#threads.size);
    });
    // A thread that dies fails the one that waits for it.
    await Promise.all([replies, ...served]);
    return replies;
  }

  /**
   * The fastest kernel where an engine has several, and each thread has enough to hash to find out.
   */
  async kernelFor(engine: EngineName, bytesEach: number): Promise<KernelChoice | undefined> {
    if (!isWorthChoice(engine, bytesEach)) return undefined;
    const kernel = await this.#chooseKernel();
    this.#kernelReason = kernel.reason;
    return kernel;
  }

  /**
   * One for the main thread: where a kernel was chosen, ours for one message is compiled, and
   * faster than hash-wasm.
   */
  async engine(name: EngineName): Promise<Engine> {
    const own = name === 'wasm' && this.#kernelReason !== undefined ? createLaneHasher() : undefined;
    return own === undefined ? createEngine(name) : laneEngine(own);
  }

  /** Lets a thread of its own hash what comes in a ring. @returns when the ring is closed */
  async serveRing(thread: number, ring: RingBuffer, engine: EngineName, kernel?: KernelChoice): Promise<void> {
    while (this.#threads.size <= thread) this.#start();
    this.#kernels.add(
      (await this.#ask(thread, {
        kind: 'ring',
        engine,
        ring,
        ...(kernel === undefined ? {} : { kernel }),
      })) as Kernel,
    );
  }

  /**
   * Looks at the folders of a listing again; one `SOURCE_CHANGED` for each that is not as it was.
   */
  async recheck(listing: Listing): Promise<readonly Failure[]> {
    return (await this.#ask(0, { kind: 'recheck', listing })) as readonly Failure[];
  }

  /**
   * Stops all threads at their next chunk. Whoever waits for them waits for ever, so this ends a
   * run.
   */
  async stop(): Promise<void> {
    requestStop(this.control);
    this.#lister?.stop();
    await this.#threads.stop();
  }

  /** Stops all threads and ends them, for a process that goes on without them. */
  async end(): Promise<void> {
    await this.stop();
    await this.#threads.end();
  }

  #ask(thread: number, request: Request): Promise<unknown> {
    return this.#threads.ask(thread, request);
  }

  #start(setup: Omit<WorkerSetup, 'control'> = {}): void {
    this.#threads.start({ control: this.control, ...setup } satisfies WorkerSetup);
    shareDepth(this.control, this.#threads.size);
  }
}

/** A second hash goes through the bytes in the same thread. */
function hasSecond({ second }: HashTask): boolean {
  return second !== undefined;
}

function isWorthChoice(engine: EngineName, bytesEach: number): boolean {
  return engine === 'wasm' && bytesEach >= LEAST_CHOICE_BYTES;
}
