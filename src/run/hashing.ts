import { type ContentFound, mergeContent } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import { entryText, hexAt, type Listing, nameAt, type PathBytes, type StorageRules } from '../fs/index.ts';
import {
  chooseEngine,
  type Engine,
  type EngineChoice,
  type Hasher,
  type HashTask,
  IN_SHARDS,
  treeDigest,
} from '../hash/index.ts';
import type { Limits } from '../plan/index.ts';
import type { HashPool } from '../transfer/index.ts';
import type { Measured } from '../verdict/index.ts';

/** What is to be hashed of a listing, whose folders are looked at again afterwards. */
export interface ListedTask extends HashTask {
  readonly listing: Listing;
}

/** What came of hashing one artifact. */
export interface Hashed {
  readonly failures: readonly Failure[];
  /** By file name. */
  readonly second: ReadonlyMap<PathBytes, readonly string[]>;
  /** What the files are, where the task asked for it. */
  readonly content?: ContentFound;
}

/** What may be listed, and how. */
export interface ListingOptions extends Pick<Limits, 'allowSymlinks' | 'maxFiles'> {
  readonly storage?: StorageRules | undefined;
}

function requestOf(path: string, { allowSymlinks, maxFiles, storage }: ListingOptions) {
  return { path, allowSymlinks, maxFiles, ...(storage === undefined ? {} : { storage }) };
}

/** The engine and the threads of one run. */
export class Hashing {
  readonly choice: EngineChoice;
  readonly pool: HashPool;
  #engine: Promise<Engine> | undefined;
  #reading = 0;

  readonly concurrency: number;

  private constructor(pool: HashPool, choice: EngineChoice, concurrency: number) {
    this.pool = pool;
    this.choice = choice;
    this.concurrency = concurrency;
  }

  static async start(
    pool: HashPool,
    hasher: Hasher,
    concurrency: number,
    { ioRate, ioDepth }: Pick<Limits, 'ioRate' | 'ioDepth'>,
  ): Promise<Hashing> {
    if (ioRate > 0) pool.limitRate(ioRate);
    if (ioDepth > 0) pool.limitDepth(ioDepth);
    // Each thread has one of them at least.
    const threads = ioDepth > 0 ? Math.min(concurrency, ioDepth) : concurrency;
    return new Hashing(pool, await chooseEngine(hasher), threads);
  }

  /**
   * True while what lies on a volume is listed, read or summed up: how long that takes, its content
   * decides.
   */
  get isReading(): boolean {
    return this.#reading > 0;
  }

  /** Does something that takes as long as the content of a volume makes it take. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    this.#reading++;
    try {
      return await work();
    } finally {
      this.#reading--;
    }
  }

  /** The main thread's own engine, for what is small: checksums files and tree digests. */
  engine(): Promise<Engine> {
    this.#engine ??= this.pool.engine(this.choice.name);
    return this.#engine;
  }

  /**
   * @param isHashed - false where perhaps nothing of it will be: then nothing is got ready for that
   */
  async list(path: string, options: ListingOptions, isHashed = true): Promise<Listing> {
    if (isHashed) this.#getReady(path);
    return this.read(() => this.pool.list(requestOf(path, options), this.concurrency));
  }

  /**
   * Lists what needs nothing but SHA-256 of each file: small ones may be hashed already when it is
   * listed.
   */
  async listHashing(path: string, options: ListingOptions): Promise<Listing> {
    this.#getReady(path);
    return this.read(() => this.pool.listHashing(requestOf(path, options), this.choice.name, this.concurrency));
  }

  #getReady(path: string): void {
    // What fails here fails again, and is heard of, when it is needed.
    this.pool.getReady(path, this.choice.name, this.concurrency).catch(() => {});
  }

  /**
   * Hashes everything and looks at the folders again; what went wrong, and second digests, by task.
   */
  async hash(tasks: readonly ListedTask[]): Promise<readonly Hashed[]> {
    return tasks.length === 0 ? [] : this.read(() => this.#hash(tasks));
  }

  async #hash(tasks: readonly ListedTask[]): Promise<readonly Hashed[]> {
    // For the tree digest at the end: loaded when the others have their work. Who needs it hears of
    // a fault then.
    if (tasks.some(({ listing }) => listing.kind === 'folder')) setImmediate(() => this.engine().catch(() => {}));
    const { failures, second, content } = await this.pool.hash(tasks, this.choice.name, this.concurrency);
    return Promise.all(
      tasks.map(async ({ listing, content: table }, i) => ({
        failures: [...(failures[i] ?? []), ...(await this.pool.recheck(listing))],
        second: second[i] ?? new Map(),
        ...(table && { content: mergeContent(table, content[i] ?? [], (f) => entryText(nameAt(listing.files, f))) }),
      })),
    );
  }

  /**
   * Sums up a hashed listing. There is a digest only when every entry was listed and hashed: a
   * digest of a part would look like one of the whole.
   */
  async measure({ kind, files }: Pick<Listing, 'kind' | 'files'>, failures: readonly Failure[]): Promise<Measured> {
    const unknown = failures.flatMap(({ file }) => (file === undefined ? [] : [file]));
    if (failures.length > 0 || files.hashed.includes(0)) return { kind, files, unknown };
    // Of shards there is a digest of each, and none of the whole.
    if (files.hashed.includes(IN_SHARDS)) return { kind, files, unknown };
    if (kind === 'file') return { kind, files, unknown, digest: hexAt(files, 0) ?? '' };
    return this.read(async () => {
      const digest = Buffer.from(treeDigest(files, await this.engine())).toString('hex');
      return { kind, files, unknown, digest };
    });
  }
}
