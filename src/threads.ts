import type { EngineName } from './hash/index.ts';
import { HashPool } from './transfer/index.ts';
import { ROUND_COMMAND } from './watch/round-command.ts';

/** The commands that hash. */
const HASHING = new Set(['verify', 'digest', ROUND_COMMAND]);

/**
 * The first worker thread takes 20 ms to start, about as long as the rest of the program takes to
 * load. So this module is imported before the others, and starts it beside them.
 */
let pool: HashPool | undefined = HASHING.has(process.argv[2] ?? '') ? new HashPool(likelyEngine()) : undefined;

/** Before the command line is read: a guess that is wrong costs some milliseconds. */
function likelyEngine(): EngineName {
  const isNative = process.argv.includes('--hasher=native') || process.env['WEIGHLOCK_HASHER'] === 'native';
  return isNative ? 'native' : 'wasm';
}

/** The worker threads of this process. */
export function threads(): HashPool {
  pool ??= new HashPool();
  return pool;
}

/** Stops the threads that are at work, if there are any. */
export async function stopThreads(): Promise<void> {
  await pool?.stop();
}
