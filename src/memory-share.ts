import { totalmem } from 'node:os';

/** Bytes of memory that this container has, or else this machine. */
function memoryBytes(): number {
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}

/**
 * Bytes that something may take of the container's memory whose size others choose: with less than
 * there is, it is refused by what it is; with more, the kernel would end the program.
 *
 * @param part - 4 for a quarter
 * @param least - bytes that it may take in any case
 * @param memory - bytes that there are
 */
export function memoryShare(part: number, least: number, memory: number = memoryBytes()): number {
  return Math.max(least, Math.floor(memory / part));
}
