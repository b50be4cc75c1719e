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
import { PIECE_BYTES, type WriteBehind } from './write-behind.ts';

/** Files up to this size are written at once. */
const SMALL_BYTES = 64 << 10;

const synchronise = promisify(fdatasync);

/** What opening a path in the staging folder fails with when two members of an artifact want the same place. */
const OCCUPIED = new Set(['EEXIST', 'EISDIR', 'ENOTDIR', 'ELOOP']);

/** A file in the staging folder that is hashed while it is written. Without a path its bytes are hashed only. */
export class FileWriter {
  readonly #descriptor: number | undefined;
  readonly #engine: Engine;
  readonly #behind: WriteBehind;
  #piece: Buffer | undefined;
  #filled = 0;
  /** Bytes that are in the file, or on their way. */
  #written = 0;

  /** @param mode - `create` refuses what is there; `continue` keeps it, and `reuse` brings it into the hash */
  constructor(path: Buffer | undefined, engine: Engine, behind: WriteBehind, mode: 'create' | 'continue' = 'create') {
    this.#engine = engine;
    this.#behind = behind;
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
  async reuse(limit: number, onBytes: (bytes: number) => void): Promise<number> {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return 0;
    const stat = fstatSync(descriptor);
    // A second name for this file would let somebody else write to it later.
    if (!stat.isFile() || stat.nlink !== 1 || stat.size > limit) {
      await this.restart();
      return 0;
    }
    const piece = this.#behind.take();
    while (this.#written < stat.size) {
      const length = readSync(descriptor, piece, 0, piece.length, this.#written);
      if (length === 0) break;
      this.#engine.update(piece.subarray(0, length));
      this.#written += length;
      onBytes(length);
    }
    this.#behind.give(piece);
    return this.#written;
  }

  /** Takes bytes; `WriteBehind.room` says when to bring more. */
  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      this.#piece ??= this.#behind.take();
      const take = Math.min(PIECE_BYTES - this.#filled, chunk.length - at);
      this.#piece.set(chunk.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled === PIECE_BYTES) this.#flush();
    }
  }

  /** Throws away everything and begins anew. */
  async restart(): Promise<void> {
    this.#filled = 0;
    await this.#behind.drain();
    this.#written = 0;
    this.#engine.init();
    if (this.#descriptor !== undefined) ftruncateSync(this.#descriptor, 0);
  }

  /** Hands what was collected to the hash and the file, so that a later attempt can go on after it. */
  async flush(): Promise<void> {
    this.#flush();
    await this.#behind.drain();
  }

  /** Writes the rest, brings it to the disk, and returns the SHA-256 as hex. */
  async finish(): Promise<string> {
    this.#flush();
    const sha256 = this.#digest();
    await this.#behind.drain();
    if (this.#descriptor !== undefined) {
      try {
        await synchronise(this.#descriptor);
      } catch (error) {
        throw ioError(error, 'write to the staging folder');
      }
    }
    return sha256;
  }

  /**
   * Writes the rest and closes the file, without waiting for either.
   *
   * @returns the SHA-256 as hex
   */
  end(): string {
    const descriptor = this.#descriptor;
    // One small file after another: a system call is cheaper than the way through a queue.
    if (descriptor !== undefined && this.#written === 0 && this.#filled <= SMALL_BYTES) {
      this.#writeNow(descriptor);
      closeSync(descriptor);
    } else {
      this.#flush();
      if (descriptor !== undefined) this.#behind.close(descriptor);
    }
    this.#giveBack();
    return this.#digest();
  }

  /** Closes the file after all that is on its way to it. */
  async close(): Promise<void> {
    this.#giveBack();
    await this.#behind.settle();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }

  #digest(): string {
    return Buffer.from(this.#engine.digest()).toString('hex');
  }

  #flush(): void {
    const filled = this.#piece?.subarray(0, this.#filled);
    this.#filled = 0;
    if (filled === undefined || filled.length === 0) return;
    this.#engine.update(filled);
    if (this.#descriptor !== undefined) {
      this.#behind.write(this.#descriptor, filled, this.#written);
      this.#piece = undefined;
    }
    this.#written += filled.length;
  }

  #writeNow(descriptor: number): void {
    const filled = this.#piece?.subarray(0, this.#filled);
    this.#filled = 0;
    if (filled === undefined) return;
    this.#engine.update(filled);
    try {
      for (let done = 0; done < filled.length; )
        done += writeSync(descriptor, filled, done, filled.length - done, done);
    } catch (error) {
      closeSync(descriptor);
      throw ioError(error, 'write to the staging folder');
    }
  }

  #giveBack(): void {
    if (this.#piece !== undefined) this.#behind.give(this.#piece);
    this.#piece = undefined;
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
