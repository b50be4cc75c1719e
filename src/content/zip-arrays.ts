import { Unsound } from './cursor.ts';
import { type MemberHeader, ZipMember } from './zip-member.ts';

const MOST_MEMBERS = 4096;
/** What all members may unpack to together. */
const MOST_UNPACKED_BYTES = 256 << 20;
/** Names are kept until the directory has come, which says them again. */
const MOST_NAME_BYTES = 1 << 20;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** "ZIP64 end of central directory locator", which stands in these bytes before the end. */
const LOCATOR = 0x07064b50;
const LOCATOR_BYTES = 20;
const UTF8_NAME = 0x800;

/**
 * Reads a zip of arrays that every reader takes for the same, as it comes and in constant memory:
 * members one behind the other from the first byte on, then the directory, which says of each what
 * its own header says, then the end, without a comment; stored or deflated, nothing encrypted,
 * split or in ZIP64's larger numbers. What is found counts for nothing before the last byte.
 */
export class ZipArrays {
  readonly #members: MemberHeader[] = [];
  readonly #names = new Set<string>();
  #nameBytes = 0;
  #room = MOST_UNPACKED_BYTES;
  #member: ZipMember | undefined;
  /** Members that the directory has named. */
  #listed = 0;
  #directory: number | undefined;
  #beforeEnd = Buffer.alloc(0);
  #isOver = false;
  /** Bytes that make no whole record so far. */
  #rest = Buffer.alloc(0);
  /** Bytes of the zip before `#rest`. */
  #at = 0;
  #hasObjects = false;

