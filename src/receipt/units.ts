import { digestAt, type FileTable } from '../fs/index.ts';
import { type ShardTable, shardAt, shardCount, shardDigestAt } from '../hash/index.ts';

/** What is shared out among parts: files, or the shards of files, which may be those of one. */
export interface Units {
  readonly count: number;
  /** Bytes of each. */
  readonly size: Float64Array;
  /** SHA-256 of one: a view of 32 raw bytes. */
  digest(unit: number): Uint8Array;
}

/**
 * Whole files: the SHA-256 of one is a chain from its first block to its last, which nobody can
 * share out.
 */
export function fileUnits(files: FileTable): Units {
  return { count: files.count, size: files.size, digest: (unit) => digestAt(files, unit) };
}

/** Shards, each with a digest of its own. */
export function shardUnits(files: FileTable, shards: ShardTable): Units {
  const count = shardCount(shards);
  const size = Float64Array.from({ length: count }, (_, unit) => shardAt(shards, files, unit).length);
  return { count, size, digest: (unit) => shardDigestAt(shards, unit) };
}
