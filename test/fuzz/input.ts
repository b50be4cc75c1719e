import { readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';

/** A file that another tool made. */
export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
}

/** What is done to a valid input. Places are fractions of its length, so that they shrink well. */
type Edit =
  | { readonly kind: 'set' | 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'copy'; readonly at: number; readonly from: number; readonly length: number };

/** Bytes that mean something in one of the formats. */
const TELLING = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '\\',
  '\n',
  '\r',
  '/',
  '..',
  '-',
  '0',
  '9'.repeat(20),
  'null',
  '=',
  '\0',
];

const at = fc.double({ min: 0, max: 1, noNaN: true });
const piece = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc.constantFrom(...TELLING.map((text) => new Uint8Array(Buffer.from(text)))),
);
const edit: Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constantFrom('set' as const, 'insert' as const), at, bytes: piece }),
  fc.record({
    kind: fc.constantFrom('remove' as const, 'repeat' as const),
    at,
    length: fc.integer({ min: 1, max: 64 }),
  }),
  fc.record({ kind: fc.constant('copy' as const), at, from: at, length: fc.integer({ min: 1, max: 64 }) }),
);

/** Valid inputs that were damaged in a few places. */
export function damaged(valid: readonly Uint8Array[]): Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(edit, { maxLength: 6 }))
    .map(([bytes, edits]) => edits.reduce(apply, new Uint8Array(bytes)));
}

function apply(bytes: Uint8Array, change: Edit): Uint8Array {
  const place = Math.floor(change.at * bytes.length);
  const head = bytes.subarray(0, place);
  switch (change.kind) {
    case 'set':
      return Buffer.concat([head, change.bytes, bytes.subarray(place + change.bytes.length)]);
    case 'insert':
      return Buffer.concat([head, change.bytes, bytes.subarray(place)]);
    case 'remove':
      return Buffer.concat([head, bytes.subarray(place + change.length)]);
    case 'repeat':
      return Buffer.concat([
        head,
        ...Array(4).fill(bytes.subarray(place, place + change.length)),
        bytes.subarray(place),
      ]);
    case 'copy': {
      const from = Math.floor(change.from * bytes.length);
      return Buffer.concat([head, bytes.subarray(from, from + change.length), bytes.subarray(place)]);
    }
  }
}

/**
 * A JSON value in the place of another one; it is copied, as the lists and objects here are the
 * same each time.
 */
const strange = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, 0.5, 2 ** 53, '', '__proto__', [], {}, [[]], 'a'.repeat(5000)),
  fc.string({ maxLength: 8 }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Documents like the valid ones, with other values at some places, and keys left out or added. */
export function reshaped(valid: readonly unknown[]): Arbitrary<Uint8Array> {
  return fc
    .tuple(
      fc.constantFrom(...valid),
      fc.array(fc.tuple(fc.nat(1000), fc.constantFrom('set', 'drop', 'add', 'twice'), strange), { maxLength: 3 }),
    )
    .map(([document, changes]) => {
      const copy = structuredClone(document);
      for (const [which, how, value] of changes) reshape(copy, which, how, value);
      return Buffer.from(JSON.stringify(copy) ?? 'null');
    });
}

function reshape(document: unknown, which: number, how: string, value: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      places.push([node as Record<string, unknown>, key]);
      collect(child);
    }
  };
  collect(document);
  const [node, key] = places[which % Math.max(1, places.length)] ?? [{}, ''];
  if (how === 'set') node[key] = structuredClone(value);
  else if (how === 'add') node[`${key}x`] = structuredClone(value);
  else if (how === 'twice' && Array.isArray(node)) node.push(structuredClone(node[Number(key)]));
  else if (Array.isArray(node)) node.splice(Number(key), 1);
  else delete node[key];
}

/** Text as bytes. */
export function bytesOf(text: Arbitrary<string>): Arbitrary<Uint8Array> {
  return text.map((one) => new Uint8Array(Buffer.from(one)));
}

/** Bytes with no sense at all. */
export const noise: Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 256 });
