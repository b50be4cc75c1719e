import { closeSync } from 'node:fs';
import { ContentInspector, type FileContent } from '../content/index.ts';
import { type Engine, PIECE_BYTES } from '../hash/index.ts';
import type { WriteBehind } from '../transfer/index.ts';
import { openStaged, writeAll } from '../transfer/index.ts';

/** Files up to this size are written at once. */
const SMALL_BYTES = 64 << 10;

/** What is used for one member after the other. */
export interface MemberTools {
  readonly member: Engine;
  readonly behind: WriteBehind;
  readonly inspects: boolean;
}

interface MemberName {
  readonly name: string;
  readonly size: number;
}

/**
 * A member of an archive: one of many files in a row that are hashed while they are written.
 * Without a path it is hashed only.
 */
export class MemberFile {
  readonly #descriptor: number | undefined;
  readonly #engine: Engine;
  readonly #behind: WriteBehind;
  #inspector: ContentInspector | undefined;
  #piece: Buffer | undefined;
  #filled = 0;
  /** Bytes that are in the file, or on their way. */
  #written = 0;

  /** @param what - its path in the artifact and its bytes */
  constructor(path: Buffer | undefined, { member, behind, inspects }: MemberTools, what: MemberName) {
    this.#engine = member;
    this.#behind = behind;
    if (inspects) this.#inspector = new ContentInspector(what.name, what.size);
    member.init();
    if (path !== undefined) this.#descriptor = openStaged(path, 'create');
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

  /** After `end`: what it is, by the bytes that were hashed, where that was asked for. */
  content(): { readonly content?: FileContent } {
    return this.#inspector === undefined ? {} : { content: this.#inspector.finish() };
  }

  #update(bytes: Buffer): void {
    this.#engine.update(bytes);
    this.#inspector?.push(bytes);
  }

  #digest(): string {
    return Buffer.from(this.#engine.digest()).toString('hex');
  }

  #flush(): void {
    const filled = this.#piece?.subarray(0, this.#filled);
    this.#filled = 0;
    if (filled === undefined || filled.length === 0) return;
    this.#update(filled);
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
    this.#update(filled);
    try {
      writeAll(descriptor, filled, 0);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  #giveBack(): void {
    if (this.#piece !== undefined) this.#behind.give(this.#piece);
    this.#piece = undefined;
  }
}
