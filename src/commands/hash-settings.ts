import { MAX_FILES, type StorageRules } from '../fs/index.ts';
import { affordableThreads, availableProcessors, HASHERS, type Hasher } from '../hash/index.ts';
import { type Limits, type Policy, storageRules } from '../plan/index.ts';
import {
  choiceOf,
  countOf,
  durationOf,
  flagOf,
  listOf,
  namesOf,
  quantityOf,
  type RawValues,
  textOf,
} from './option-values.ts';
import { HASH_OPTIONS } from './options.ts';

/** Less than a piece per second looks like a storage that stands still. */
function rateOf(values: RawValues): number {
  return quantityOf(values, 'io-rate', 'give bytes per second, at least 1M: 200M, 512Mi, 1G') ?? 0;
}

/**
 * More threads than this only cost memory: storage and memory bandwidth are used up long before.
 */
const MAX_CONCURRENCY = 256;

/** Each read in flight takes 128 KiB, and a thread of libuv's, of which there are 1024 at most. */
const MAX_IO_DEPTH = 512;

interface HashSettings {
  readonly hasher: Hasher;
  readonly concurrency: number;
  readonly limits: Limits;
  readonly storage?: StorageRules;
}

/**
 * The engine that somebody asks for; else that of the first policy that names one. Each computes
 * the same, so this weakens nothing.
 */
export function hasherOf(values: RawValues, policies: readonly Policy[]): Hasher {
  const asked = choiceOf(values, 'hasher', HASHERS);
  return asked === HASH_OPTIONS.hasher.default ? (policies.find(({ hasher }) => hasher)?.hasher ?? asked) : asked;
}

/** The options of `HASH_OPTIONS`, each of its type. */
export function hashSettings(values: RawValues): HashSettings {
  const linkRoot = textOf(values, 'link-root');
  const storage = storageRules({
    presets: namesOf(values, 'storage-preset'),
    omitPaths: listOf(values, 'omit-paths'),
    ...(linkRoot === undefined ? {} : { linkRoot }),
  });
  return {
    ...(storage === undefined ? {} : { storage }),
    hasher: choiceOf(values, 'hasher', HASHERS),
    concurrency:
      countOf(values, 'concurrency', MAX_CONCURRENCY) ?? Math.min(availableProcessors(), affordableThreads()),
    limits: {
      allowSymlinks: flagOf(values, 'allow-symlinks'),
      maxFiles: countOf(values, 'max-files', 100_000_000) ?? MAX_FILES,
      timeout: durationOf(values, 'timeout'),
      idleTimeout: durationOf(values, 'idle-timeout'),
      ioRate: rateOf(values),
      ioDepth: countOf(values, 'io-depth', MAX_IO_DEPTH) ?? 0,
    },
  };
}
