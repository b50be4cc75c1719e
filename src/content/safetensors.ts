import { isUtf8 } from 'node:buffer';
import { faultInStructure } from '../json-structure.ts';
import { Cursor, type Span, Unsound } from './cursor.ts';
import { type Facts, shown } from './format.ts';

/** As the reference implementation has it (safetensors, `MAX_HEADER_SIZE`). */
export const MAX_HEADER_BYTES = 100_000_000;

const BRACE = 0x7b;

/**
 * A tensor has some eight values in its header: so many are more than 250,000 tensors, and some 200
 * MB while they are read.
 */
const MOST_VALUES = 1 << 21;

/** Bits of one element. */
const TYPES: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

/**
 * True for what can be nothing else: a length, and a header that begins with a brace.
 *
 * @param head - 9 bytes or more
 */
export function isSafetensors(head: Buffer): boolean {
  // A length of so many digits is no text.
  return head.length > 8 && head[8] === BRACE && (head[7] ?? 0x20) !== 0x20 && hasZero(head.subarray(0, 8));
}

function hasZero(bytes: Buffer): boolean {
  return bytes.includes(0);
}

/**
 * Reads the header of a safetensors file: everything that the reference implementation checks, and
 * that no key is there twice.
 *
 * @param head - the beginning of the file
 * @param size - bytes of all of it
 * @throws Unsound what is wrong, NeedsMore when the header is longer than `head`
 */
export function readSafetensors(head: Buffer, size: number): Facts {
  const cursor = new Cursor(head, size);
  const declared = cursor.take(8, 'the length of the header').readBigUInt64LE();
  if (declared > BigInt(MAX_HEADER_BYTES))
    throw new Unsound(`the header is ${declared} bytes long, more than ${MAX_HEADER_BYTES}`);
  const header = cursor.take(Number(declared), 'the header');
  const dataBytes = size - cursor.at;
  const tensors = tensorsOf(parse(header));
  let parameters = 0;
  const types: Record<string, number> = {};
  const spans: Span[] = [];
  for (const [name, value] of tensors) {
    const { dtype, elements, span } = tensorOf(name, value);
    parameters += elements;
    types[dtype] = (types[dtype] ?? 0) + 1;
    spans.push(span);
  }
  checkSpans(spans, dataBytes);
  return { parameters, tensors: spans.length, types };
}

function parse(header: Buffer): Record<string, unknown> {
  if (header[0] !== BRACE) throw new Unsound('the header does not begin with a brace');
  if (!isUtf8(header)) throw new Unsound('the header is not UTF-8');
  const fault = faultInStructure(header, MOST_VALUES, 8);
  if (fault !== undefined) throw new Unsound(`the header ${fault}`);
  const text = header.toString('utf8');
  // Writers pad with spaces, and a parser of JSON would let other white space pass.
  if (!text.trimEnd().endsWith('}') || /[^ ]/.test(text.slice(text.lastIndexOf('}') + 1)))
    throw new Unsound('the header does not end with a brace and spaces');
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Unsound('the header is not JSON');
  }
}

function tensorsOf(header: Record<string, unknown>): [string, unknown][] {
  return Object.entries(header).filter(([name, value]) => {
    if (name !== '__metadata__') return true;
    const isText = isObject(value) && Object.values(value).every((one) => typeof one === 'string');
    if (!isText) throw new Unsound('__metadata__ is not an object of texts');
    return false;
  });
}

function tensorOf(name: string, value: unknown): { dtype: string; elements: number; span: Span } {
  const what = `the tensor ${shown(name)}`;
  if (!isObject(value)) throw new Unsound(`${what} is not an object`);
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Unsound(`${what} has the unknown key ${shown(other)}`);
  if (typeof dtype !== 'string' || !Object.hasOwn(TYPES, dtype))
    throw new Unsound(`${what} has the unknown type ${shown(String(dtype))}`);
  if (!isCounts(shape)) throw new Unsound(`${what} has a shape that is not a list of counts`);
  if (!isCounts(offsets) || offsets.length !== 2) throw new Unsound(`${what} has no two offsets`);
  const elements = product(shape, what);
  const bits = elements * (TYPES[dtype] ?? 0);
  if (!Number.isSafeInteger(bits)) throw new Unsound(`${what} has ${elements} elements`);
  const [start = 0, end = 0] = offsets;
  if (bits % 8 !== 0) throw new Unsound(`${what} does not end at a byte`);
  if (end - start !== bits / 8)
    throw new Unsound(`${what} has ${end - start} bytes, and ${bits / 8} by its type and shape`);
  return { dtype, elements, span: { name, start, end } };
}

/** @throws Unsound for more than a file can have */
export function product(shape: readonly number[], what: string): number {
  let elements = 1;
  for (const one of shape) elements *= one;
  // Zero times infinity.
  if (!Number.isSafeInteger(elements)) throw new Unsound(`${what} has more elements than any file`);
  return elements;
}

/** Tensors that follow one another to the end, without overlap or hole. */
function checkSpans(spans: Span[], dataBytes: number): void {
  spans.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  for (const { name, start, end } of spans) {
    if (end > dataBytes)
      throw new Unsound(`the tensor ${shown(name)} ends at ${end}, and there are ${dataBytes} bytes`);
    if (start < at) throw new Unsound(`the tensor ${shown(name)} overlaps another one`);
    if (start > at) throw new Unsound(`a hole of ${start - at} bytes before the tensor ${shown(name)}`);
    at = end;
  }
  if (at < dataBytes) throw new Unsound(`${dataBytes - at} bytes behind the last tensor belong to none`);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && (one as number) >= 0);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
