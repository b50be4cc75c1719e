import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type ErrorCode, WeighlockError } from '../error/index.ts';
import { ioError } from '../fs/index.ts';
import type { Engine } from '../hash/index.ts';
import { type Checksums, ChecksumsParser } from './checksums.ts';
import { type Digests, ManyHashes } from './digests.ts';
import { isThroughLink } from './through-link.ts';

/**
 * Two million names of a hundred bytes with their digests are 330 MB; more than this is not a
 * listing.
 */
const MAX_FILE_BYTES = 512 << 20;

/** A checksums file whose own digest was the pinned one. */
export interface LoadedChecksums {
  readonly checksums: Checksums;
  /** Of the file, hex. */
  readonly sha256: string;
  readonly size: number;
  /** Names that the file has (`st_nlink`). */
  readonly links: number;
}

/**
 * Reads and hashes a checksums file, and once it is known to be the right one reads and parses it:
 * the bytes that are parsed are those that were checked, and nothing is made of any others.
 *
 * The path comes from the platform, so links on it are followed (a ConfigMap's files are links).
 *
 * @param check - gets the digests of the file, and throws unless it is the right one
 * @throws WeighlockError what `check` throws before anything of its content is used;
 * `CHECKSUMS_INVALID` for one that is right and no listing; what whoever writes to a volume can
 * make of the file is never more than a verification that failed
 */
export async function loadChecksums(
  file: string,
  check: (digests: Digests) => void | Promise<void>,
  engine: Engine,
): Promise<LoadedChecksums> {
  const handle = await attempt(file, () => open(file, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const stat = await attempt(file, () => handle.stat({ bigint: true }));
    if (!stat.isFile()) throw refused('UNSAFE_ENTRY', file, 'it is not a regular file');
    // A signature may be over another hash than ours.
    const others = new ManyHashes();
    const sha256 = await hashFile(handle, file, engine, (piece) => others.update(piece));
    await check(new Map([...others.digests(), ['sha256', sha256]]));
    const parser = new ChecksumsParser(file);
    // Of a file that became another one meanwhile that is reported, and not what is wrong with the
    // other one.
    let parseError: unknown;
    const again = await hashFile(handle, file, engine, (piece) => {
      parseError ??= errorOf(() => parser.push(piece));
    });
    if (again !== sha256) throw refused('SOURCE_CHANGED', file, 'it changed while it was read');
    if (parseError !== undefined) throw parseError;
    return { checksums: parser.end(), sha256, size: Number(stat.size), links: Number(stat.nlink) };
  } finally {
    await handle.close();
  }
}

/** From the first byte to the last that there is, whatever the file system says about the size. */
async function hashFile(
  handle: FileHandle,
  file: string,
  engine: Engine,
  each: (piece: Uint8Array) => void,
): Promise<string> {
  const buffer = Buffer.allocUnsafeSlow(1 << 18);
  engine.init();
  for (let total = 0; ; ) {
    const { bytesRead } = await attempt(file, () => handle.read(buffer, 0, buffer.length, total));
    if (bytesRead === 0) return Buffer.from(engine.digest()).toString('hex');
    total += bytesRead;
    if (total > MAX_FILE_BYTES) throw refused('LIMIT_EXCEEDED', file, `it is larger than ${MAX_FILE_BYTES} bytes`);
    const piece = buffer.subarray(0, bytesRead);
    engine.update(piece);
    each(piece);
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
export function requirePinned(file: string, expected: string, digests: Digests): void {
  const found = digests.get('sha256') ?? 'nothing';
  if (found === expected) return;
  throw new WeighlockError({
    code: 'DIGEST_MISMATCH',
    message: `the checksums file ${file} is not the pinned one`,
    expected,
    found,
    remedy: `if the file is right, pin it anew: sha256sum ${file}`,
  });
}

function refused(code: ErrorCode, file: string, why: string): WeighlockError {
  return new WeighlockError({
    code,
    message: `checksums file ${file}: ${why}`,
    remedy: 'name a file in the format of sha256sum, and let nobody write to it meanwhile',
  });
}

async function attempt<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const failed = ioError(error, `read the checksums file ${file}`);
    throw isThroughLink(file) ? refused('UNSAFE_ENTRY', file, `what it links to: ${failed.message}`) : failed;
  }
}
