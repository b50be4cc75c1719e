import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { WeighlockError } from '../error/index.ts';
import { ioError } from '../fs/index.ts';
import type { Engine } from '../hash/index.ts';
import { type Checksums, ChecksumsParser } from './checksums.ts';

/** Two million names of a hundred bytes with their digests are 330 MB; more than this is not a listing. */
const MAX_FILE_BYTES = 512 << 20;

/** A checksums file whose own digest was the pinned one. */
export interface LoadedChecksums {
  readonly checksums: Checksums;
  /** `st_dev:st_ino`, so that the file itself is not "unexpected" when it lies inside the artifact. */
  readonly identity: string;
}

/**
 * Reads, hashes and parses a checksums file in one pass: the bytes that are parsed are those that met the pin.
 *
 * The path comes from the platform, so links on it are followed (a ConfigMap's files are links).
 *
 * @param check - gets the SHA-256 of the file, hex, and throws unless it is the right one
 * @throws WeighlockError `DIGEST_MISMATCH` before anything of its content is used; `CHECKSUMS_INVALID`; I/O codes
 */
export async function loadChecksums(
  file: string,
  check: (sha256: string) => void | Promise<void>,
  engine: Engine,
): Promise<LoadedChecksums> {
  const handle = await attempt(file, () => open(file, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile()) throw invalid(file, 'it is not a regular file');
    if (stat.size > MAX_FILE_BYTES) throw invalid(file, `it is larger than ${MAX_FILE_BYTES} bytes`);
    const parser = new ChecksumsParser(file);
    // A parse error counts only once the digest is known: of a file that was tampered with, the tampering is reported.
    let parseError: unknown;
    const buffer = Buffer.allocUnsafeSlow(1 << 18);
    let total = 0;
    engine.init();
    for (;;) {
      const { bytesRead } = await attempt(file, () => handle.read(buffer, 0, buffer.length, null));
      if (bytesRead === 0) break;
      total += bytesRead;
      if (total > MAX_FILE_BYTES) throw invalid(file, `it is larger than ${MAX_FILE_BYTES} bytes`);
      const piece = buffer.subarray(0, bytesRead);
      engine.update(piece);
      parseError ??= errorOf(() => parser.push(piece));
    }
    await check(Buffer.from(engine.digest()).toString('hex'));
    if (parseError !== undefined) throw parseError;
    return { checksums: parser.end(), identity: `${stat.dev}:${stat.ino}` };
  } finally {
    await handle.close();
  }
}

function errorOf(action: () => void): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** @throws WeighlockError `DIGEST_MISMATCH` */
export function requirePinned(file: string, expected: string, found: string): void {
  if (found === expected) return;
  throw new WeighlockError({
    code: 'DIGEST_MISMATCH',
    message: `the checksums file ${file} is not the pinned one`,
    expected,
    found,
    remedy: `if the file is right, pin it anew: sha256sum ${file}`,
  });
}

function invalid(file: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'CHECKSUMS_INVALID',
    message: `checksums file ${file}: ${why}`,
    remedy: 'name a file in the format of sha256sum',
  });
}

async function attempt<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw ioError(error, `read the checksums file ${file}`);
  }
}
