import { readdirSync, readFileSync } from 'node:fs';

/** Kept for everything else: folders, pipes of threads, connections, reports. */
const RESERVED = 24;

/** How many more files a thread may have open, of those that the process has left; at least 1. */
export function mostDescriptors(limits = read('/proc/self/limits'), open = countOpen()): number {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  // Other threads open files, too.
  return Math.max(1, Math.floor((limit - open - RESERVED) / 4));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function countOpen(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
