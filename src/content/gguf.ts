import { Cursor, type Span, Unsound } from './cursor.ts';
import { type Facts, type Finding, shown } from './format.ts';
import { templateFinding } from './jinja.ts';

/** More than any model has; llama.cpp takes what memory allows. */
const MOST_TENSORS = 1 << 18;
const MOST_KEYS = 1 << 16;
/** Tokens of a vocabulary, their merges: the largest have some hundred thousand. */
const MOST_ELEMENTS = 1 << 24;
const MOST_KEY_BYTES = 65_535;
/** ggml's `GGML_MAX_NAME`, with its zero. */
const MOST_NAME_BYTES = 63;
const MOST_DIMENSIONS = 4;
const MOST_STRING_BYTES = 1 << 24;

/**
 * Bytes of the values of metadata, by the number of their type; strings and arrays are read by
 * themselves.
 */
const VALUE_BYTES: readonly number[] = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** ggml's types: name, elements of a block, bytes of a block. */
const TENSOR_TYPES: Readonly<Record<number, readonly [name: string, elements: number, bytes: number]>> = {
  0: ['F32', 1, 4],
  1: ['F16', 1, 2],
  2: ['Q4_0', 32, 18],
  3: ['Q4_1', 32, 20],
  6: ['Q5_0', 32, 22],
  7: ['Q5_1', 32, 24],
  8: ['Q8_0', 32, 34],
  10: ['Q2_K', 256, 84],
  11: ['Q3_K', 256, 110],
  12: ['Q4_K', 256, 144],
  13: ['Q5_K', 256, 176],
  14: ['Q6_K', 256, 210],
  15: ['Q8_K', 256, 292],
  16: ['IQ2_XXS', 256, 66],
  17: ['IQ2_XS', 256, 74],
  18: ['IQ3_XXS', 256, 98],
  19: ['IQ1_S', 256, 50],
  20: ['IQ4_NL', 32, 18],
  21: ['IQ3_S', 256, 110],
  22: ['IQ2_S', 256, 82],
  23: ['IQ4_XS', 256, 136],
  24: ['I8', 1, 1],
  25: ['I16', 1, 2],
  26: ['I32', 1, 4],
  27: ['I64', 1, 8],
  28: ['F64', 1, 8],
  29: ['IQ1_M', 256, 56],
  30: ['BF16', 1, 2],
  34: ['TQ1_0', 256, 54],
  35: ['TQ2_0', 256, 66],
  39: ['MXFP4', 32, 17],
};

export function isGguf(head: Buffer): boolean {
  return head.length >= 4 && head.toString('latin1', 0, 4) === 'GGUF';
}

/** @throws Unsound what is wrong, NeedsMore when the metadata is longer than `head` */
export function readGguf(head: Buffer, size: number): { readonly facts: Facts; readonly findings: readonly Finding[] } {
  const cursor = new Cursor(head, size, 4);
  checkVersion(cursor.u32('the version'));
  const tensorCount = cursor.u64('the number of tensors');
  const keyCount = cursor.u64('the number of keys');
  if (tensorCount > MOST_TENSORS) throw new Unsound(`it has ${tensorCount} tensors, more than ${MOST_TENSORS}`);
  if (keyCount > MOST_KEYS) throw new Unsound(`it has ${keyCount} keys, more than ${MOST_KEYS}`);
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < keyCount; i++) {
    const key = string(cursor, 'a key', MOST_KEY_BYTES);
    if (metadata.has(key)) throw new Unsound(`it has the key ${shown(key)} twice`);
    metadata.set(key, value(cursor, cursor.u32('the type of a value'), key));
  }
  const alignment = alignmentOf(metadata.get('general.alignment'));
  const found = tensors(cursor, tensorCount, alignment);
  const start = pad(cursor.at, alignment);
  checkSpans(found.spans, size - start, alignment);
  return {
    facts: { ...found.facts, ...factsOf(metadata) },
    findings: [...metadata].flatMap(([key, text]) =>
      key.startsWith('tokenizer.chat_template') && typeof text === 'string' ? templateFinding(text) : [],
    ),
  };
}

function checkVersion(version: number): void {
  if (version === 2 || version === 3) return;
  const isOther = version > 0 && (version & 0xffff) === 0;
  throw new Unsound(isOther ? 'it is big-endian' : `it is of version ${version}, and neither 2 nor 3`);
}

function string(cursor: Cursor, what: string, most = MOST_STRING_BYTES): string {
  const length = cursor.u64(`the length of ${what}`);
  if (length > most) throw new Unsound(`${what} is ${length} bytes long, more than ${most}`);
  return cursor.take(length, what).toString('utf8');
}

/** Values of arrays are passed over. */
function value(cursor: Cursor, type: number, key: string): unknown {
  const what = `the value of ${shown(key)}`;
  if (type === STRING) return string(cursor, what);
  if (type === ARRAY) return array(cursor, what);
  const bytes = VALUE_BYTES[type];
  if (bytes === undefined) throw new Unsound(`${what} has the unknown type ${type}`);
  const raw = cursor.take(bytes, what);
  if (type === BOOL && (raw[0] ?? 0) > 1) throw new Unsound(`${what} is neither true nor false`);
  if (type === 4) return raw.readUInt32LE();
  if (type === 5) return raw.readInt32LE();
  return type === 10 ? Number(raw.readBigUInt64LE()) : undefined;
}

