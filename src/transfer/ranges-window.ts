import type { Pieces } from './ranges-pieces.ts';

/** Takes bytes in order; they are only lent. A promise says when it wants more. */
type Sink = (chunk: Buffer) => void | Promise<void>;

/** A part of a blob that is asked for by itself. */
export interface Range {
  readonly first: number;
  /** First byte after it. */
  readonly end: number;
  /** Bytes of it that came. */
  got: number;
  /** What came, and was not handed on yet. */
  readonly kept: { readonly piece: Buffer; length: number }[];
  /** Whoever brings it need not wait: it brings no more. */
  isReleased: boolean;
}

/**
 * Hands bytes on in their order, that come in any: those of the first open range at once, those of later ones from memory
 * when their turn has come. Whoever brings bytes of a later range waits while there is no memory; the first never does.
 */
export class Window {
  readonly #sink: Sink;
  readonly #pieces: Pieces;
  readonly #onFailure: (error: unknown) => void;
  readonly #open: Range[] = [];
  #handed: number;
  #isHanding = false;
  #isClosed = false;

  /**
   * @param offset - bytes that the sink has already
   * @param onFailure - told what the sink throws; nothing is handed on after that
   */
  constructor(offset: number, sink: Sink, pieces: Pieces, onFailure: (error: unknown) => void) {
    this.#handed = offset;
    this.#sink = sink;
    this.#pieces = pieces;
    this.#onFailure = onFailure;
  }

  /** Bytes of the whole that the sink has: always its beginning. */
  get handed(): number {
    return this.#handed;
  }

  /** Ranges of which something is missing, or not handed on. */
  get open(): number {
    return this.#open.length;
  }

  add(first: number, end: number): Range {
    const range = { first, end, got: 0, kept: [], isReleased: false };
    this.#open.push(range);
    return range;
  }

  isFirst(range: Range): boolean {
    return this.#open[0] === range;
  }

  /** Takes the next bytes of a range, never more than it has. @returns when to bring more, if not at once */
  put(range: Range, chunk: Buffer): void | Promise<void> {
    if (this.#isClosed) return undefined;
    range.got += chunk.length;
    range.isReleased = false;
    if (this.isFirst(range) && !this.#isHanding && range.kept.length === 0) return this.#handOn(chunk);
    this.#keep(range, chunk);
    this.#handKept();
    return this.#mustWait(range) ? this.#room(range) : undefined;
  }

  /** Ends the wait of whoever brings a range, and gives it up. */
  release(range: Range): void {
    range.isReleased = true;
    this.#pieces.announce();
  }

  /** Nothing is handed on any more. Resolves when the sink is done with what it has, and gives the memory back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pieces.announce();
    while (this.#isHanding) await this.#pieces.changed();
    for (const range of this.#open.splice(0)) for (const { piece } of range.kept.splice(0)) this.#pieces.give(piece);
  }

  #keep({ kept }: Range, chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      let last = kept.at(-1);
      if (last === undefined || last.length === last.piece.length) {
        last = { piece: this.#pieces.take(), length: 0 };
        kept.push(last);
      }
      const copied = chunk.copy(last.piece, last.length, at);
      last.length += copied;
      at += copied;
    }
  }

  #mustWait(range: Range): boolean {
    if (this.#isClosed || range.isReleased) return false;
    return this.isFirst(range) ? this.#isHanding || range.kept.length > 0 : this.#pieces.isShort;
  }

  async #room(range: Range): Promise<void> {
    while (this.#mustWait(range)) await this.#pieces.changed();
  }

  /** Hands on what was only lent, without a copy. */
  #handOn(chunk: Buffer): void | Promise<void> {
    this.#handed += chunk.length;
    const taken = this.#sink(chunk);
    if (taken === undefined) {
      this.#handKept();
      return undefined;
    }
    this.#isHanding = true;
    return taken.finally(() => this.#doneHanding());
  }

  /** Hands on what is in memory, as far as it is in order. */
  #handKept(): void {
    const [first] = this.#open;
    if (this.#isHanding || this.#isClosed || first === undefined) return;
    if (first.kept.length === 0 && first.first + first.got < first.end) return;
    this.#isHanding = true;
    this.#handAll()
      .catch(this.#onFailure)
      .finally(() => this.#doneHanding());
  }

  #doneHanding(): void {
    this.#isHanding = false;
    this.#pieces.announce();
    // Something may have come since the last look.
    this.#handKept();
  }

  async #handAll(): Promise<void> {
    for (let range = this.#open[0]; range !== undefined && !this.#isClosed; range = this.#open[0]) {
      const next = range.kept.shift();
      if (next !== undefined) {
        this.#handed += next.length;
        try {
          await this.#sink(next.piece.subarray(0, next.length));
        } finally {
          this.#pieces.give(next.piece);
        }
      } else if (range.first + range.got === range.end) {
        this.#open.shift();
        this.#pieces.announce();
      } else break;
    }
  }
}
