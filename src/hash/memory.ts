import { controllerFolders, type ReadText, readKernelFile, unifiedFolders } from './cgroup.ts';

const MIB = 2 ** 20;

/**
 * What is needed besides threads: the program, and what is never given back. Measured:
 * `weighlock digest` of 64 files takes 87 MiB with one thread, 163 with 8, 404 with 32; a pull 164
 * with one thread that receives and one that hashes.
 */
const BASE_BYTES = 96 * MIB;

/** For each thread that hashes; and for each that receives and the one that hashes for it. */
const HASHING_BYTES = 12 * MIB;
const PULLING_BYTES = 72 * MIB;

/** What a pull takes of a small limit, and for each connection. */
const LEAST_PULL_BYTES = 112 * MIB;
const CONNECTION_BYTES = 8 * MIB;
const MOST_CONNECTIONS = 8;

/**
 * The memory limit in bytes: the smallest of every cgroup this process is in (v2 `memory.max`, v1
 * `memory.limit_in_bytes`), or undefined when there is none.
 */
export function memoryLimit(readText: ReadText = readKernelFile): number | undefined {
  const files = [
    ...unifiedFolders(readText).map((folder) => `${folder}/memory.max`),
    ...controllerFolders(readText, 'memory', ['memory']).map((folder) => `${folder}/memory.limit_in_bytes`),
  ];
  const limits = files.flatMap((file) => {
    const text = readText(file)?.trim() ?? '';
    // "max" (v2) is not a number; v1 says "none" with almost 2^63.
    return /^\d+$/.test(text) && Number(text) < 2 ** 60 ? [Number(text)] : [];
  });
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/**
 * Threads that fit the container's memory: a node of 64 processors runs pods of 256 MiB. At least
 * 1.
 */
export function affordableThreads(limit: number | undefined = memoryLimit()): number {
  return affordable(limit, HASHING_BYTES);
}

/**
 * Reads in flight that fit beside so many threads: each takes a piece of 128 KiB, and half of one
 * more that waits for its turn.
 */
export function affordableReads(threads: number, limit: number | undefined = memoryLimit()): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  const left = limit - BASE_BYTES - HASHING_BYTES * threads;
  return Math.max(8, Math.floor(left / (1.5 * 2 ** 17) / 2));
}

/** The same for threads of which half receive, and half hash. At least 2. */
export function affordablePullThreads(limit: number | undefined = memoryLimit()): number {
  return 2 * affordable(limit, PULLING_BYTES);
}

/**
 * Connections of a pull: eight, as loaders of models have, or fewer where there is no memory for
 * what they bring. At least 1.
 */
export function affordableConnections(limit: number | undefined = memoryLimit()): number {
  if (limit === undefined) return MOST_CONNECTIONS;
  return Math.max(1, Math.min(MOST_CONNECTIONS, Math.floor((limit - LEAST_PULL_BYTES) / CONNECTION_BYTES)));
}

function affordable(limit: number | undefined, each: number): number {
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor((limit - BASE_BYTES) / each));
}
