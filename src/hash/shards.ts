// Files hashed in shards (OpenSSF Model Signing, serialization "shards"): each shard is a message
// of its own, so one large file keeps every lane of every thread busy, where the hash of a whole
// file is one stream that no number of processors makes faster.
import { WeighlockError } from '../error/index.ts';
import { DIGEST_BYTES, digestAt, type FileTable, nameAt, type PathBytes } from '../fs/index.ts';

/**
 * Where the shards of an artifact's files are, in shared memory: any thread may take any of them.
 */
export interface ShardTable {
  /** Bytes of one shard; the last one of a file has what is left. */
  readonly bytes: number;
  /**
   * Of each file the number of its first shard; and behind the last file how many there are. An
   * empty file has one, empty too.
   */
  readonly first: Uint32Array;
  /** Of each file, shards that are hashed. */
  readonly done: Int32Array;
  /** SHA-256 of each shard, raw. */
  readonly digests: Uint8Array;
}

/** A listing of so many shards would be a signature of half a gigabyte. */
const MOST_SHARDS = 1 << 22;

/**
 * @throws WeighlockError `LIMIT_EXCEEDED` when a signature asks for shards so small that there
 * would be millions
 */
export function createShardTable(files: FileTable, bytes: number): ShardTable {
  limitShards(files, bytes);
  const first = new Uint32Array(new SharedArrayBuffer(4 * (files.count + 1)));
  let count = 0;
  for (let i = 0; i < files.count; i++) {
    first[i] = count;
    count += shardsOf(files.size[i] ?? 0, bytes);
  }
  first[files.count] = count;
  const done = new Int32Array(new SharedArrayBuffer(4 * files.count));
  return { bytes, first, done, digests: new Uint8Array(new SharedArrayBuffer(DIGEST_BYTES * count)) };
}

function shardsOf(size: number, bytes: number): number {
  return Math.max(1, Math.ceil(size / bytes));
}

/** @throws WeighlockError `LIMIT_EXCEEDED` */
export function limitShards(files: FileTable, bytes: number): void {
  const count = files.size.reduce((sum, size) => sum + shardsOf(size, bytes), 0);
  // Files are limited by themselves.
  if (count - files.count > MOST_SHARDS) throw tooMany(bytes);
}

function tooMany(bytes: number): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `the signature is over shards of ${bytes} bytes: more than ${MOST_SHARDS} of them`,
    remedy: 'sign it with larger shards (model_signing: 1,000,000,000 bytes)',
  });
}

/** Shards of all files. */
export function shardCount({ first }: ShardTable): number {
  return first[first.length - 1] ?? 0;
}

/** SHA-256 of a shard: a view of 32 raw bytes. */
export function shardDigestAt({ digests }: ShardTable, shard: number): Uint8Array {
  return digests.subarray(DIGEST_BYTES * shard, DIGEST_BYTES * (shard + 1));
}

/** Which file a shard belongs to, and which bytes of it. */
export function shardAt({ first, bytes }: ShardTable, files: FileTable, shard: number): ShardRange {
  let low = 0;
  let high = files.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((first[middle] ?? 0) <= shard) low = middle;
    else high = middle - 1;
  }
  const start = (shard - (first[low] ?? 0)) * bytes;
  return { index: low, start, length: Math.min(bytes, (files.size[low] ?? 0) - start) };
}

export interface ShardRange {
  /** Of the file in its listing. */
  readonly index: number;
  /** Bytes. */
  readonly start: number;
  readonly length: number;
}

/** Takes down a shard's digest. @returns true when it was the last one of its file */
export function storeShard(
  { first, done, digests }: ShardTable,
  files: FileTable,
  shard: number,
  index: number,
  digest: Uint8Array,
): boolean {
  digests.set(digest, DIGEST_BYTES * shard);
  const count = (first[index + 1] ?? 0) - (first[index] ?? 0);
  if (Atomics.add(done, index, 1) + 1 < count) return false;
  // Of a file that is one shard it is the digest of all of it.
  if (count === 1) digestAt(files, index).set(digest);
  files.hashed[index] = count === 1 ? 1 : IN_SHARDS;
  return true;
}

/** In `FileTable.hashed`: hashed, but not as a whole. */
export const IN_SHARDS = 2;

/**
 * The digests of each file that is hashed, in hex, shard by shard; none for an empty file (OMS
 * section 6.4).
 */
export function shardDigests({ first, digests }: ShardTable, files: FileTable): Map<PathBytes, readonly string[]> {
  const byName = new Map<PathBytes, readonly string[]>();
  for (let i = 0; i < files.count; i++) {
    if (files.hashed[i] === 0) continue;
    const hex: string[] = [];
    const end = (files.size[i] ?? 0) === 0 ? first[i] : first[i + 1];
    for (let shard = first[i] ?? 0; shard < (end ?? 0); shard++)
      hex.push(Buffer.from(digests.subarray(DIGEST_BYTES * shard, DIGEST_BYTES * (shard + 1))).toString('hex'));
    byName.set(nameAt(files, i), hex);
  }
  return byName;
}
