import { isUtf8 } from 'node:buffer';
import type { Json } from './strict-json.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What JSON allows in a text as it is begins here. */
const FIRST_LETTER = 0x20;

const KEYS = ['name', 'algorithm', 'digest'] as const;

/**
 * Takes the name of a file, and its digest in as many bytes of hex as that of the others.
 *
 * @returns false where it is not to be taken so
 */
export type TakePlain = (bytes: Uint8Array, nameStart: number, nameEnd: number, digestStart: number) => boolean;

/**
 * Reads files off a list of which the first is known, as long as they are written like it: objects
 * of the same keys in the same order, of the same algorithm, and no letter of them escaped. That is
 * a fifth of the time that a parser of all JSON takes, and makes no object. What is written in any
 * other way is left to that parser, which says what is wrong with it, if anything is.
 */
export class PlainElements {
  readonly #order: readonly (typeof KEYS)[number][];
  readonly #keys: readonly Buffer[];
  readonly #algorithm: Buffer;
  readonly #digits: number;

  private constructor(order: readonly (typeof KEYS)[number][], algorithm: string, digits: number) {
    this.#order = order;
    this.#keys = order.map((key) => Buffer.from(`"${key}"`));
    this.#algorithm = Buffer.from(`"${algorithm}"`);
    this.#digits = digits;
  }

  /** @returns undefined where nothing else is written like this one */
  static like(element: Json | undefined): PlainElements | undefined {
    if (typeof element !== 'object' || element === null) return undefined;
    const { algorithm, digest } = element as { readonly [key: string]: Json };
    const order = Object.keys(element) as (typeof KEYS)[number][];
    if (order.length !== KEYS.length || !KEYS.every((key) => order.includes(key))) return undefined;
    if (typeof algorithm !== 'string' || typeof digest !== 'string' || !/^[\w-]+$/.test(algorithm)) return undefined;
    return new PlainElements(order, algorithm, digest.length);
  }

  /**
   * @param start - where an element begins
   * @returns where the first begins that was not taken: behind a comma
   */
  take(bytes: Uint8Array, start: number, taker: TakePlain): number {
    // A comma is one byte in UTF-8, and begins no other letter.
    const last = bytes.lastIndexOf(COMMA);
    if (last < start || !isUtf8(bytes.subarray(start, last))) return start;
    for (let at = start; ; ) {
      const next = this.#one(bytes, at, taker);
      if (next < 0) return at;
      at = next;
    }
  }

  /** @returns what is behind the comma after it; -1 where it is not taken */
  #one(bytes: Uint8Array, start: number, taker: TakePlain): number {
    let at = afterBlanks(bytes, start);
    let [nameStart, nameEnd, digestStart] = [0, 0, 0];
    for (let i = 0; i < KEYS.length; i++) {
      if (bytes[at] !== (i === 0 ? OPEN_OBJECT : COMMA)) return -1;
      at = after(bytes, afterBlanks(bytes, at + 1), this.#keys[i] as Buffer);
      if (at < 0) return -1;
      at = afterBlanks(bytes, at);
      if (bytes[at] !== COLON) return -1;
      at = afterBlanks(bytes, at + 1);
      const key = this.#order[i];
      if (key === 'algorithm') {
        at = after(bytes, at, this.#algorithm);
        if (at < 0) return -1;
      } else {
        if (bytes[at] !== QUOTE) return -1;
        const end = endOfPlain(bytes, at + 1);
        if (end < 0) return -1;
        if (key === 'name') [nameStart, nameEnd] = [at + 1, end];
        else if (end - at - 1 === this.#digits) digestStart = at + 1;
        else return -1;
        at = end + 1;
      }
      at = afterBlanks(bytes, at);
    }
    if (bytes[at] !== CLOSE_OBJECT) return -1;
    at = afterBlanks(bytes, at + 1);
    return bytes[at] === COMMA && taker(bytes, nameStart, nameEnd, digestStart) ? at + 1 : -1;
  }
}

function afterBlanks(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let c = bytes[at]; c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; c = bytes[at]) at++;
  return at;
}

/** @returns -1 where something else stands there */
function after(bytes: Uint8Array, start: number, expected: Buffer): number {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return -1;
  return start + expected.length;
}

/** Where the quote is that ends a text; -1 where it has an escape, or what JSON wants escaped. */
function endOfPlain(bytes: Uint8Array, start: number): number {
  for (let at = start; ; at++) {
    const c = bytes[at];
    if (c === QUOTE) return at;
    if (c === undefined || c < FIRST_LETTER || c === BACKSLASH) return -1;
  }
}
