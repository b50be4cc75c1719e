import { jsonObject } from '../json-object.ts';
import { ItemEnds } from './item-ends.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** etcd takes no object over 1.5 MB; what is around the items of a list is much smaller. */
const MAX_HELD_BYTES = 8 << 20;

/** A record of TLS, and what was left of the one before. */
const FIRST_BYTES = 64 << 10;

/** A list in `metadata`: who wrote which field. It is half of a pod, and nobody here asks. */
const LEFT_OUT = 'managedFields';

/**
 * Bytes of a list that are held before its braces are counted: an item is found much faster by the
 * beginning of the next one, once that has come.
 */
const PATIENCE = 256 << 10;

/**
 * Cuts the items out of a list as its bytes come, so that neither all of its text nor what nobody
 * needs of its objects is held at once. An item ends where the next one begins, as far as that can
 * be told (`ItemEnds`), or else by its braces, which are counted; what is between them is parsed by
 * the engine.
 */
export class ListStream {
  readonly #each: (item: Record<string, unknown>) => void;
  /** What was not used up, in its first bytes: the frame so far, or the beginning of an item. */
  #held: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  /** How far that was looked at. */
  #at = 0;
  #depth = 0;
  #isInText = false;
  /** Of the last text, and of what is cut out of an item; places in what is held. */
  readonly #marks = { textStart: 0, textEnd: 0, cutFrom: 0, cutTo: 0 };
  #key = '';
  #isInItems = false;
  #itemStart = -1;
  readonly #ends = new ItemEnds();
  /** Whether the braces of this item are counted. */
  #isCounting = false;
  /** Where what is around the items goes on. */
  #frameStart = 0;
  #frame = '';

  /** @param each - gets every item, parsed; an empty object for what is no JSON */
  constructor(each: (item: Record<string, unknown>) => void) {
    this.#each = each;
  }

  /** @returns false for an item, or a frame, that is larger than any */
  feed(chunk: Buffer): boolean {
    this.#hold(chunk);
    this.#advance(false);
    return this.#length + this.#frame.length <= MAX_HELD_BYTES;
  }

  #advance(isEnd: boolean): void {
    const bytes = this.#held;
    const length = this.#length;
    let at = this.#at;
    while (at < length) {
      if (!this.#isCounting && this.#itemStart >= 0 && at === this.#itemStart + 1) {
        const next = this.#ends.next(bytes.subarray(0, length), this.#itemStart);
        if (next === undefined && !isEnd && length - this.#itemStart < PATIENCE) break;
        this.#isCounting = next === undefined;
        if (next === undefined) continue;
        this.#each(next.item);
        this.#depth -= 1;
        this.#itemStart = -1;
        at = next.end;
      } else if (this.#isInText) {
        at = endOfText(bytes, at, length);
        if (at >= length) break;
        this.#endText(at);
      } else {
        at = nextMark(bytes, at, length);
        if (at >= length) break;
        this.#mark(at, bytes[at] ?? 0);
      }
      at += 1;
    }
    this.#drop(this.#isInItems ? (this.#itemStart < 0 ? length : this.#itemStart) : this.#frameStart, at);
  }

  /** One piece of memory for all of it: texts are copied out. */
  #hold(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#length);
    this.#length = needed;
  }

  /** Forgets what was used up, of what was looked at. */
  #drop(used: number, at: number): void {
    this.#held.copyWithin(0, used, this.#length);
    this.#length -= used;
    this.#at = Math.max(at, used) - used;
    this.#ends.shift(used);
    for (const mark of ['textStart', 'textEnd', 'cutFrom', 'cutTo'] as const) this.#marks[mark] -= used;
    this.#frameStart = 0;
    if (this.#itemStart >= 0) this.#itemStart = 0;
  }

  /** @returns the list without its items, or what came instead of one */
  end(): Record<string, unknown> {
    this.#advance(true);
    return jsonObject(this.#frame + this.#held.toString('utf8', 0, this.#length));
  }

  #mark(at: number, byte: number): void {
    if (byte === QUOTE) {
      this.#isInText = true;
      this.#marks.textStart = at;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#open(at, byte);
    else this.#close(at);
  }

  #endText(at: number): void {
    this.#isInText = false;
    this.#marks.textEnd = at;
    if (this.#depth === 1) this.#key = this.#lastText();
  }

  #lastText(): string {
    return this.#held.toString('utf8', this.#marks.textStart + 1, this.#marks.textEnd);
  }

  #open(at: number, byte: number): void {
    this.#depth += 1;
    if (this.#isInItems && this.#depth === 3) {
      this.#itemStart = at;
      this.#marks.cutFrom = this.#marks.cutTo = at;
    } else if (this.#isInItems && this.#depth === 5 && byte === OPEN_LIST && this.#lastText() === LEFT_OUT) {
      this.#marks.cutFrom = at + 1;
      this.#marks.cutTo = 0;
    }
    if (this.#depth !== 2 || byte !== OPEN_LIST || this.#key !== 'items') return;
    this.#isInItems = true;
    this.#frame += this.#held.toString('utf8', this.#frameStart, at + 1);
  }

  #close(at: number): void {
    this.#depth -= 1;
    if (!this.#isInItems) return;
    const { cutFrom, cutTo } = this.#marks;
    if (this.#depth === 4 && cutTo < cutFrom) this.#marks.cutTo = at;
    else if (this.#depth === 2) {
      const before = this.#held.toString('utf8', this.#itemStart, cutFrom);
      this.#each(jsonObject(before + this.#held.toString('utf8', cutTo, at + 1)));
      this.#itemStart = -1;
      this.#isCounting = false;
    } else if (this.#depth === 1) {
      this.#isInItems = false;
      this.#frameStart = at;
    }
  }
}

/** @returns where the quotation mark is, or a place behind the bytes */
function endOfText(bytes: Uint8Array, from: number, length: number): number {
  let at = from;
  while (at < length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** @returns where the next quotation mark, brace or bracket is, or the end of the bytes */
function nextMark(bytes: Uint8Array, from: number, length: number): number {
  let at = from;
  for (; at < length; at++) {
    const byte = bytes[at] ?? 0;
    // Brackets are braces without one bit.
    const brace = byte | 0x20;
    if (byte === QUOTE || brace === OPEN_OBJECT || brace === CLOSE_OBJECT) break;
  }
  return at;
}
