import type { Pieces } from './ranges-pieces.ts';

/** Takes bytes in order, which stay as they are until its promise resolves. */
export type KeptSink = (piece: Buffer) => void | Promise<void>;

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
 * Full pieces of the first range before whoever brings it waits for the sink: one is taken up, one
 * is ready.
 */
const AHEAD = 2;

/**
 * Hands bytes on in their order, that come in any, piece by piece: whoever brings those of a later
 * range waits while there is no memory, and whoever brings those of the first one only for the
 * sink.
 */
export class Window {
  readonly #sink: KeptSink;
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
  constructor(offset: number, sink: KeptSink, pieces: Pieces, onFailure: (error: unknown) => void) {
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

  /**
   * Takes the next bytes of a range, never more than it has.
   *
   * @returns when to bring more, if not at once
   */
  put(range: Range, chunk: Buffer): void | Promise<void> {
    if (this.#isClosed) return undefined;
    range.got += chunk.length;
    range.isReleased = false;
    this.#keep(range, chunk);
    this.#handKept();
    return this.#mustWait(range) ? this.#room(range) : undefined;
  }

  /** Ends the wait of whoever brings a range, and gives it up. */
  release(range: Range): void {
    range.isReleased = true;
    this.#pieces.announce();
  }

  /**
   * Nothing is handed on any more. Resolves when the sink is done with what it has, and gives the
   * memory back.
   */
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
    return this.isFirst(range) ? range.kept.length > AHEAD : this.#pieces.isShort;
  }

  async #room(range: Range): Promise<void> {
    while (this.#mustWait(range)) await this.#pieces.changed();
  }

  /** Hands on what is in memory, as far as it is in order. */
  #handKept(): void {
    const [first] = this.#open;
    if (this.#isHanding || this.#isClosed || first === undefined || !isReady(first)) return;
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
    for (let [range] = this.#open; range !== undefined && !this.#isClosed && isReady(range); [range] = this.#open) {
      const next = range.kept.shift();
      if (next !== undefined) {
        this.#handed += next.length;
        try {
          await this.#sink(next.piece.subarray(0, next.length));
        } finally {
          this.#pieces.give(next.piece);
        }
      }
      if (isWhole(range) && range.kept.length === 0) {
        this.#open.shift();
        this.#pieces.announce();
      }
    }
  }
}

/** True when there is a full piece, or the range came to its end. */
function isReady(range: Range): boolean {
  const [next] = range.kept;
  return isWhole(range) || (next !== undefined && next.length === next.piece.length);
}

function isWhole({ first, end, got }: Range): boolean {
  return first + got === end;
}
