import type { Failure } from '../error/index.ts';
import type { FileTable, StorageRules } from '../fs/index.ts';
import { createShardTable, type Hasher, type ShardTable } from '../hash/index.ts';
import type { Limits, RemoteSettings } from '../plan/index.ts';
import type { Resolved } from '../pull/index.ts';
import { fileUnits, type Part, shardUnits, shares, type Units } from '../receipt/index.ts';
import type { StoreLocation } from '../store/index.ts';
import type { HashPool } from '../transfer/index.ts';
import type { Measured } from '../verdict/index.ts';
import { Hashing } from './hashing.ts';
import { unlessAborted } from './interruption.ts';
import { Remote } from './remote.ts';
import { tableOf } from './staged-files.ts';
import { requireAny } from './stored-files.ts';
import { requireFiles } from './volume-listing.ts';
import { type Observer, Watchdog } from './watchdog.ts';

export interface DigestRequest {
  /** Absolute path of a file or folder. */
  readonly path: string;
  readonly hasher: Hasher;
  readonly concurrency: number;
  readonly limits: Limits;
  readonly storage?: StorageRules;
  /** Hashes shards of so many bytes, and files as a whole only where they are one shard. */
  readonly shardBytes?: number;
  /** Hashes one share of them. */
  readonly part?: Part;
}

/** What was measured of a file or folder. */
export interface DigestResult {
  readonly measured: Measured;
  readonly failures: readonly Failure[];
  /** What was shared out, where there is a part: of them those of this part have their digests. */
  readonly units?: Units;
}

/** Measures one file or folder without a verdict. */
export class DigestRun {
  readonly #request: DigestRequest;
  readonly #pool: HashPool;

  constructor(request: DigestRequest, pool: HashPool) {
    this.#request = request;
    this.#pool = pool;
  }

  /**
   * @throws WeighlockError when there is nothing to measure, or with the reason for which `signal`
   * aborted
   */
  async execute(signal: AbortSignal, observer: Observer): Promise<DigestResult> {
    const watchdog = new Watchdog(this.#request.limits, observer, () => this.#pool.progress);
    try {
      return await unlessAborted(this.#measure(watchdog), AbortSignal.any([signal, watchdog.signal]));
    } finally {
      watchdog.stop();
    }
  }

  async #measure(watchdog: Watchdog): Promise<DigestResult> {
    const { path, hasher, concurrency, limits, storage, shardBytes, part } = this.#request;
    const how = { ...limits, storage };
    const hashing = await Hashing.start(this.#pool, hasher, concurrency, limits);
    const isListed = shardBytes !== undefined || part !== undefined;
    const listing = await (isListed ? hashing.list(path, how) : hashing.listHashing(path, how));
    requireFiles(listing);
    watchdog.expect([listing.files]);
    const { files, kind } = listing;
    const shards = shardBytes === undefined ? undefined : createShardTable(files, shardBytes);
    const units = shards === undefined ? fileUnits(files) : shardUnits(files, shards);
    const others = part && shares(units, part.of).map((one) => (one === part.index ? 0 : 1));
    const task = { listing, ...(shards && { shards }), ...(others && { others: Uint8Array.from(others) }) };
    const [hashed] = await hashing.hash([task]);
    const all = [...listing.failures, ...(hashed?.failures ?? [])];
    const unknown = all.flatMap(({ file }) => (file === undefined ? [] : [file]));
    if (others !== undefined) {
      const left = shards === undefined ? unhashed(files, others) : unhashedShards(shards, others);
      const failures = all.length === 0 && left !== 0 ? [notHashed()] : all;
      return { measured: { kind, files, unknown }, failures, units };
    }
    const second = shardBytes === undefined || hashed === undefined ? {} : { second: hashed.second };
    return { measured: { ...(await hashing.measure(listing, all)), ...second }, failures: all };
  }
}

/** Files of this part that have no digest. */
function unhashed({ hashed }: Pick<FileTable, 'hashed'>, others: Uint32Array): number {
  return others.reduce((left, other, i) => left + (other === 0 && hashed[i] !== 1 ? 1 : 0), 0);
}

function unhashedShards({ done }: ShardTable, others: Uint32Array): number {
  return others.reduce((left, other) => left + 1 - other, 0) - done.reduce((sum, one) => sum + one, 0);
}

/** Can only be a defect of ours, and must not be signed. */
function notHashed(): Failure {
  return { code: 'INTERNAL', message: 'a share was not hashed as a whole', remedy: 'please report this as a defect' };
}

/**
 * Measures files of a store: they are hashed as they come, and nothing is written.
 *
 * @throws WeighlockError what the store answers, or the reason for which `signal` aborted
 */
export async function measureStore(
  location: StoreLocation,
  { hasher, concurrency, limits, remote: settings }: Omit<DigestRequest, 'path'> & { readonly remote: RemoteSettings },
  pool: HashPool,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<{ measured: Measured; failures: readonly Failure[]; revision?: string }> {
  const watchdog = new Watchdog(limits, { notice }, () => pool.progress);
  const hashing = await Hashing.start(pool, hasher, concurrency, limits);
  const remote = new Remote(settings, hashing, notice);
  const measure = async () => {
    const inventory = await remote.pool.inventory(location, limits.maxFiles);
    requireAny(inventory);
    const { kind, revision } = inventory;
    const { files, failures } = await remote.pool.pullStored(location, inventory, {});
    const measured = await hashing.measure({ kind, files: tableOf(files) }, failures);
    return { measured, failures, ...(revision === undefined ? {} : { revision }) };
  };
  try {
    return await unlessAborted(measure(), AbortSignal.any([signal, watchdog.signal]));
  } finally {
    watchdog.stop();
    await remote.stop();
  }
}

/**
 * Resolves an OCI reference to the digest of its manifest or index, the value to pin.
 *
 * @throws WeighlockError what the registry answers, or the reason for which `signal` aborted
 */
export async function resolveReference(
  reference: string,
  { hasher, concurrency, limits, remote: settings }: Omit<DigestRequest, 'path'> & { readonly remote: RemoteSettings },
  pool: HashPool,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<Resolved> {
  const watchdog = new Watchdog({ ...limits, idleTimeout: 0 }, {}, () => pool.progress);
  const remote = new Remote(settings, await Hashing.start(pool, hasher, concurrency, limits), notice);
  try {
    return await unlessAborted(remote.resolve(reference), AbortSignal.any([signal, watchdog.signal]));
  } finally {
    watchdog.stop();
    await remote.stop();
  }
}
