import { isUtf8 } from 'node:buffer';

/** Deepest nesting; real statements and bundles have about ten levels (S12). */
const MAX_DEPTH = 64;

/** Why a document is refused. Whoever parses it says in which file. */
export class MalformedError extends Error {}

/** Parsed JSON, nothing of which is known yet. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * Parses JSON that a signature may cover, so that no other reader can take it for something else: UTF-8, no key twice
 * (S35), no endless nesting (S12).
 *
 * @throws MalformedError
 */
export function parseStrictJson(bytes: Uint8Array, what: string): Json {
  if (!isUtf8(bytes)) throw new MalformedError(`${what} is not UTF-8`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  checkDepth(text, what);
  try {
    const keys = new DuplicateFinder(text);
    const value = JSON.parse(text) as Json;
    keys.check();
    return value;
  } catch (error) {
    if (error instanceof MalformedError) throw new MalformedError(`${what} ${error.message}`);
    throw new MalformedError(`${what} is not JSON`);
  }
}

/** Looks at brackets only, before a recursive parser sees the text. */
function checkDepth(text: string, what: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) i = endOfString(text, i);
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > MAX_DEPTH) throw new MalformedError(`${what} is nested more than ${MAX_DEPTH} levels deep`);
    } else if (c === 0x5d || c === 0x7d) depth -= 1;
  }
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

/** Finds a key that an object has twice, in text that is known to be JSON. */
class DuplicateFinder {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  check(): void {
    const text = this.#text;
    // One set of keys for each open object, undefined for each open array.
    const open: (Set<string> | undefined)[] = [];
    let isKey = false;
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (c === '{') {
        open.push(new Set());
        isKey = true;
      } else if (c === '[') {
        open.push(undefined);
        isKey = false;
      } else if (c === '}' || c === ']') {
        open.pop();
        isKey = false;
      } else if (c === ',') isKey = open.at(-1) !== undefined;
      else if (c === '"') {
        const end = endOfString(text, i);
        if (isKey) addKey(open.at(-1), JSON.parse(text.slice(i, end + 1)) as string);
        isKey = false;
        i = end;
      }
    }
  }
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (keys === undefined) return;
  if (keys.has(key)) throw new MalformedError(`has the key ${JSON.stringify(key.slice(0, 100))} twice`);
  keys.add(key);
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

export function decodeBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new MalformedError(`${what} is not base64`);
  return bytes;
}