  /** @throws Unsound */
  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let used = -1; used !== 0 && bytes.length > 0; ) {
      used = this.#member === undefined ? this.#record(bytes) : this.#data(this.#member, bytes);
      this.#at += used;
      bytes = bytes.subarray(used);
    }
    this.#rest = Buffer.from(bytes);
  }

  /** Bytes that may be left out where only headers are asked for. */
  get ahead(): number {
    return this.#member?.ahead ?? 0;
  }

  skip(bytes: number): void {
    this.#at += bytes;
    this.#member?.skip(bytes);
    if (this.#member?.left === 0) this.#finishMember(this.#member);
  }

  /** @throws Unsound */
  finish(): 'numpy' | 'pickle' {
    if (!this.#isOver) throw new Unsound('the zip does not end with its directory');
    return this.#hasObjects ? 'pickle' : 'numpy';
  }

  #data(member: ZipMember, bytes: Buffer): number {
    const used = Math.min(bytes.length, member.left);
    member.push(bytes.subarray(0, used));
    if (member.left === 0) this.#finishMember(member);
    return used;
  }

  #finishMember(member: ZipMember): void {
    if (member.finish() === 'pickle') this.#hasObjects = true;
    this.#member = undefined;
  }

  /** @returns how many bytes it took; 0 where there are too few */
  #record(bytes: Buffer): number {
    if (this.#isOver) throw new Unsound('the zip has bytes behind its end');
    if (bytes.length < 4) return 0;
    const signature = bytes.readUInt32LE();
    if (signature === LOCAL && this.#directory === undefined) return this.#local(bytes);
    this.#directory ??= this.#at;
    if (signature === CENTRAL) return this.#central(bytes);
    if (signature === END) return this.#end(bytes);
    throw new Unsound('the zip has bytes that belong to no member');
  }

  #local(bytes: Buffer): number {
    if (bytes.length < 30) return 0;
    const nameBytes = bytes.readUInt16LE(26);
    const used = 30 + nameBytes + bytes.readUInt16LE(28);
    if (bytes.length < used) return 0;
    const flags = bytes.readUInt16LE(6);
    const method = bytes.readUInt16LE(8);
    if ((flags & ~UTF8_NAME & ~0x6) !== 0)
      throw new Unsound('a member of the zip is encrypted, or its size comes later');
    if (method !== 0 && method !== 8) throw new Unsound(`a member of the zip is packed with method ${method}`);
    const name = bytes.toString('latin1', 30, 30 + nameBytes);
    if (this.#names.has(name)) throw new Unsound('the zip has a member twice');
    this.#names.add(name);
    this.#nameBytes += nameBytes;
    if (this.#names.size > MOST_MEMBERS) throw new Unsound(`the zip has more than ${MOST_MEMBERS} members`);
    if (this.#nameBytes > MOST_NAME_BYTES) throw new Unsound('the names of the members are too long');
    const { packed, size } = sizesOf(bytes.subarray(18, 26), bytes.subarray(30 + nameBytes, used));
    this.#room -= size;
    if (this.#room < 0) throw new Unsound(`the zip unpacks to more than ${MOST_UNPACKED_BYTES} bytes`);
    const header = { at: this.#at, name, flags, method, crc: bytes.readUInt32LE(14), packed, size };
    this.#members.push(header);
    this.#member = new ZipMember(header);
    if (packed === 0) this.#finishMember(this.#member);
    return used;
  }

  #central(bytes: Buffer): number {
    if (bytes.length < 46) return 0;
    const nameBytes = bytes.readUInt16LE(28);
    const used = 46 + nameBytes + bytes.readUInt16LE(30) + bytes.readUInt16LE(32);
    if (bytes.length < used) return 0;
    const member = this.#members[this.#listed++];
    if (member?.at !== bytes.readUInt32LE(42) || bytes.readUInt16LE(34) !== 0)
      throw new Unsound('the members of the zip do not follow one another');
    const isSame =
      member.name === bytes.toString('latin1', 46, 46 + nameBytes) &&
      member.flags === bytes.readUInt16LE(8) &&
      member.method === bytes.readUInt16LE(10) &&
      member.crc === bytes.readUInt32LE(16) &&
      member.packed === bytes.readUInt32LE(20) &&
      member.size === bytes.readUInt32LE(24);
    if (!isSame) throw new Unsound('a member of the zip is not what its directory says');
    this.#beforeEnd = Buffer.from(bytes.subarray(used - LOCATOR_BYTES, used));
    return used;
  }

  #end(bytes: Buffer): number {
    if (bytes.length < 22) return 0;
    const count = this.#members.length;
    const isSplit = bytes.readUInt32LE(4) !== 0 || bytes.readUInt16LE(8) !== count;
    const start = this.#directory ?? 0;
    const isPlace = bytes.readUInt32LE(16) === start && bytes.readUInt32LE(12) === this.#at - start;
    if (isSplit || bytes.readUInt16LE(10) !== count || this.#listed !== count || !isPlace)
      throw new Unsound('the end of the zip is not what is before it');
    if (bytes.readUInt16LE(20) !== 0) throw new Unsound('the zip has a comment');
    // It may stand in the last entry, and names another directory, which most readers go by.
    if (this.#beforeEnd.length === LOCATOR_BYTES && this.#beforeEnd.readUInt32LE() === LOCATOR)
      throw new Unsound('the zip has a second directory, of ZIP64');
    this.#isOver = true;
    return 22;
  }
}

/**
 * Sizes out of the header of a member. NumPy writes those of ZIP64 into it, and the usual ones into
 * the directory.
 */
function sizesOf(usual: Buffer, extra: Buffer): { packed: number; size: number } {
  const [packed, size] = [usual.readUInt32LE(0), usual.readUInt32LE(4)];
  if (packed !== 0xffffffff || size !== 0xffffffff) return { packed, size };
  if (extra.length < 20 || extra.readUInt16LE() !== 1) throw new Unsound('a member of the zip does not say its size');
  const [large, unpacked] = [extra.readBigUInt64LE(12), extra.readBigUInt64LE(4)];
  if (large > 0xffffffffn || unpacked > 0xffffffffn) throw new Unsound('a member of the zip is too large');
  return { packed: Number(large), size: Number(unpacked) };
}
