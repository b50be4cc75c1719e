import { type Json, MAX_DEPTH, MalformedError, parseStrictJson } from './strict-json.ts';

/**
 * Which values are gone into (their keys), handed over element by element (`list`), or passed over
 * (`skip`); others come whole.
 */
export interface Outline {
  readonly [key: string]: Outline | 'list' | 'skip';
}

/** Takes what is read. */
export interface JsonTaker {
  /** @param inside - key of the object that was gone into, empty for the outermost */
  value(inside: string, key: string, value: Json): void;
  /** Some elements of a list, in their order. */
  elements(inside: string, key: string, elements: readonly Json[]): void;
  /**
   * Takes elements from their bytes, where that is faster: whole ones, each with the comma behind
   * it.
   *
   * @param start - where an element begins that is not the first
   * @returns where the first begins that it did not take
   */
  plain?(inside: string, key: string, bytes: Uint8Array, start: number): number;
}

/** Bytes of one value that comes whole: what a payload may have that is parsed at once. */
const MAX_VALUE_BYTES = 48 << 20;

/**
 * Bytes of one element of a list: a name of PATH_MAX bytes, each of them escaped as six, and
 * reserve for what is ignored.
 */
const MAX_ELEMENT_BYTES = 1 << 20;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** One object that was gone into. */
interface Level {
  readonly outline: Outline;
  readonly inside: string;
  readonly keys: Set<string>;
}

type State =
  | 'start'
  | 'key or end'
  | 'key'
  | 'in key'
  | 'colon'
  | 'before value'
  | 'in value'
  | 'after value'
  | 'in list'
  | 'over';

/**
 * Reads JSON that comes in pieces, as strictly as `parseStrictJson` reads it whole: UTF-8, no key
 * twice, no endless nesting, nothing after it. Only what is gone into is taken apart here; every
 * other value, and every few elements of a list, go to the strict parser, so that no more than
 * these are in memory.
 */
export class JsonStream {
  readonly #what: string;
  readonly #taker: JsonTaker;
  readonly #outline: Outline;
  readonly #levels: Level[] = [];
  #state: State = 'start';
  /** Of what is being read and did not end yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #key = '';
  #skips = false;
  /**
   * Brackets that are open within the value or list; whether a string is, and whether its next byte
   * is escaped.
   */
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Begins with neither a bracket nor a quote, so that what follows it ends it. */
  #isBare = false;
  #hasElements = false;

  constructor(outline: Outline, taker: JsonTaker, what: string) {
    this.#outline = outline;
    this.#taker = taker;
    this.#what = what;
  }

