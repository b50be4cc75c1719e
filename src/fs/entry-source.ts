import { type BigIntStats, readSync } from 'node:fs';
import { close, statOpen } from './open.ts';
import { endsShortReads } from './working-folder.ts';

/** An open file, and which part of it is still to be read, in bytes. */
export interface OpenEntry {
  readonly descriptor: number;
  readonly start: number;
  readonly end: number;
  /** Whether that is the end of the file, behind which nothing must come. */
  readonly reachesEnd: boolean;
}

/** Where the bytes of an open file come from: at once, or when they have come. */
export interface EntrySource {
  /**
   * Some of the bytes at a position, in `room` or elsewhere, and good until the next call: none at
   * the end of the file, undefined while they have not come. Throws a system call's error.
   */
  read(room: Buffer, most: number, position: number): Buffer | undefined;
  /**
   * What the file is after the last read; undefined while that has not come. Throws a system call's
   * error.
   */
  stat(): BigIntStats | undefined;
  /** Whether the end of the file lies where a read brings less than was asked for. */
  readonly endsShortReads: boolean;
  close(): void;
}

/** Reads that return when they are done. */
export class DirectSource implements EntrySource {
  readonly #descriptor: number;
  readonly #device: bigint;

  /** @param device - `st_dev` of the file */
  constructor(descriptor: number, device: bigint) {
    this.#descriptor = descriptor;
    this.#device = device;
  }

  get endsShortReads(): boolean {
    return endsShortReads(this.#descriptor, this.#device);
  }

  read(room: Buffer, most: number, position: number): Buffer {
    const length = readSync(this.#descriptor, room, 0, most, position);
    return length === room.length ? room : room.subarray(0, length);
  }

  stat(): BigIntStats {
    return statOpen(this.#descriptor);
  }

  close(): void {
    close(this.#descriptor);
  }
}
