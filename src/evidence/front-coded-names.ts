import { fromBuffer, type PathBytes } from '../fs/index.ts';

/** Names that are decoded one from the other; the first of them stands there as a whole. */
const TOGETHER = 16;

/** Two numbers of at most five bytes stand before the end of a name. */
const HEAD_BYTES = 10;

/**
 * Names in the order in which they come, by front coding: of each there is only what differs from
 * the one before it. Sorted paths of a dataset take a third of their bytes so.
 */
export class FrontCodedNames {
  #bytes: Buffer;
  #end = 0;
  /** Where each group begins. */
  #starts = new Float64Array(1024);
  #count = 0;
  /** The name that was decoded last, of entry `#at`; what follows it is at `#next`. */
  #name: Buffer = Buffer.allocUnsafeSlow(256);
  #length = 0;
  #at = -1;
  #next = 0;

  /** @param bytes - for which room is made, and taken as it is filled; more will do */
  constructor(bytes: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(bytes));
  }

  get count(): number {
    return this.#count;
  }

  /** What is stored: the same for the same names, and for no others. */
  get encoded(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  /**
   * Adds the name that these bytes are, from `start` to `end`.
   *
   * @returns how it stands to the one before it: less than 0 where that comes first
   */
  add(bytes: Uint8Array, start: number, end: number): number {
    if (this.#count > 0) this.#seek(this.#count - 1);
    const length = end - start;
    const before = this.#count === 0 ? 0 : this.#length;
    if (this.#name.length < length) this.#name = enlarged(this.#name, before, length);
    const name = this.#name;
    let same = 0;
    while (same < before && same < length && bytes[start + same] === name[same]) same++;
    const order = same < before && same < length ? (name[same] ?? 0) - (bytes[start + same] ?? 0) : before - length;
    this.#makeRoom(length + HEAD_BYTES);
    const isFirst = this.#count % TOGETHER === 0;
    if (isFirst) this.#begin();
    const shared = isFirst ? 0 : same;
    this.#writeNumber(shared);
    this.#writeNumber(length - shared);
    for (let i = same; i < length; i++) name[i] = bytes[start + i] ?? 0;
    for (let i = shared; i < length; i++) this.#bytes[this.#end++] = name[i] ?? 0;
    this.#length = length;
    this.#at = this.#count++;
    this.#next = this.#end;
    return order;
  }

  /** @param cut - bytes that are left off its end */
  get(entry: number, cut = 0): PathBytes {
    this.#seek(entry);
    return fromBuffer(this.#name.subarray(0, this.#length - cut));
  }

  /**
   * Compares a name with others, as `memcmp` does, and the shorter first.
   *
   * @param cut - bytes that are left off its end
   */
  compare(entry: number, cut: number, bytes: Uint8Array, start: number, end: number): number {
    this.#seek(entry);
    const [name, length] = [this.#name, this.#length - cut];
    const common = Math.min(length, end - start);
    for (let i = 0; i < common; i++) {
      const difference = (name[i] ?? 0) - (bytes[start + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return length - (end - start);
  }

  #seek(entry: number): void {
    if (entry === this.#at) return;
    const first = entry - (entry % TOGETHER);
    if (this.#at < first || this.#at > entry) {
      this.#at = first - 1;
      this.#next = this.#starts[first / TOGETHER] ?? 0;
    }
    while (this.#at < entry) this.#decode();
  }

  #decode(): void {
    const shared = this.#readNumber();
    const more = this.#readNumber();
    if (this.#name.length < shared + more) this.#name = enlarged(this.#name, shared, shared + more);
    const [name, bytes, from] = [this.#name, this.#bytes, this.#next];
    for (let i = 0; i < more; i++) name[shared + i] = bytes[from + i] ?? 0;
    this.#length = shared + more;
    this.#next = from + more;
    this.#at++;
  }

  #begin(): void {
    const group = this.#count / TOGETHER;
    if (group === this.#starts.length) {
      const larger = new Float64Array(2 * group);
      larger.set(this.#starts);
      this.#starts = larger;
    }
    this.#starts[group] = this.#end;
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const larger = Buffer.from(new ArrayBuffer(2 * (this.#end + bytes)));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }

  /** Seven bits in each byte, the lowest first; the eighth says that more follow. */
  #writeNumber(number: number): void {
    let rest = number;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#end++] = (rest % 0x80) + 0x80;
    this.#bytes[this.#end++] = rest;
  }

  #readNumber(): number {
    let number = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#bytes[this.#next++] ?? 0;
      number += (byte % 0x80) * factor;
      if (byte < 0x80) return number;
    }
  }
}

/** Room for so many bytes, and more, that begins with those of another. */
function enlarged(bytes: Buffer, kept: number, wanted: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(2 * wanted);
  bytes.copy(larger, 0, 0, kept);
  return larger;
}
