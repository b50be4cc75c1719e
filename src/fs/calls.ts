// System calls as values: one way to list folders and to look at them again, whoever makes the
// calls: this thread, one after the other, or libuv's threads, many at a time.
import { type BigIntStats, type Dir, lstat, open, opendir, opendirSync } from 'node:fs';
import { isSystemError } from '../error/index.ts';
import { fromBuffer, type PathBytes } from './entry-path.ts';
import {
  FOLDER_FLAGS,
  folderContents,
  MAX_PIECE_BYTES,
  openFolderBeneath,
  procPath,
  statBeneath,
  statOpen,
} from './open.ts';
import { atOnce, type Done, statLater } from './open-later.ts';

/** A system call, and both ways to make it. */
export interface Call<T = unknown> {
  now(): T;
  later(done: Done<T>): void;
}

/**
 * Something that makes calls: it yields one and gets what that returns, or throws; or it yields
 * several tasks, and goes on when all of them are done, in whatever order.
 */
export type Task<T = void> = Generator<Call | Tasks, T, unknown>;

/** Tasks that do not depend on each other, begun as they are taken. */
export interface Tasks {
  readonly tasks: Iterable<Task>;
}

/** One for each of these. */
export function* each<T>(all: Iterable<T>, task: (one: T, index: number) => Task): Generator<Task> {
  let index = 0;
  for (const one of all) yield task(one, index++);
}

/** Does it here, one call after the other. */
export function runNow<T>(task: Task<T>): T {
  for (let step = task.next(); ; ) {
    if (step.done === true) return step.value;
    let value: unknown;
    try {
      if ('tasks' in step.value) for (const one of step.value.tasks) runNow(one);
      else value = step.value.now();
    } catch (error) {
      step = task.throw(error);
      continue;
    }
    step = task.next(value);
  }
}

/** `lstat(2)` below an open folder. */
export function statIn(folder: number, path: PathBytes): Call<BigIntStats> {
  const now = () => statBeneath(folder, path);
  return {
    now,
    later(done) {
      if (path.length > MAX_PIECE_BYTES) atOnce(now, done);
      else lstat(procPath(folder, path), { bigint: true }, done);
    },
  };
}

export function openedStat(descriptor: number): Call<BigIntStats> {
  return { now: () => statOpen(descriptor), later: (done) => statLater(descriptor, done) };
}

/** Opens a folder below an open folder. */
export function openIn(folder: number, path: PathBytes): Call<number> {
  const now = () => openFolderBeneath(folder, path);
  return {
    now,
    later(done) {
      if (path.length > MAX_PIECE_BYTES) atOnce(now, done);
      else open(procPath(folder, path), FOLDER_FLAGS, done);
    },
  };
}

/**
 * Of the entries of a folder: names of regular files, where nobody has to look at them, and the
 * others.
 */
export interface Names {
  readonly names: PathBytes[];
  readonly files: PathBytes[];
}

/** Entries that are read by one call. */
const TOGETHER = 512;

/**
 * What is in an open folder.
 *
 * @param areFilesKnown - what is a file by its type is one
 * @param count - is told of each entry, and may throw
 */
export function namesIn(
  descriptor: number,
  encoding: BufferEncoding,
  areFilesKnown: boolean,
  count: () => void,
): Call<Names> {
  const path = folderContents(descriptor);
  const options = { encoding, bufferSize: TOGETHER };
  const found: Names = { names: [], files: [] };
  const add = (entry: { readonly name: string | Buffer; isFile(): boolean }) => {
    count();
    const name = typeof entry.name === 'string' ? (entry.name as PathBytes) : fromBuffer(entry.name);
    (areFilesKnown && entry.isFile() ? found.files : found.names).push(name);
  };
  return {
    now() {
      const folder = opendirSync(path, options);
      try {
        for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) add(entry);
      } finally {
        closeFolder(folder);
      }
      return found;
    },
    later(done) {
      opendir(path, options, (error, folder) => {
        if (error !== null) done(error);
        else
          readAll(folder, add).then(
            () => done(null, found),
            (fault: unknown) => done(fault),
          );
      });
    },
  };
}

async function readAll(
  folder: Dir,
  add: (entry: { readonly name: string | Buffer; isFile(): boolean }) => void,
): Promise<void> {
  try {
    for (let entry = await folder.read(); entry !== null; entry = await folder.read()) add(entry);
  } finally {
    await folder.close().catch(() => {});
  }
}

/** As `close` does for files. */
function closeFolder(folder: Dir): void {
  try {
    folder.closeSync();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
