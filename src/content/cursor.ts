/** More bytes are needed than there are so far. */
export class NeedsMore extends Error {}

/** What is wrong with a file; its parser goes no further. */
export class Unsound extends Error {}

/** Reads little-endian numbers off the beginning of a file. */
export class Cursor {
  readonly bytes: Buffer;
  at: number;
  /** Bytes of the whole file. */
  readonly size: number;

  constructor(bytes: Buffer, size: number, at = 0) {
    this.bytes = bytes;
    this.size = size;
    this.at = at;
  }

  /** @throws Unsound where the file ends before, NeedsMore where it goes on */
  take(length: number, what: string): Buffer {
    if (length > this.size - this.at) throw new Unsound(`${what} goes beyond the end of the file`);
    if (length > this.bytes.length - this.at) throw new NeedsMore();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  u32(what: string): number {
    return this.take(4, what).readUInt32LE();
  }

  /** @throws Unsound for what no file can have */
  u64(what: string): number {
    const value = this.take(8, what).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Unsound(`${what} is ${value}`);
    return Number(value);
  }
}

/** Where tensors lie in the part of a file that belongs to them. */
export interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}
