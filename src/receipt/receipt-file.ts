import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errno } from '../error/index.ts';
import { bytesTaken } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';

/** A statement of a kilobyte, by the largest key there is. */
const MAX_STATEMENT_BYTES = 64 << 10;

/**
 * A receipt on a disk: a line with the signed statement, and a table of files behind it, read when
 * the first is believed.
 */
export interface OpenReceipt {
  readonly statement: Buffer;
  /**
   * The table, if it has exactly this many bytes and this SHA-256.
   *
   * @returns undefined otherwise; no more than `bytes` are read
   */
  table(bytes: number, sha256: string): Buffer | undefined;
  close(): void;
}

/**
 * Opens a receipt. Nothing of it is believed, and no more of it is read than a statement has.
 *
 * @returns undefined when there is none; a text for what cannot be one
 */
export function openReceipt(path: string): OpenReceipt | string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return errno(error) === 'ENOENT' ? undefined : `it cannot be opened: ${errno(error) ?? 'unknown error'}`;
  }
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  try {
    const stat = fstatSync(descriptor);
    const head = Buffer.alloc(MAX_STATEMENT_BYTES);
    const length = stat.isFile() ? readFully(descriptor, head, 0) : 0;
    const end = head.subarray(0, length).indexOf(0x0a);
    if (end < 0) {
      close();
      return 'it has no statement';
    }
    const table = (bytes: number, sha256: string) => {
      if (stat.size !== end + 1 + bytes) return undefined;
      const found = Buffer.allocUnsafeSlow(bytes);
      if (readFully(descriptor, found, end + 1) !== bytes) return undefined;
      return nodeCrypto().createHash('sha256').update(found).digest('hex') === sha256 ? found : undefined;
    };
    return { statement: head.subarray(0, end), table, close };
  } catch (error) {
    close();
    return `it cannot be read: ${errno(error) ?? 'unknown error'}`;
  }
}

function readFully(descriptor: number, into: Buffer, position: number): number {
  let length = 0;
  while (length < into.length) {
    const read = readSync(descriptor, into, length, into.length - length, position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

/**
 * Writes a receipt beside its place and renames it there: a reader sees the old one or the new one,
 * whole.
 *
 * @throws what the system says; then nothing is left behind
 */
export function writeReceipt(path: string, statement: string, table: Iterable<Uint8Array>): void {
  const temporary = join(dirname(path), `.${crypto.randomUUID()}.receipt`);
  try {
    const descriptor = openSync(temporary, 'wx', 0o644);
    try {
      writeFully(descriptor, Buffer.from(`${statement.trimEnd()}\n`));
      for (const piece of table) writeFully(descriptor, piece);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += bytesTaken(writeSync(descriptor, bytes, done));
}
