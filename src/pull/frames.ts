import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { fromText, type PathBytes, toBuffer } from '../fs/index.ts';
import { type Digest, parseDigest } from '../registry/index.ts';

/**
 * An archive of more framing than this (8,000 to 16,000 members) is fetched again when it is to be
 * verified again.
 */
const MAX_FRAME_BYTES = 8 << 20;

/**
 * What is kept of an archive that was unpacked, so that its digest can be computed again from the
 * files.
 */
export interface ArchiveRecord {
  /** Of the uncompressed archive. */
  readonly digest: Digest;
  /** Everything in the archive that is not content of a file: gzip, base64. */
  readonly frames: string;
  /** The files that it became. */
  readonly files: readonly string[];
}

/** A folder with the files of earlier runs, and what they may be the files of. */
export interface KnownFiles {
  readonly folder: string;
  readonly records: readonly ArchiveRecord[];
}

/** Collects the framing of an archive as it streams by. */
export class Frames {
  #bytes = Buffer.alloc(64 << 10);
  #size = 0;

  add(chunk: Buffer): void {
    const size = this.#size + chunk.length;
    if (size > MAX_FRAME_BYTES) {
      this.#size = Number.POSITIVE_INFINITY;
      this.#bytes = Buffer.alloc(0);
      return;
    }
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#size);
    this.#size = size;
  }

  /** All of it, unless it was too much. */
  bytes(): Buffer | undefined {
    return Number.isFinite(this.#size) ? this.#bytes.subarray(0, this.#size) : undefined;
  }
}

export function recordOf(digest: Digest, frames: Buffer, files: readonly PathBytes[]): ArchiveRecord {
  return {
    digest,
    frames: zlib().gzipSync(frames, { level: 1 }).toString('base64'),
    files: files.map((path) => toBuffer(path).toString('utf8')),
  };
}

/** @throws when it was tampered with: then the archive is fetched again */
export function framesOf({ frames }: ArchiveRecord): Buffer {
  return zlib().gunzipSync(Buffer.from(frames, 'base64'), { maxOutputLength: MAX_FRAME_BYTES });
}

/** Writes a record into a private folder, for the run after a restart. */
export function saveRecord(folder: string, record: ArchiveRecord): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, record.digest.replace(':', '-')), JSON.stringify(record), { mode: 0o600 });
}

/**
 * Records that an earlier run left in a private folder; those that do not parse are as good as
 * none.
 */
export function loadRecords(folder: string): ArchiveRecord[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      return parseRecords([JSON.parse(readFileSync(join(folder, name), 'utf8'))]);
    } catch {
      return [];
    }
  });
}

/**
 * Records out of untrusted JSON. What they say is proved by the digest that comes out in the end.
 */
export function parseRecords(value: unknown): ArchiveRecord[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: Partial<Record<keyof ArchiveRecord, unknown>> | null) => {
    const digest = typeof entry?.digest === 'string' ? parseDigest(entry.digest) : undefined;
    const { frames, files } = entry ?? {};
    const usable =
      digest !== undefined &&
      typeof frames === 'string' &&
      Array.isArray(files) &&
      files.every((file): file is string => typeof file === 'string');
    return usable ? [{ digest, frames, files }] : [];
  });
}

export function recordPaths({ files }: ArchiveRecord): PathBytes[] {
  return files.map(fromText);
}

/** The first `size` bytes of a regular file, which must not have more. */
export async function* contentOf(path: Buffer, size: number): AsyncGenerator<Buffer> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size !== size) throw notThat();
    const piece = Buffer.allocUnsafe(Math.min(size, 1 << 20));
    for (let at = 0; at < size; ) {
      const length = readSync(file, piece, 0, Math.min(piece.length, size - at), at);
      if (length === 0) throw notThat();
      yield piece.subarray(0, length);
      at += length;
    }
  } finally {
    closeSync(file);
  }
}

function notThat(): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_CHANGED',
    message: 'a file is not the one that the archive had',
    remedy: 'fetch the archive again',
  });
}

/** Loaded where it is needed: every start would pay for it. */
function zlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}
