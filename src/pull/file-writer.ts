import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { errno, WeighlockError } from '../error/index.ts';
import { ioError } from '../fs/index.ts';
import type { Engine } from '../hash/index.ts';

/** Bytes are hashed and written in pieces of this size: each system call and each call into the hasher costs. */
const PIECE_BYTES = 1 << 20;

const synchronise = promisify(fdatasync);

/** What opening a path in the staging folder fails with when two members of an artifact want the same place. */
const OCCUPIED = new Set(['EEXIST', 'EISDIR', 'ENOTDIR', 'ELOOP']);

/** A file in the staging folder that is hashed while it is written. Without a path its bytes are hashed only. */
export class FileWriter {
  readonly #descriptor: number | undefined;
  readonly #engine: Engine;
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #filled = 0;
  /** Bytes that are in the file. */
  #written = 0;

  /** @param mode - `create` refuses what is there; `continue` keeps it, and `reuse` brings it into the hash */
  constructor(path: Buffer | undefined, engine: Engine, mode: 'create' | 'continue' = 'create') {
    this.#engine = engine;
    engine.init();
    if (path === undefined) return;
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
    const flags = O_RDWR | O_CREAT | O_NOFOLLOW | (mode === 'create' ? O_EXCL : 0);
    this.#descriptor = attempt(path, () => {
      mkdirSync(parentOf(path), { recursive: true, mode: 0o755 });
      return openSync(path, flags, 0o644);
    });
  }

  /** Bytes so far. */
  get size(): number {
    return this.#written + this.#filled;
  }

  /**
   * Hashes what an earlier, broken attempt left in the file. More than `limit` bytes are no beginning of the right
   * content, and thrown away.
   *
   * @returns how many bytes are there
   */
  reuse(limit: number, onBytes: (bytes: number) => void): number {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return 0;
    const stat = fstatSync(descriptor);
    // A second name for this file would let somebody else write to it later.
    if (!stat.isFile() || stat.nlink !== 1 || stat.size > limit) {
      this.restart();
      return 0;
    }
    while (this.#written < stat.size) {
      const length = readSync(descriptor, this.#piece, 0, PIECE_BYTES, this.#written);
      if (length === 0) break;
      this.#engine.update(this.#piece.subarray(0, length));
      this.#written += length;
      onBytes(length);
    }
    return this.#written;
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(PIECE_BYTES - this.#filled, chunk.length - at);
      this.#piece.set(chunk.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled === PIECE_BYTES) this.flush();
    }
  }

  /** Throws away everything and begins anew. */
  restart(): void {
    this.#filled = 0;
    this.#written = 0;
    this.#engine.init();
    if (this.#descriptor !== undefined) ftruncateSync(this.#descriptor, 0);
  }

  /** Writes the rest, brings it to the disk, and returns the SHA-256 as hex. */
  async finish(): Promise<string> {
    this.flush();
    const descriptor = this.#descriptor;
    if (descriptor !== undefined) {
      try {
        await synchronise(descriptor);
      } catch (error) {
        throw ioError(error, 'write to the staging folder');
      }
    }
    return this.digest();
  }

  /** The SHA-256 as hex, of a file whose last byte was written, without waiting for the disk. */
  digest(): string {
    this.flush();
    return Buffer.from(this.#engine.digest()).toString('hex');
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }

  /** Hands what was collected to the hash and the file, so that a later attempt can go on after it. */
  flush(): void {
    const piece = this.#piece.subarray(0, this.#filled);
    this.#filled = 0;
    if (piece.length === 0) return;
    this.#engine.update(piece);
    for (let done = 0; done < piece.length && this.#descriptor !== undefined; ) {
      done += this.#writeAt(piece, done, this.#written + done);
    }
    this.#written += piece.length;
  }

  #writeAt(piece: Buffer, from: number, position: number): number {
    try {
      return writeSync(this.#descriptor ?? -1, piece, from, piece.length - from, position);
    } catch (error) {
      throw ioError(error, 'write to the staging folder');
    }
  }
}

function attempt<T>(path: Buffer, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!OCCUPIED.has(errno(error) ?? '')) throw ioError(error, 'write to the staging folder');
    throw new WeighlockError(
      {
        code: 'UNSAFE_ENTRY',
        message: 'two members of the artifact want the same place',
        file: path.subarray(path.lastIndexOf(0x2f) + 1).toString('utf8'),
        remedy: 'whoever made the artifact must give its files different names',
      },
      { cause: error },
    );
  }
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, path.lastIndexOf(0x2f));
}
