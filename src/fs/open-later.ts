// The calls of `open.ts` by threads of libuv's: many of them wait for a slow volume at the same
// time.
import { type BigIntStats, close, fstat, open, read, readSync } from 'node:fs';
import type { PathBytes } from './entry-path.ts';
import { FILE_FLAGS, MAX_PIECE_BYTES, openFileBeneath, procPath } from './open.ts';

export type { BigIntStats };

/** Gets what a call came to, or its error. */
export type Done<T> = (error: unknown, value?: T) => void;

/** As `openFileBeneath`. */
export function openFileLater(folder: number, path: PathBytes, done: Done<number>): void {
  // A path that takes several calls is too rare to be worth more than these.
  if (path.length > MAX_PIECE_BYTES) atOnce(() => openFileBeneath(folder, path), done);
  else open(procPath(folder, path), FILE_FLAGS, done);
}

/** As `statOpen`. */
export function statLater(descriptor: number, done: Done<BigIntStats>): void {
  fstat(descriptor, { bigint: true }, done);
}

/** Reads into all of `bytes`, or less. */
export function readLater(descriptor: number, bytes: Buffer, position: number, done: Done<number>): void {
  read(descriptor, bytes, 0, bytes.length, position, done);
}

/** The same in this thread. */
export function readNow(descriptor: number, bytes: Buffer, position: number): number {
  return readSync(descriptor, bytes, 0, bytes.length, position);
}

/** As `close` of `open.ts`: its error is no news. */
export function closeLater(descriptor: number, done: Done<void>): void {
  close(descriptor, () => done(null));
}

/** A call that is made here, and answered later. */
export function atOnce<T>(call: () => T, done: Done<T>): void {
  let value: T;
  try {
    value = call();
  } catch (error) {
    setImmediate(done, error);
    return;
  }
  setImmediate(done, null, value);
}