  /** @throws MalformedError */
  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) at = this.#step(piece, at);
  }

  /** @throws MalformedError unless it was one whole document */
  end(): void {
    if (this.#state !== 'over') throw this.#notJson();
  }

  /** @returns where to go on */
  #step(piece: Uint8Array, at: number): number {
    if (this.#state === 'in list') return this.#list(piece, at);
    if (this.#state === 'in value' || this.#state === 'in key') return this.#value(piece, at);
    const c = piece[at] ?? 0;
    if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) return at + 1;
    switch (this.#state) {
      case 'start':
        if (c !== OPEN_OBJECT) throw new MalformedError(`${this.#what} is not an object`);
        return this.#enter(this.#outline, at);
      case 'key or end':
      case 'key':
        if (c === CLOSE_OBJECT && this.#state === 'key or end') return this.#leave(at);
        if (c !== QUOTE) throw this.#notJson();
        this.#begin('in key', false);
        return at;
      case 'colon':
        if (c !== 0x3a) throw this.#notJson();
        this.#state = 'before value';
        return at + 1;
      case 'before value':
        return this.#beginValue(c, at);
      case 'after value':
        if (c === CLOSE_OBJECT) return this.#leave(at);
        if (c !== COMMA) throw this.#notJson();
        this.#state = 'key';
        return at + 1;
      default:
        throw this.#notJson();
    }
  }

  #enter(outline: Outline, at: number): number {
    this.#levels.push({ outline, inside: this.#key, keys: new Set() });
    this.#state = 'key or end';
    return at + 1;
  }

  #leave(at: number): number {
    this.#levels.pop();
    this.#state = this.#levels.length === 0 ? 'over' : 'after value';
    return at + 1;
  }

  #beginValue(c: number, at: number): number {
    const { outline } = this.#levels.at(-1) as Level;
    const how = Object.hasOwn(outline, this.#key) ? outline[this.#key] : undefined;
    if (typeof how === 'object' && c === OPEN_OBJECT) return this.#enter(how, at);
    if (how === 'list' && c === OPEN_LIST) {
      this.#begin('in list', false);
      this.#hasElements = false;
      return at + 1;
    }
    this.#begin('in value', how === 'skip');
    this.#isBare = c !== QUOTE && c !== OPEN_OBJECT && c !== OPEN_LIST;
    return at;
  }

  #begin(state: State, skips: boolean): void {
    this.#state = state;
    this.#skips = skips;
    this.#depth = 0;
    this.#isInString = false;
    this.#isEscaped = false;
    this.#isBare = false;
  }

  /** A key, or a value that comes whole. */
  #value(piece: Uint8Array, start: number): number {
    let at = start;
    for (; at < piece.length; at++) {
      const c = piece[at];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#isInString) {
        if (c === BACKSLASH) this.#isEscaped = true;
        else if (c === QUOTE) {
          this.#isInString = false;
          if (this.#depth === 0) return this.#endValue(piece, start, at + 1);
        }
      } else if (c === QUOTE) this.#isInString = true;
      else if (c === OPEN_OBJECT || c === OPEN_LIST) this.#depth++;
      else if (c === CLOSE_OBJECT || c === CLOSE_LIST) {
        if (this.#depth <= 1) return this.#endValue(piece, start, this.#depth === 1 ? at + 1 : at);
        this.#depth--;
      } else if (c === COMMA && this.#isBare) return this.#endValue(piece, start, at);
    }
    this.#hold(piece.subarray(start), MAX_VALUE_BYTES);
    return at;
  }

  #endValue(piece: Uint8Array, start: number, end: number): number {
    this.#hold(piece.subarray(start, end), MAX_VALUE_BYTES);
    const isKey = this.#state === 'in key';
    this.#state = isKey ? 'colon' : 'after value';
    if (this.#skips) return end;
    const text = this.#release();
    // A value of its level's depth may be nested as deep as is left.
    const value = parseStrictJson(text, this.#what, text.length, MAX_DEPTH - this.#levels.length);
    if (isKey) this.#takeKey(value);
    else this.#taker.value((this.#levels.at(-1) as Level).inside, this.#key, value);
    return end;
  }

  #takeKey(key: Json): void {
    const { keys } = this.#levels.at(-1) as Level;
    if (typeof key !== 'string') throw this.#notJson();
    if (keys.has(key)) throw new MalformedError(`${this.#what} has the key ${JSON.stringify(key.slice(0, 100))} twice`);
    keys.add(key);
    this.#key = key;
  }

  /** Elements up to the last comma of a piece, or to the end of the list. */
  #list(piece: Uint8Array, begin: number): number {
    const isWithin = this.#heldBytes > 0 || this.#depth > 0 || this.#isInString;
    const start = isWithin ? begin : this.#plain(piece, begin);
    // What comes after an element that was cut may be taken faster.
    const isOne = isWithin && this.#taker.plain !== undefined;
    let [cut, at] = [-1, start];
    let [depth, isInString] = [this.#depth, this.#isInString];
    if (this.#isEscaped) at++;
    this.#isEscaped = false;
    for (; at < piece.length; at++) {
      const c = piece[at];
      if (isInString) {
        if (c === QUOTE) isInString = false;
        else if (c === BACKSLASH) at++;
      } else if (c === QUOTE) isInString = true;
      else if (c === OPEN_OBJECT || c === OPEN_LIST) depth++;
      else if (c === CLOSE_OBJECT || c === CLOSE_LIST) {
        if (depth === 0) {
          this.#takeElements(piece.subarray(start, at), true);
          if (c !== CLOSE_LIST) throw this.#notJson();
          this.#state = 'after value';
          return at + 1;
        }
        depth--;
      } else if (c === COMMA && depth === 0) {
        cut = at;
        if (isOne) break;
      }
    }
    this.#isEscaped = at > piece.length;
    this.#depth = depth;
    this.#isInString = isInString;
    if (cut >= 0) this.#takeElements(piece.subarray(start, cut), false);
    if (cut >= 0 && isOne) return cut + 1;
    this.#hold(piece.subarray(cut < 0 ? start : cut + 1), MAX_ELEMENT_BYTES);
    return piece.length;
  }

  #plain(piece: Uint8Array, start: number): number {
    if (!this.#hasElements || this.#taker.plain === undefined) return start;
    return this.#taker.plain((this.#levels.at(-1) as Level).inside, this.#key, piece, start);
  }

  #takeElements(last: Uint8Array, isEnd: boolean): void {
    const text = Buffer.concat([Buffer.from('['), ...this.#held, last, Buffer.from(']')]);
    this.#release();
    const elements = parseStrictJson(text, this.#what, text.length, MAX_DEPTH - this.#levels.length);
    if (!Array.isArray(elements)) throw this.#notJson();
    // Nothing before a comma, or after one, is no element.
    if (elements.length === 0 && !(isEnd && !this.#hasElements)) throw this.#notJson();
    this.#hasElements = true;
    this.#taker.elements((this.#levels.at(-1) as Level).inside, this.#key, elements as readonly Json[]);
  }

  #hold(bytes: Uint8Array, most: number): void {
    if (this.#skips) return;
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > most) throw new MalformedError(`${this.#what} has a value of more than ${most} bytes`);
    // What is not held at once is another's memory by then.
    if (bytes.length > 0) this.#held.push(Buffer.from(bytes));
  }

  #release(): Buffer {
    const bytes = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }

  #notJson(): MalformedError {
    return new MalformedError(`${this.#what} is not JSON`);
  }
}
