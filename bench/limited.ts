import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const V2 = '/sys/fs/cgroup';
const V1 = '/sys/fs/cgroup/memory';

/** What a small init container has. */
export const SMALL_LIMIT = 128 << 20;

/** A cgroup with a limit of memory, as a container has one. */
export interface MemoryLimit {
  /** The same command within the limit: the kernel ends it when it needs more. */
  limited(command: readonly string[]): string[];
  [Symbol.dispose](): void;
}

/**
 * Makes a cgroup of so many bytes.
 *
 * @returns undefined where this user cannot make any
 */
export function memoryLimit(bytes: number): MemoryLimit | undefined {
  const isV2 = existsSync(join(V2, 'cgroup.subtree_control'));
  const folder = join(isV2 ? V2 : V1, `weighlock-bench-${process.pid}`);
  try {
    mkdirSync(folder);
  } catch {
    return undefined;
  }
  try {
    writeFileSync(join(folder, isV2 ? 'memory.max' : 'memory.limit_in_bytes'), `${bytes}`);
  } catch {
    rmdirSync(folder);
    return undefined;
  }
  return {
    limited: (command) => ['sh', '-c', `echo $$ > ${folder}/cgroup.procs && exec "$@"`, 'sh', ...command],
    [Symbol.dispose]: () => rmdirSync(folder),
  };
}
