import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Enough for most files that are read whole: keys, signatures, policies. */
const FIRST_BYTES = 1 << 16;

/**
 * Reads an open file from its first byte to its end, whatever size it says it has: Node's
 * `readFileSync` stops at that size, and without limit where the size is 0.
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

/**
 * Reads a regular file that somebody named.
 *
 * @returns undefined when it has more than `mostBytes`
 * @throws what the system says; `EINVAL` for what is no regular file
 */
export function readFileWhole(path: string, mostBytes: number): Buffer | undefined {
  // A FIFO would keep us waiting for whoever writes to it.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
    return readWhole(descriptor, mostBytes);
  } finally {
    closeSync(descriptor);
  }
}
