/** Deepest nesting; real statements and bundles have about ten levels (S12). */
export const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/**
 * Looks at the brackets, commas and keys of text that may be JSON, before a parser makes objects of
 * it.
 *
 * @returns what is wrong with it, or nothing; whether it is JSON is for the parser to say
 */
export function faultInStructure(bytes: Uint8Array, mostValues: number, mostDepth = MAX_DEPTH): string | undefined {
  // One set of keys for each open object, undefined for each open array.
  const open: (Set<string> | undefined)[] = [];
  let values = 1;
  let isKey = false;
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i];
    if (c === QUOTE) {
      const end = endOfString(bytes, i);
      if (isKey) {
        const keys = open.at(-1);
        const key = keyText(bytes, i, end);
        if (keys === undefined || key === undefined) return 'is not JSON';
        if (keys.has(key)) return `has the key ${JSON.stringify(key.slice(0, 100))} twice`;
        keys.add(key);
      }
      isKey = false;
      i = end;
    } else if (c === COMMA) {
      if (++values > mostValues) return tooMany(mostValues);
      isKey = open.at(-1) !== undefined;
    } else if (c === 0x7b || c === 0x5b) {
      if (open.length === mostDepth) return `is nested more than ${mostDepth} levels deep`;
      if (++values > mostValues) return tooMany(mostValues);
      isKey = c === 0x7b;
      open.push(isKey ? new Set() : undefined);
    } else if (c === 0x7d || c === 0x5d) {
      open.pop();
      isKey = false;
    }
  }
  return undefined;
}

/**
 * Index after the first value of a text that begins with a bracket; the text's length where that
 * does not end.
 */
export function endOfValue(bytes: Uint8Array, start: number): number {
  let depth = 0;
  for (let i = start; i < bytes.length; i++) {
    const c = bytes[i];
    if (c === QUOTE) i = endOfString(bytes, i);
    else if (c === 0x7b || c === 0x5b) depth += 1;
    else if ((c === 0x7d || c === 0x5d) && --depth <= 0) return i + 1;
  }
  return bytes.length;
}

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** A key as a parser would read it: it may be written in many ways. */
function keyText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const text = textOf(bytes, start + 1, Math.min(end, bytes.length));
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

function tooMany(most: number): string {
  return `has more than ${most} values`;
}
