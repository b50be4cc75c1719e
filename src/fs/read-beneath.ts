import { type BigIntStats, read } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { errno, isSystemError } from '../error/index.ts';
import { fromText, type PathBytes } from './entry-path.ts';
import { close, folderContents, kindOf, openFileBeneath, openFolderBeneath, statBeneath, statOpen } from './open.ts';

/**
 * Bytes of one read: what is hashed and written at a time. Less for a smaller file, whatever it
 * says of its size.
 */
const CHUNK = 1 << 20;
const LEAST_CHUNK = 64 << 10;

/** How the bytes of a file are taken. */
export interface Reading {
  /** Byte to begin at. */
  readonly offset: number;
  /** Told the size that the file says it has; throws to refuse it. */
  accept(size: number): void;
  /** Takes the next bytes, and keeps none of them when it is done; throws to end the reading. */
  sink(chunk: Buffer): void | Promise<void>;
}

/** What is wrong with a path, in the words of whoever asks for it. */
export interface PathFaults {
  noFile(path: string, kind: string): Error;
  changed(path: string): Error;
  io(error: unknown, path: string): Error;
}

/**
 * Reads a regular file below an open folder to its end, without standing in this thread's way. Each
 * folder on the way is opened through the one above it, and none of them, nor the file, may be a
 * link; what is no regular file is not even opened.
 *
 * @param path - relative, of plain names
 * @returns whether anything about the file changed meanwhile
 */
export async function readBeneath(
  root: number,
  path: string,
  { offset, accept, sink }: Reading,
  faults: PathFaults,
): Promise<{ readonly changed: boolean }> {
  const opened: number[] = [];
  let wasRemoved: (() => boolean) | undefined;
  let isTaking = false;
  try {
    const names = path.split('/');
    const name = fromText(names.pop() ?? '');
    const folder = openFolders(root, names, opened);
    const seen = statBeneath(folder, name);
    if (!seen.isFile()) throw faults.noFile(path, kindOf(seen));
    wasRemoved = () => isGone(folder, name, seen);
    const descriptor = openFileBeneath(folder, name);
    opened.push(descriptor);
    const before = statOpen(descriptor);
    // It was replaced between the two calls.
    if (!before.isFile()) throw faults.noFile(path, kindOf(before));
    accept(Number(before.size));
    // One more than it says: then the read that brings the last byte may find what is behind it.
    const left = Number(before.size) - offset + 1;
    const buffer = Buffer.allocUnsafeSlow(Math.max(LEAST_CHUNK, Math.min(CHUNK, left)));
    for (let at = offset; ; ) {
      const length = await readAt(descriptor, buffer, at);
      if (length === 0) return { changed: isChanged(before, statOpen(descriptor)) };
      at += length;
      isTaking = true;
      await sink(buffer.subarray(0, length));
      isTaking = false;
    }
  } catch (error) {
    // What the place failed with that the bytes go to says nothing about this file.
    if (isTaking) throw error;
    // NFS says this of a file that somebody removed or replaced, and of one that the server lost.
    if (errno(error) === 'ESTALE' && wasRemoved?.() === true) throw faults.changed(path);
    if (isSystemError(error)) throw faults.io(error, path);
    throw error;
  } finally {
    for (const descriptor of opened) close(descriptor);
  }
}

/** The names in an open folder, as they come. */
export async function* namesIn(folder: number): AsyncGenerator<string> {
  for await (const { name } of await opendir(folderContents(folder))) yield name;
}

/** Opens folders, each through the one above it. @param opened - gets what has to be closed */
export function openFolders(root: number, names: readonly string[], opened: number[]): number {
  let folder = root;
  for (const name of names) {
    folder = openFolderBeneath(folder, fromText(name));
    opened.push(folder);
  }
  return folder;
}

function readAt(descriptor: number, buffer: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(descriptor, buffer, 0, buffer.length, position, (error, length) => (error ? reject(error) : resolve(length))),
  );
}

/** True when somebody removed or replaced a file; not when the storage does not say. */
function isGone(folder: number, name: PathBytes, { dev, ino }: BigIntStats): boolean {
  try {
    const now = statBeneath(folder, name);
    return now.dev !== dev || now.ino !== ino;
  } catch (error) {
    return errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR';
  }
}

function isChanged(before: BigIntStats, after: BigIntStats): boolean {
  return before.size !== after.size || before.mtimeNs !== after.mtimeNs || before.ctimeNs !== after.ctimeNs;
}
