// Small files of the formats of src/content, well made or not.
import { crc32, deflateRawSync } from 'node:zlib';

export interface TensorSpec {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly number[];
}

/** A safetensors file with any header. */
export function safetensors(header: string | object, data: Buffer = Buffer.alloc(0), length?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([size, text, data]);
}

export const F32_PAIR = {
  a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
  b: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
};

export const soundSafetensors = (): Buffer => safetensors(F32_PAIR, Buffer.alloc(12));

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
export const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly (number | bigint)[];
  readonly type: number;
  readonly offset: number | bigint;
}

/** A GGUF file: keys are written as they come, with the number of their type and their bytes. */
export function gguf({
  version = 3,
  keys = [],
  tensors = [],
  data = Buffer.alloc(0),
  alignment = 32,
  counts,
}: {
  readonly version?: number;
  readonly keys?: readonly (readonly [key: string, type: number, value: Buffer])[];
  readonly tensors?: readonly GgufTensor[];
  readonly data?: Buffer;
  readonly alignment?: number;
  readonly counts?: readonly [tensors: bigint, keys: bigint];
} = {}): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(counts?.[0] ?? tensors.length),
    u64(counts?.[1] ?? keys.length),
    ...keys.flatMap(([key, type, value]) => [text(key), u32(type), value]),
    ...tensors.flatMap(({ name, shape, type, offset }) => [
      text(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(type),
      u64(offset),
    ]),
  ]);
  const padding = data.length === 0 ? 0 : (alignment - (head.length % alignment)) % alignment;
  return Buffer.concat([head, Buffer.alloc(padding), data]);
}

/** A zip of stored or deflated members. */
export function zip(members: Readonly<Record<string, Buffer | string>>, deflate = false): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(members)) {
    const bytes = Buffer.from(content);
    const packed = deflate ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), common, rest, Buffer.from(name)]));
    locals.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}

export function npy(descr: string, shape: string, data: Buffer): Buffer {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117, ' ');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length + 1);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(`${header}\n`), data]);
}

export type Field = readonly [field: number, value: number | Buffer | string];

/** A message of protocol buffers out of fields: a number, or bytes. */
export function message(...fields: Field[]): Buffer {
  return Buffer.concat(
    fields.map(([field, value]) => {
      if (typeof value === 'number') return Buffer.concat([varint(field << 3), varint(value)]);
      const bytes = Buffer.from(value);
      return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 0x80);
  }
}

/** An ONNX model of one node and one initializer. */
export function onnx({ domain = '', location }: { readonly domain?: string; readonly location?: string } = {}): Buffer {
  const tensor =
    location === undefined
      ? message([1, 2], [2, 1], [8, 'w'], [9, Buffer.alloc(8)])
      : message([1, 2], [2, 1], [8, 'w'], [13, message([1, 'location'], [2, location])], [14, 1]);
  const node = message([1, 'w'], [2, 'y'], [4, 'Identity'], ...(domain === '' ? [] : ([[7, domain]] as const)));
  return message(
    [1, 8],
    [2, 'test'],
    [7, message([1, node], [2, 'g'], [5, tensor])],
    [8, message([1, domain], [2, 17])],
  );
}
