import { Unsound } from './cursor.ts';

export const MOST_ZIP_BYTES = 64 << 20;
const MOST_MEMBERS = 4096;
/** What all members may unpack to together. */
const MOST_UNPACKED_BYTES = 256 << 20;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8_NAME = 0x800;

/** A member, unpacked. */
export interface Member {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Reads a zip that every reader takes for the same: members one behind the other from the first
 * byte on, then the directory, which says of each what its own header says, then the end, without a
 * comment; stored or deflated, nothing encrypted, split or in ZIP64's larger numbers. Members come
 * one by one, so that one is unpacked at a time; they count for nothing before the last.
 *
 * @throws Unsound for anything else
 */
export function* readZip(bytes: Buffer): Generator<Member> {
  const end = bytes.length - 22;
  if (end < 0 || bytes.readUInt32LE(end) !== END) throw new Unsound('the zip does not end with its directory');
  const count = bytes.readUInt16LE(end + 10);
  const isSplit = bytes.readUInt32LE(end + 4) !== 0 || bytes.readUInt16LE(end + 8) !== count;
  const start = bytes.readUInt32LE(end + 16);
  if (isSplit || bytes.readUInt16LE(end + 20) !== 0 || start + bytes.readUInt32LE(end + 12) !== end)
    throw new Unsound('the end of the zip is not what is before it');
  if (count > MOST_MEMBERS) throw new Unsound(`the zip has ${count} members`);
  const names = new Set<string>();
  const room = { left: MOST_UNPACKED_BYTES };
  let [central, local] = [start, 0];
  for (let i = 0; i < count; i++) {
    if (central + 46 > end || bytes.readUInt32LE(central) !== CENTRAL)
      throw new Unsound('the directory of the zip ends');
    const nameBytes = bytes.readUInt16LE(central + 28);
    const next = central + 46 + nameBytes + bytes.readUInt16LE(central + 30) + bytes.readUInt16LE(central + 32);
    if (next > end) throw new Unsound('the directory of the zip goes beyond its end');
    if (bytes.readUInt32LE(central + 42) !== local || bytes.readUInt16LE(central + 34) !== 0)
      throw new Unsound('the members of the zip do not follow one another');
    const read = memberAt(bytes, local, central, start, room);
    if (names.has(read.name)) throw new Unsound('the zip has a member twice');
    names.add(read.name);
    yield read;
    local = read.end;
    central = next;
  }
  if (local !== start || central !== end) throw new Unsound('the zip has bytes that belong to no member');
}

function memberAt(
  bytes: Buffer,
  at: number,
  central: number,
  limit: number,
  room: { left: number },
): Member & { readonly end: number } {
  if (at + 30 > limit || bytes.readUInt32LE(at) !== LOCAL) throw new Unsound('a member of the zip has no header');
  const flags = bytes.readUInt16LE(at + 6);
  const method = bytes.readUInt16LE(at + 8);
  if ((flags & ~UTF8_NAME & ~0x6) !== 0) throw new Unsound('a member of the zip is encrypted, or its size comes later');
  if (flags !== bytes.readUInt16LE(central + 8) || method !== bytes.readUInt16LE(central + 10))
    throw new Unsound('a member of the zip is not what its directory says');
  const crc = bytes.readUInt32LE(central + 16);
  const packed = bytes.readUInt32LE(central + 20);
  const size = bytes.readUInt32LE(central + 24);
  const nameBytes = bytes.readUInt16LE(at + 26);
  const dataAt = at + 30 + nameBytes + bytes.readUInt16LE(at + 28);
  const name = bytes.toString('latin1', at + 30, at + 30 + nameBytes);
  const directoryName = bytes.toString('latin1', central + 46, central + 46 + bytes.readUInt16LE(central + 28));
  if (name !== directoryName || dataAt + packed > limit)
    throw new Unsound('a member of the zip is not what its directory says');
  if (!saysSame(bytes, at, crc, packed, size))
    throw new Unsound('a member of the zip has other sizes in its directory');
  room.left -= size;
  if (room.left < 0) throw new Unsound(`the zip unpacks to more than ${MOST_UNPACKED_BYTES} bytes`);
  const data = bytes.subarray(dataAt, dataAt + packed);
  const content = unpack(data, method, size);
  if (content.length !== size || zlib().crc32(content) !== crc) throw new Unsound('a member of the zip is damaged');
  return { name, bytes: content, end: dataAt + packed };
}

/**
 * NumPy writes ZIP64's sizes into the header of each member, and the usual ones into the directory.
 */
function saysSame(bytes: Buffer, at: number, crc: number, packed: number, size: number): boolean {
  if (bytes.readUInt32LE(at + 14) !== crc) return false;
  const [ownPacked, ownSize] = [bytes.readUInt32LE(at + 18), bytes.readUInt32LE(at + 22)];
  if (ownPacked === packed && ownSize === size) return true;
  const extraAt = at + 30 + bytes.readUInt16LE(at + 26);
  if (ownPacked !== 0xffffffff || ownSize !== 0xffffffff || bytes.readUInt16LE(at + 28) < 20) return false;
  if (extraAt + 20 > bytes.length || bytes.readUInt16LE(extraAt) !== 1) return false;
  return bytes.readBigUInt64LE(extraAt + 4) === BigInt(size) && bytes.readBigUInt64LE(extraAt + 12) === BigInt(packed);
}

function unpack(data: Buffer, method: number, size: number): Buffer {
  if (method === 0) return data;
  if (method !== 8) throw new Unsound(`a member of the zip is packed with method ${method}`);
  try {
    return zlib().inflateRawSync(data, { maxOutputLength: size + 1 });
  } catch {
    throw new Unsound('a member of the zip cannot be unpacked');
  }
}

/** Loaded where it is needed: every start would pay for it. */
function zlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}
