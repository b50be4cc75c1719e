import { readSync } from 'node:fs';

/** Enough for most files that are read whole: keys, signatures, policies. */
const FIRST_BYTES = 1 << 16;

/**
 * Reads an open file from its first byte to its end, whatever size it says it has: Node's `readFileSync` stops at that size, and
 * without limit where the size is 0.
 *
 * @param mostBytes - more than so many are not read
 * @returns undefined when there are more
 */
export function readWhole(descriptor: number, mostBytes: number): Buffer | undefined {
  let buffer = Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, mostBytes + 1));
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(2 * buffer.length, mostBytes + 1));
      buffer.copy(larger);
      buffer = larger;
    }
    const read = readSync(descriptor, buffer, length, buffer.length - length, length);
    if (read === 0) return buffer.subarray(0, length);
    length += read;
    if (length > mostBytes) return undefined;
  }
}
