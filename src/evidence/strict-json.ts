import { isUtf8 } from 'node:buffer';
import { faultInStructure, MAX_DEPTH, textOf } from '../json-structure.ts';

export { MAX_DEPTH };

/**
 * Values in a bundle with 32 log entries of 64 hashes, 32 timestamps and 16 certificates: 3000, and
 * some reserve.
 */
const MOST_VALUES = 20_000;

/** Why a document is refused. Whoever parses it says in which file. */
export class MalformedError extends Error {}

/** Parsed JSON, nothing of which is known yet. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * Parses JSON that a signature may cover, so that no other reader can take it for something else:
 * UTF-8, no key twice (S35), no endless nesting (S12), and no more values than somebody who is
 * honest writes.
 *
 * @param mostValues - counted before anything is made of the text: a list of numbers takes twenty
 * times its bytes
 * @throws MalformedError
 */
export function parseStrictJson(
  bytes: Uint8Array,
  what: string,
  mostValues = MOST_VALUES,
  mostDepth = MAX_DEPTH,
): Json {
  if (!isUtf8(bytes)) throw new MalformedError(`${what} is not UTF-8`);
  const fault = faultInStructure(bytes, mostValues, mostDepth);
  if (fault !== undefined) throw new MalformedError(`${what} ${fault}`);
  try {
    return JSON.parse(textOf(bytes, 0, bytes.length)) as Json;
  } catch {
    throw new MalformedError(`${what} is not JSON`);
  }
}

/** Reads fields of an object whose shape is not known, and says which one is wrong. */
export class Fields {
  readonly #object: JsonObject;
  readonly #what: string;

  constructor(value: Json | undefined, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new MalformedError(`${what} is not an object`);
    this.#object = value as JsonObject;
    this.#what = what;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#object, key) && this.#object[key] !== null;
  }

  get keys(): string[] {
    return Object.keys(this.#object);
  }

  /** @throws MalformedError for a key that is none of these */
  only(keys: readonly string[]): this {
    const unknown = this.keys.find((key) => !keys.includes(key));
    if (unknown === undefined) return this;
    throw new MalformedError(`${this.#what} has the unknown key ${JSON.stringify(unknown.slice(0, 100))}`);
  }

  get value(): JsonObject {
    return this.#object;
  }

  get(key: string): Json | undefined {
    return this.has(key) ? this.#object[key] : undefined;
  }

  text(key: string): string {
    const value = this.get(key);
    if (typeof value !== 'string') throw this.#wrong(key, 'text');
    return value;
  }

  optionalText(key: string): string | undefined {
    return this.has(key) ? this.text(key) : undefined;
  }

  flag(key: string): boolean {
    const value = this.get(key);
    if (typeof value !== 'boolean') throw this.#wrong(key, 'true or false');
    return value;
  }

  /** Standard base64 with its padding and nothing else (S35). */
  base64(key: string): Buffer {
    return decodeBase64(this.text(key), `${this.#what}.${key}`);
  }

  object(key: string): Fields {
    return new Fields(this.get(key), `${this.#what}.${key}`);
  }

  /** @param most - most elements (S12) */
  list(key: string, most: number): readonly Json[] {
    const value = this.get(key);
    if (!Array.isArray(value)) throw this.#wrong(key, 'a list');
    if (value.length > most) throw new MalformedError(`${this.#what}.${key} has more than ${most} elements`);
    return value as readonly Json[];
  }

  objects(key: string, most: number): Fields[] {
    return this.list(key, most).map((value, i) => new Fields(value, `${this.#what}.${key}[${i}]`));
  }

  #wrong(key: string, what: string): MalformedError {
    return new MalformedError(`${this.#what}.${key} is not ${what}`);
  }
}

/**
 * Bytes that are compared at a time: a multiple of three, so that no piece ends within a quantum.
 */
const BASE64_PIECE = 3 << 18;

export function decodeBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  let same = text.length === 4 * Math.ceil(bytes.length / 3);
  // In pieces: a second copy of fifty megabytes would only be made to be thrown away.
  for (let at = 0; same && at < bytes.length; at += BASE64_PIECE) {
    const piece = bytes.toString('base64', at, Math.min(bytes.length, at + BASE64_PIECE));
    same = text.startsWith(piece, (at / 3) * 4);
  }
  if (!same) throw new MalformedError(`${what} is not base64`);
  return bytes;
}
