import { closeSync, fdatasync, ftruncateSync, readSync } from 'node:fs';
import type { FileContent } from '../content/index.ts';
import { ioError, lacksSync } from '../fs/index.ts';
import { PIECE_BYTES } from '../hash/index.ts';
import { leftoverIn, openStaged, writeAll, writeBehind } from './staged-file.ts';
import { SYNC_BYTES } from './write-behind.ts';

/** A SHA-256 of this thread, or one that another computes. */
export interface Digester {
  init(): void;
  /** Is done with the bytes, or has copied them, when it returns. */
  update(bytes: Buffer): void;
  /** 32 raw bytes. */
  digest(): Uint8Array | Promise<Uint8Array>;
  /** True while it is better to wait for `room` before more bytes are brought. */
  readonly isShort?: boolean;
  room?(): Promise<void>;
  /** After the digest: what the bytes are, where they were looked at. */
  content?(): { readonly content: FileContent };
}

/**
 * Opens a file for one blob.
 *
 * @param release - gives the digester back: when the writer is closed, or there is none after all
 * @throws WeighlockError what `openStaged` throws
 */
export function openPlain(path: Buffer | undefined, digester: Digester, release: () => void): PlainWriter {
  try {
    return new PlainWriter(path, digester, release);
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * A blob that becomes one file: hashed while it is written. Written at once, out of the buffer that
 * received it: that is still in the processor's cache, and a copy for later would not be. Without a
 * path its bytes are hashed only.
 */
export class PlainWriter {
  readonly #descriptor: number | undefined;
  readonly #digester: Digester;
  readonly #release: () => void;
  #size = 0;
  #synced = 0;
  #syncing: Promise<void> | undefined;

  constructor(path: Buffer | undefined, digester: Digester, release: () => void) {
    this.#digester = digester;
    this.#release = release;
    digester.init();
    if (path !== undefined) this.#descriptor = openStaged(path, 'continue');
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Hashes what an earlier, broken attempt left in the file. More than `limit` bytes are no
   * beginning of the right content, and thrown away.
   *
   * @returns how many bytes are there
   */
  async reuse(limit: number, onBytes: (bytes: number) => void): Promise<number> {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return 0;
    const leftover = leftoverIn(descriptor, limit);
    if (leftover === undefined) await this.restart();
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, leftover ?? 0));
    while (this.#size < (leftover ?? 0)) {
      const length = readSync(descriptor, buffer, 0, buffer.length, this.#size);
      if (length === 0) break;
      this.#digester.update(buffer.subarray(0, length));
      this.#size += length;
      onBytes(length);
      await this.room();
    }
    return this.#size;
  }

  /** Takes bytes. @returns when to bring more, if not at once */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#descriptor !== undefined) {
      writeAll(this.#descriptor, chunk, this.#size);
      this.#sync(this.#descriptor);
    }
    this.#digester.update(chunk);
    this.#size += chunk.length;
    return this.#digester.isShort === true ? this.room() : undefined;
  }

  /**
   * Takes bytes that stay as they are until its promise resolves: written in another thread, while
   * these are hashed.
   */
  async writeKept(piece: Buffer): Promise<void> {
    const written = this.#descriptor === undefined ? undefined : writeBehind(this.#descriptor, piece, this.#size);
    // Whoever waits for it below gets the failure.
    written?.catch(() => {});
    try {
      this.#digester.update(piece);
      this.#size += piece.length;
      await this.room();
    } finally {
      await written;
    }
    if (this.#descriptor !== undefined) this.#sync(this.#descriptor);
  }

  async room(): Promise<void> {
    if (this.#digester.isShort === true) await this.#digester.room?.();
  }

  /** Throws away everything and begins anew. */
  async restart(): Promise<void> {
    await this.#syncing;
    this.#size = 0;
    this.#synced = 0;
    this.#digester.init();
    if (this.#descriptor !== undefined) ftruncateSync(this.#descriptor, 0);
  }

  /**
   * Brings everything to the disk, and returns the SHA-256 as hex.
   *
   * @param isSynced - false for one of many small files, which are brought there together when they
   * are published
   */
  async finish(isSynced = true): Promise<string> {
    const digest = this.#digester.digest();
    await this.#syncing;
    if (this.#descriptor !== undefined && isSynced) await synchronise(this.#descriptor);
    return Buffer.from(await digest).toString('hex');
  }

  /** After `finish`: what the file is, by the bytes that were hashed, where that was asked for. */
  content(): { readonly content?: FileContent } {
    return this.#digester.content?.() ?? {};
  }

  async close(): Promise<void> {
    // What it failed with was thrown before, or nobody asks any more.
    await this.#syncing?.catch(() => {});
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#release();
  }

  /**
   * Sends what was written on to the disk from time to time, so that the end has little left to do.
   */
  #sync(descriptor: number): void {
    if (this.#syncing !== undefined || this.#size - this.#synced < SYNC_BYTES) return;
    this.#synced = this.#size;
    const syncing = synchronise(descriptor).then(() => {
      this.#syncing = undefined;
    });
    // Whoever waits for it later gets the failure; until then nobody has asked.
    syncing.catch(() => {});
    this.#syncing = syncing;
  }
}

function synchronise(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => {
      if (error === null || lacksSync(error)) resolve();
      else reject(ioError(error, 'write to the staging folder'));
    });
  });
}
