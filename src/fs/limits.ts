/**
 * Longest relative path in bytes. Linux refuses a path of PATH_MAX = 4096 bytes, its NUL included
 * (path_resolution(7)), so a workload could not open a longer one by its path either.
 */
export const MAX_PATH_BYTES = 4095;

/**
 * Deepest folder. The walk holds one descriptor per level; the usual container limit is 1024 or
 * more descriptors.
 */
export const MAX_DEPTH = 512;

/**
 * Most entries in one artifact, unless `--max-files` says otherwise. ImageNet-1k has 1.3 million
 * files; at about 100 bytes of memory each this limit keeps the walk of a hostile volume below a
 * quarter of a gigabyte.
 */
export const MAX_FILES = 2_000_000;

/**
 * Most refused or unreadable entries that a report names; each costs it half a kilobyte, and a
 * hostile volume may have millions.
 */
export const MAX_REFUSED = 10_000;
