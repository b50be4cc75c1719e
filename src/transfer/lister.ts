import {
  AGAIN,
  AT_FDCWD,
  enter,
  type FileTable,
  finishTable,
  GrowingTable,
  type Listing,
  nameAt,
  type PathBytes,
  unseenFiles,
} from '../fs/index.ts';
import type { EngineName, Kernel, KernelChoice } from '../hash/index.ts';
import type { ThreadGroup } from '../thread/index.ts';
import type { HashUnlistedRequest, ListRequest, RelistRequest, UnseenPart } from './protocol.ts';

/** After so many parts it is worth while to make the folder the working folder. */
const LEAST_INSIDE_PARTS = 8;

/** After so many files of any size, finding the fastest kernel takes less than it saves. */
const LEAST_CHOICE_PARTS = 8;

/** What the threads are and can do. */
export interface Lookers {
  readonly threads: Pick<ThreadGroup, 'size' | 'ask'>;
  /** So many there may be. */
  readonly most: number;
  startOne(): void;
  /** What hashes the small ones; without one they are looked at alone. */
  readonly engine: EngineName | undefined;
  chooseKernel(): Promise<KernelChoice | undefined>;
}

/**
 * Lists a folder of many files and, where that is asked for, hashes the small ones of them
 * meanwhile: the first thread reads the folders, and what it has named the others look at; at the
 * end, it helps them. A file is opened once, and no thread waits until all are listed.
 */
export class Lister {
  readonly kernels = new Set<Kernel>();
  readonly #lookers: Lookers;
  readonly #waiting: UnseenPart[] = [];
  /** All files that were named so far, and where they are opened if that is not their name. */
  #table: GrowingTable | undefined;
  #named = 0;
  readonly #targets = new Map<number, PathBytes>();
  /** Threads that look at something, and those that have nothing to do. */
  readonly #looking = new Set<Promise<void>>();
  readonly #idle: number[] = [];
  /** Threads that are in one of these, or list: others may start more at any time. */
  #known = 1;
  /** Threads that have the table. */
  readonly #told = new Set<number>();
  /** Threads that have answered: they will not look for anything in the working folder any more. */
  readonly #answered = new Set<number>();
  #comeBack: (() => void) | undefined;
  #isOver = false;
  #parts = 0;
  #failure: unknown;
  #kernel: KernelChoice | undefined;

  constructor(lookers: Lookers) {
    this.#lookers = lookers;
  }

  async list(request: Omit<ListRequest, 'kind'>): Promise<Listing> {
    try {
      return await this.#list(request);
    } finally {
      this.#waiting.length = 0;
      await Promise.allSettled(this.#looking);
      this.stop();
    }
  }

  /**
   * Gives the process its working folder back, for good: before the end only where nobody needs
   * what is being looked at any more.
   */
  stop(): void {
    this.#isOver = true;
    this.#comeBack?.();
    this.#comeBack = undefined;
  }

  async #list(request: Omit<ListRequest, 'kind'>): Promise<Listing> {
    const { threads } = this.#lookers;
    const listed = threads.ask(0, { kind: 'list', ...request }, (part) => this.#take(part as UnseenPart));
    const listing = (await listed) as Listing;
    const table = this.#table;
    if (table === undefined) return listing;
    this.#idle.push(0);
    this.#handOut();
    while (this.#looking.size > 0) await Promise.allSettled(this.#looking);
    if (this.#failure !== undefined) throw this.#failure;
    const again = await this.#again(listing.root, table.upTo(this.#named));
    const others = again === undefined ? [listing.files] : [listing.files, again.files];
    const failures = again === undefined ? listing.failures : [...listing.failures, ...again.failures];
    return { ...listing, files: finishTable(table, this.#named, others, this.#targets), failures };
  }

  #take(part: UnseenPart): void {
    this.#waiting.push(part);
    if (part.table !== undefined) this.#table = new GrowingTable(part.table);
    this.#named = part.count;
    for (const [index, target] of part.targets) this.#targets.set(index, target);
    this.#parts++;
    const { threads, most, startOne, chooseKernel } = this.#lookers;
    const isBehind = this.#waiting.length > this.#idle.length + threads.size - this.#known + 1;
    if (isBehind && threads.size < most) startOne();
    while (this.#known < threads.size) this.#idle.push(this.#known++);
    this.#enter(part);
    if (this.#parts === LEAST_CHOICE_PARTS && this.#lookers.engine !== undefined)
      chooseKernel().then(
        (kernel) => {
          this.#kernel = kernel;
        },
        () => {},
      );
    this.#handOut();
  }

  /**
   * As soon as no more threads are to be started, and none of them is starting. The one that lists
   * sends parts.
   */
  #enter({ root, isLocal }: UnseenPart): void {
    const { threads, most } = this.#lookers;
    const isWorthIt = isLocal && this.#parts >= LEAST_INSIDE_PARTS;
    const areReady = threads.size >= most && this.#answered.size >= threads.size - 1;
    if (isWorthIt && areReady && !this.#isOver && this.#comeBack === undefined) this.#comeBack = enter(root);
  }

  #handOut(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const [part, thread] = [this.#waiting.shift(), this.#idle.pop()];
      if (part === undefined || thread === undefined) return;
      const looking = this.#look(part, thread).finally(() => this.#looking.delete(looking));
      this.#looking.add(looking);
      // Whoever waits for all of them hears of it.
      looking.catch((error: unknown) => {
        this.#failure ??= error;
      });
    }
  }

  async #look(part: UnseenPart, thread: number): Promise<void> {
    const { threads, engine } = this.#lookers;
    const kernel = this.#kernel === undefined ? {} : { kernel: this.#kernel };
    const root = this.#comeBack === undefined ? part.root : AT_FDCWD;
    const { first, count, targets } = part;
    const told = this.#told.has(thread) || this.#table === undefined ? {} : { table: this.#table.buffers };
    this.#told.add(thread);
    const request: HashUnlistedRequest = {
      kind: 'hash-unlisted',
      engine,
      root,
      first,
      count,
      targets,
      ...told,
      ...kernel,
    };
    const used = (await threads.ask(thread, request)) as Kernel | undefined;
    this.#answered.add(thread);
    this.#enter(part);
    if (used !== undefined && this.#table?.upTo(count).hashed.includes(1, first) === true) this.kernels.add(used);
    this.#idle.push(thread);
    this.#handOut();
  }

  async #again(root: number, named: FileTable): Promise<Pick<Listing, 'files' | 'failures'> | undefined> {
    const names: PathBytes[] = [];
    const targets = new Map<number, PathBytes>();
    const { hashed } = named;
    for (let i = hashed.indexOf(AGAIN); i >= 0; i = hashed.indexOf(AGAIN, i + 1)) {
      const name = nameAt(named, i);
      targets.set(names.length, this.#targets.get(i) ?? name);
      names.push(name);
    }
    if (names.length === 0) return undefined;
    const request: RelistRequest = { kind: 'relist', root, files: unseenFiles(names, targets) };
    return (await this.#lookers.threads.ask(0, request)) as Pick<Listing, 'files' | 'failures'>;
  }
}