function array(cursor: Cursor, what: string): undefined {
  const type = cursor.u32(`the type of ${what}`);
  const length = cursor.u64(`the number of elements of ${what}`);
  if (type === ARRAY) throw new Unsound(`${what} is an array of arrays`);
  if (length > MOST_ELEMENTS) throw new Unsound(`${what} has ${length} elements, more than ${MOST_ELEMENTS}`);
  const bytes = VALUE_BYTES[type];
  if (bytes === undefined) throw new Unsound(`${what} has elements of the unknown type ${type}`);
  if (type !== STRING) cursor.take(bytes * length, what);
  else
    for (let i = 0; i < length; i++) {
      const one = cursor.u64(`the length of an element of ${what}`);
      if (one > MOST_STRING_BYTES) throw new Unsound(`an element of ${what} is ${one} bytes long`);
      cursor.take(one, `an element of ${what}`);
    }
  return undefined;
}

function alignmentOf(value: unknown): number {
  if (value === undefined) return 32;
  const isPower = typeof value === 'number' && value >= 8 && value <= 1 << 16 && (value & (value - 1)) === 0;
  if (!isPower) throw new Unsound(`its alignment is ${String(value)}, not a power of two from 8 to 65536`);
  return value;
}

function tensors(cursor: Cursor, count: number, alignment: number): { spans: Span[]; facts: Facts } {
  const spans: Span[] = [];
  const names = new Set<string>();
  const types: Record<string, number> = {};
  let parameters = 0;
  for (let i = 0; i < count; i++) {
    const name = string(cursor, 'the name of a tensor', MOST_NAME_BYTES);
    const what = `the tensor ${shown(name)}`;
    if (names.has(name)) throw new Unsound(`${what} is there twice`);
    names.add(name);
    const dimensions = cursor.u32(`the dimensions of ${what}`);
    if (dimensions > MOST_DIMENSIONS) throw new Unsound(`${what} has ${dimensions} dimensions`);
    let elements = 1;
    let row = 1;
    for (let d = 0; d < dimensions; d++) {
      const length = cursor.u64(`a dimension of ${what}`);
      if (d === 0) row = length;
      elements *= length;
    }
    if (!Number.isSafeInteger(elements)) throw new Unsound(`${what} has more elements than any file`);
    const type = cursor.u32(`the type of ${what}`);
    const [typeName, block, bytes] = TENSOR_TYPES[type] ?? [];
    if (typeName === undefined || block === undefined || bytes === undefined)
      throw new Unsound(`${what} has the unknown type ${type}`);
    if (row % block !== 0) throw new Unsound(`${what} has rows of ${row} elements, and its type blocks of ${block}`);
    const start = cursor.u64(`the offset of ${what}`);
    if (start % alignment !== 0) throw new Unsound(`${what} lies at ${start}, not at a multiple of ${alignment}`);
    parameters += elements;
    types[typeName] = (types[typeName] ?? 0) + 1;
    spans.push({ name, start, end: start + (elements / block) * bytes });
  }
  return { spans, facts: { parameters, tensors: count, types } };
}

/** Tensors follow one another with nothing but padding between them. */
function checkSpans(spans: Span[], dataBytes: number, alignment: number): void {
  spans.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  let padded = 0;
  for (const { name, start, end } of spans) {
    if (start < at) throw new Unsound(`the tensor ${shown(name)} overlaps another one`);
    if (start > padded) throw new Unsound(`a hole of ${start - padded} bytes before the tensor ${shown(name)}`);
    if (end > dataBytes)
      throw new Unsound(`the tensor ${shown(name)} ends at ${end}, and there are ${dataBytes} bytes`);
    at = end;
    padded = pad(end, alignment);
  }
  // Without tensors a file may end with its metadata.
  if (dataBytes > padded) throw new Unsound(`${dataBytes - padded} bytes behind the last tensor belong to none`);
}

function pad(at: number, alignment: number): number {
  return Math.ceil(at / alignment) * alignment;
}

function factsOf(metadata: ReadonlyMap<string, unknown>): Facts {
  const text = (key: string) => {
    const found = metadata.get(key);
    return typeof found === 'string' ? found.slice(0, 200) : undefined;
  };
  const architecture = text('general.architecture');
  const contextLength = metadata.get(`${architecture}.context_length`);
  const [licence, name, tokenizer] = ['general.license', 'general.name', 'tokenizer.ggml.model'].map(text);
  return {
    ...(architecture === undefined ? {} : { architecture }),
    ...(licence === undefined ? {} : { licence }),
    ...(name === undefined ? {} : { name }),
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(typeof contextLength === 'number' ? { contextLength } : {}),
  };
}
