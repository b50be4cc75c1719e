import { failureOf } from '../error/index.ts';
import { digestAt, type ReadWhole, TimesChanged } from '../fs/index.ts';
import { type Control, countFile, nextInQueue } from './control.ts';
import { shardAt, shardCount, storeShard } from './shards.ts';
import type { FileFailure, HashRequest, HashTask } from './task.ts';

/** A file, or a shard of one, that a worker took off the common queue. */
export interface Next {
  readonly work: HashTask;
  /** Numbers of the task, and of the file in its listing. */
  readonly task: number;
  readonly index: number;
  /** Bytes to hash. */
  readonly length: number;
  /** For a shard: its number, and where it begins. */
  readonly shard?: { readonly number: number; readonly start: number; readonly length: number };
}

/** The next one that nobody has taken; undefined when the queue is empty. */
export function takeNext({ tasks, order }: HashRequest, control: Control): Next | undefined {
  const next = nextInQueue(control);
  if (next >= order.length) return undefined;
  let number = order[next] ?? 0;
  for (const [task, work] of tasks.entries()) {
    const { files } = work.listing;
    const count = unitCount(work);
    if (number >= count) {
      number -= count;
      continue;
    }
    if (work.shards === undefined) return { work, task, index: number, length: files.size[number] ?? 0 };
    const { index, start, length } = shardAt(work.shards, files, number);
    return { work, task, index, length, shard: { number, start, length } };
  }
  return undefined;
}

/** Files or shards of a task. */
export function unitCount({ listing, shards }: HashTask): number {
  return shards === undefined ? listing.files.count : shardCount(shards);
}

/** What is wrong with one of them, and whether it may be read once more. */
export function fileFailure({ task, index }: Next, error: unknown): FileFailure {
  return { task, failure: failureOf(error), ...(error instanceof TimesChanged ? { again: index } : {}) };
}

/** Takes down what was hashed, which has to have been read to its end. */
export function store({ work, index, shard }: Next, digest: Uint8Array, control: Control, _proof: ReadWhole): void {
  const { files } = work.listing;
  if (work.shards !== undefined && shard !== undefined) {
    if (storeShard(work.shards, files, shard.number, index, digest)) countFile(control);
    return;
  }
  digestAt(files, index).set(digest);
  files.hashed[index] = 1;
  countFile(control);
}
