import { createHash } from 'node:crypto';
import { opendir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isSystemError } from '../error/index.ts';
import { close, folderContents, fromText, openFolder, openFolderBeneath, statBeneath } from '../fs/index.ts';
import { type Digest, digestOf, hexOf } from '../registry/index.ts';
import { LayoutFaults } from './faults.ts';
import { openFolders, readLayoutFile } from './layout-file.ts';
import { MAX_BLOBS_SEEN } from './limits.ts';

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
  #root: number | undefined;
  /** Files that changed while they were read. */
  readonly #changed = new Set<string>();

  /** @param path - absolute */
  constructor(path: string) {
    this.#path = path;
    this.faults = new LayoutFaults(path);
  }

  close(): void {
    if (this.#root !== undefined) close(this.#root);
    this.#root = undefined;
  }

  /** Reads a small file whole. @param path - relative, of plain names */
  async read(path: string, mostBytes: number, signal: AbortSignal): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let length = 0;
    const accept = (bytes: number) => {
      if (bytes > mostBytes) throw this.faults.tooLarge(path, mostBytes);
    };
    const sink = (chunk: Buffer) => {
      signal.throwIfAborted();
      length += chunk.length;
      accept(length);
      pieces.push(chunk);
    };
    await this.#readFile(path, { offset: 0, accept, sink });
    return Buffer.concat(pieces);
  }

  /** Reads a small blob whole, and checks what it is: nothing is parsed that was not. */
  async readBlob(digest: Digest, mostBytes: number, signal: AbortSignal): Promise<Buffer> {
    const bytes = await this.read(blobPath(digest), mostBytes, signal);
    const found = digestOf(createHash('sha256').update(bytes).digest('hex'));
    if (found !== digest) throw this.mismatch(digest, digest, found);
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
   * @returns also whether there are more than anybody looks at
   */
  async smallBlobs(mostBytes: number, signal: AbortSignal): Promise<{ blobs: SmallBlob[]; isAll: boolean }> {
    const opened: number[] = [];
    const blobs: SmallBlob[] = [];
    let seen = 0;
    try {
      const folder = openFolders(this.#open(), BLOBS, opened);
      for await (const { name } of await opendir(folderContents(folder))) {
        signal.throwIfAborted();
        if (seen++ === MAX_BLOBS_SEEN) break;
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
    return { blobs, isAll: seen <= MAX_BLOBS_SEEN };
  }

  async #readFile(path: string, reading: Parameters<typeof readLayoutFile>[2]): Promise<void> {
    const { changed } = await readLayoutFile(this.#open(), path, reading, this.faults);
    if (changed) this.#changed.add(path);
  }

  /** Links on the way to the folder are followed, since the platform chose the path; it must not be one itself. */
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
