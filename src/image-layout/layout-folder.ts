import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { isSystemError } from '../error/index.ts';
import {
  close,
  fromText,
  namesIn,
  openFolder,
  openFolderBeneath,
  openFolders,
  readBeneath,
  statBeneath,
} from '../fs/index.ts';
import { type Digest, digestOf, hexOf } from '../registry/index.ts';
import { LayoutFaults } from './faults.ts';

/** Folder of the blobs; other algorithms than SHA-256 are not supported. */
const BLOBS = ['blobs', 'sha256'];

/** A blob that may be a small document. */
export interface SmallBlob {
  readonly digest: Digest;
  /** Bytes, as the file says. */
  readonly size: number;
}

/** The folder of a layout: its files by name, and nothing about what is in them. */
export class LayoutFolder {
  readonly faults: LayoutFaults;
  readonly #path: string;
  readonly #onProgress: () => void;
  #root: number | undefined;
  /** Files that changed while they were read. */
  readonly #changed = new Set<string>();

  /**
   * @param path - absolute
   * @param onProgress - called for each blob that is looked at, and each piece of a document that
   * is read
   */
  constructor(path: string, onProgress: () => void = () => {}) {
    this.#path = path;
    this.#onProgress = onProgress;
    this.faults = new LayoutFaults(path);
  }

  close(): void {
    if (this.#root !== undefined) close(this.#root);
    this.#root = undefined;
  }

  /**
   * Reads a small file whole.
   *
   * @param path - relative, of plain names
   * @param count - told what is read, whatever comes of it
   */
  async read(
    path: string,
    mostBytes: number,
    signal: AbortSignal,
    count: (bytes: number) => void = () => {},
  ): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let length = 0;
    const accept = (bytes: number) => {
      if (bytes > mostBytes) throw this.faults.tooLarge(path, mostBytes);
    };
    const sink = (chunk: Buffer) => {
      signal.throwIfAborted();
      this.#onProgress();
      count(chunk.length);
      length += chunk.length;
      accept(length);
      pieces.push(Buffer.from(chunk));
    };
    await this.#readFile(path, { offset: 0, accept, sink });
    return Buffer.concat(pieces);
  }

  /** Reads a small blob whole, and checks what it is: nothing is parsed that was not. */
  async readBlob(digest: Digest, mostBytes: number, signal: AbortSignal): Promise<Buffer> {
    const bytes = await this.read(blobPath(digest), mostBytes, signal);
    this.requireDigest(digest, bytes);
    return bytes;
  }

  /** Reads the rest of a blob of a known size. Its digest is the sink's business. */
  async streamBlob(
    { digest, size }: SmallBlob,
    offset: number,
    sink: (chunk: Buffer) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let at = offset;
    await this.#readFile(blobPath(digest), {
      offset,
      accept: (found) => this.requireSize(digest, size, found),
      sink: async (chunk) => {
        signal.throwIfAborted();
        at += chunk.length;
        // It has more to read than it said that it has.
        if (at > size) throw this.faults.changed(blobPath(digest));
        await sink(chunk);
      },
    });
    if (at !== size) throw this.faults.changed(blobPath(digest));
  }

  requireDigest(digest: Digest, bytes: Buffer): void {
    const found = digestOf(createHash('sha256').update(bytes).digest('hex'));
    if (found !== digest) throw this.mismatch(digest, digest, found);
  }

  requireSize(digest: Digest, expected: number, found: number): void {
    if (found !== expected) throw this.mismatch(digest, `${expected} bytes`, `${found} bytes`);
  }

  /** What it means that a blob is not what it should be: it is wrong, or somebody writes to it. */
  mismatch(digest: Digest, expected: string, found: string, whose?: string) {
    const path = blobPath(digest);
    return this.#changed.has(path) ? this.faults.changed(path) : this.faults.mismatch(path, expected, found, whose);
  }

  /**
   * The blobs that have at most so many bytes, the smallest first.
   *
   * @param most - blobs of any size that are looked at
   * @returns also whether there are more
   */
  async smallBlobs(
    mostBytes: number,
    most: number,
    signal: AbortSignal,
  ): Promise<{ blobs: SmallBlob[]; isAll: boolean }> {
    const opened: number[] = [];
    const blobs: SmallBlob[] = [];
    let seen = 0;
    try {
      const folder = openFolders(this.#open(), BLOBS, opened);
      for await (const name of namesIn(folder)) {
        signal.throwIfAborted();
        this.#onProgress();
        if (seen++ === most) break;
        if (!/^[a-f0-9]{64}$/.test(name)) continue;
        const stat = statBeneath(folder, fromText(name));
        if (stat.isFile() && stat.size <= mostBytes) blobs.push({ digest: digestOf(name), size: Number(stat.size) });
      }
    } catch (error) {
      if (isSystemError(error)) throw this.faults.io(error, BLOBS.join('/'));
      throw error;
    } finally {
      for (const descriptor of opened) close(descriptor);
    }
    blobs.sort((a, b) => a.size - b.size || (a.digest < b.digest ? -1 : 1));
    return { blobs, isAll: seen <= most };
  }

  async #readFile(path: string, reading: Parameters<typeof readBeneath>[2]): Promise<void> {
    const { changed } = await readBeneath(this.#open(), path, reading, this.faults);
    if (changed) this.#changed.add(path);
  }

  /**
   * Links on the way to the folder are followed, since the platform chose the path; it must not be
   * one itself.
   */
  #open(): number {
    if (this.#root !== undefined) return this.#root;
    try {
      const parent = openFolder(`${dirname(this.#path)}/.`);
      try {
        this.#root = openFolderBeneath(parent, fromText(basename(this.#path) || '.'));
      } finally {
        close(parent);
      }
      return this.#root;
    } catch (error) {
      if (isSystemError(error)) throw this.faults.root(error);
      throw error;
    }
  }
}

/** A `Digest` is 64 hex digits: no path can be made of it. */
export function blobPath(digest: Digest): string {
  return [...BLOBS, hexOf(digest)].join('/');
}
