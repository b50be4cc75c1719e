import type { ReadWhole } from '../fs/index.ts';
import type { Next } from './queue.ts';

/** A file, or a shard of one, whose bytes come in order. */
export interface Input {
  /** True when all of it was taken. */
  readonly isAtEnd: boolean;
  /**
   * Some of what is left.
   *
   * @param room - where it may be put; it may lie elsewhere, and is good until the next call
   * @returns undefined while it has not come
   * @throws Stopped when the run ends, or what is wrong with the file
   */
  take(room: Buffer): Buffer | undefined;
  /**
   * After the last byte: proof that it was all there is.
   *
   * @returns undefined while that is not known
   * @throws as `take`
   */
  finish(): ReadWhole | undefined;
  close(): void;
}

/** Where a thread that hashes gets its files from. */
export interface Inputs {
  /**
   * The next one that can be opened; 'later' while none has come; undefined when there is none
   * left.
   */
  take(): { readonly next: Next; readonly input: Input } | 'later' | undefined;
  /** Told what is wrong with one. */
  failed(next: Next, error: unknown): void;
  /** Resolves when more may have come. */
  arrival(): Promise<void>;
  /**
   * Asked now and then by who has enough to do: a promise where this thread is to hear of what has
   * come, so that other reads are begun while it hashes.
   */
  turn(): Promise<void> | undefined;
}
