const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** What of a list stands between two items. */
const BETWEEN = Buffer.from('},');

/** Objects of the API server's own kinds begin so, and end their metadata with who wrote what. */
const METADATA = Buffer.from('{"metadata":{');
const MANAGED = Buffer.from('"managedFields":[');
const BEHIND_METADATA = Buffer.from('},"spec":');
const CLOSE_LIST = 0x5d;

/**
 * Beginnings of an object inside of an item look like the next item; of more than these few it is
 * not looked for any longer, so that nobody's object takes time by the square of its length.
 */
const MAX_TRIES = 3;

/**
 * Finds where an item of a list ends by how the next one begins: all items of a list begin with the
 * same key. Between quotation marks no such text can stand, since a quotation mark in a text has a
 * backslash before it; and where the bytes up to there are one whole object of JSON, they are the
 * item, since no object is the beginning of another one.
 */
export class ItemEnds {
  /** The end of an item, and the beginning of the next one; empty until an item was seen. */
  #border: Buffer = Buffer.alloc(0);
  #tries = 0;
  /** Up to here nothing was found for the item that is looked for. */
  #searched = 0;

  /**
   * @param start - where the item begins
   * @returns the item without its managed fields, and the place behind it; undefined while, or
   * where, that cannot be told
   */
  next(bytes: Buffer, start: number): { readonly item: Record<string, unknown>; readonly end: number } | undefined {
    if (this.#border.length === 0) this.#border = borderOf(bytes, start);
    if (this.#border.length === 0) return undefined;
    while (this.#tries < MAX_TRIES) {
      const at = bytes.indexOf(this.#border, Math.max(start, this.#searched));
      if (at < 0) {
        this.#searched = Math.max(start, bytes.length - this.#border.length);
        return undefined;
      }
      const item = itemIn(bytes, start, at + 1);
      this.#searched = at + 1;
      if (item !== undefined) {
        this.#tries = 0;
        return { item, end: at + 1 };
      }
      this.#tries += 1;
    }
    this.#tries = 0;
    return undefined;
  }

  /** So many bytes in front are gone. */
  shift(used: number): void {
    this.#searched = Math.max(0, this.#searched - used);
  }
}

/** Empty for an item without a key, or whose key is not all there yet. */
function borderOf(bytes: Buffer, start: number): Buffer {
  const end = bytes[start + 1] === QUOTE ? bytes.indexOf(QUOTE, start + 2) : -1;
  const key = bytes.subarray(start, end + 2);
  const isKey = end > 0 && key.at(-1) === COLON && !key.includes(BACKSLASH);
  return isKey ? Buffer.concat([BETWEEN, key]) : Buffer.alloc(0);
}

function itemIn(bytes: Buffer, start: number, end: number): Record<string, unknown> | undefined {
  const without = withoutManaged(bytes, start, end);
  const item = (without === undefined ? undefined : parsed(without)) ?? parsed(bytes.toString('utf8', start, end));
  const metadata = item?.['metadata'] as { managedFields?: unknown } | null | undefined;
  if (Array.isArray(metadata?.managedFields)) metadata.managedFields = [];
  return item;
}

/** The text of an item without its managed fields: they are half of it, and need not be parsed. */
function withoutManaged(bytes: Buffer, start: number, end: number): string | undefined {
  const item = bytes.subarray(start, end);
  if (!item.subarray(0, METADATA.length).equals(METADATA)) return undefined;
  const to = item.indexOf(BEHIND_METADATA) - 1;
  const from = item.indexOf(MANAGED) + MANAGED.length;
  if (item[to] !== CLOSE_LIST || from < MANAGED.length) return undefined;
  return item.toString('utf8', 0, from) + item.toString('utf8', to);
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
