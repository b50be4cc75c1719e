import { Unsound } from './cursor.ts';

/**
 * What is done with a field that has a length: its fields are read, its bytes are collected, or it
 * is passed over.
 */
export type Choice = 'enter' | 'collect' | 'skip';

export interface Visitor {
  /** @param path - numbers of the fields that it lies in, and its own */
  field(path: readonly number[], length: number): Choice;
  /** The bytes of a field that was collected. */
  bytes(path: readonly number[], value: Buffer): void;
  number(path: readonly number[], value: bigint): void;
  /** All fields of a message were read. */
  end(path: readonly number[]): void;
}

/** Deeper than any message that is entered here, the graphs of ONNX within one another included. */
const MOST_DEPTH = 64;
const MOST_COLLECTED = 1 << 20;

/**
 * Reads a message of protocol buffers as it comes, of any size: what is passed over is not kept.
 * Groups, numbers of fields that are none, and lengths beyond the end of what they lie in are
 * refused.
 */
export class ProtobufReader {
  readonly #visitor: Visitor;
  readonly #path: number[] = [];
  /** Positions where the messages that are open end. */
  readonly #ends: number[] = [];
  #at = 0;
  #varint = 0n;
  #shift = 0n;
  #state: 'tag' | 'varint' | 'length' | 'fixed' | 'skip' | 'collect' = 'tag';
  #left = 0;
  #collected: Buffer[] = [];

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
  }

  /** @throws Unsound */
  push(chunk: Buffer): void {
    for (let i = 0; i < chunk.length; ) {
      if (this.#state === 'skip' || this.#state === 'fixed' || this.#state === 'collect') {
        const taken = Math.min(this.#left, chunk.length - i);
        if (this.#state === 'collect') this.#collected.push(Buffer.from(chunk.subarray(i, i + taken)));
        this.#left -= taken;
        i += taken;
        this.#at += taken;
        if (this.#left === 0) this.#afterBytes();
      } else {
        this.#byte(chunk[i] ?? 0);
        i++;
      }
    }
  }

  /** Bytes of the field that it passes over. */
  get ahead(): number {
    return this.#state === 'skip' ? this.#left : 0;
  }

  /** They need not be brought. */
  skip(bytes: number): void {
    this.#left -= bytes;
    this.#at += bytes;
    if (this.#left === 0) this.#afterBytes();
  }

  /** @throws Unsound for a message that is cut off */
  finish(): void {
    if (this.#state !== 'tag' || this.#shift !== 0n || this.#ends.length > 0) throw new Unsound('it is cut off');
  }

  #byte(byte: number): void {
    this.#at++;
    if (this.#shift > 63n) throw new Unsound('it has a number of more than 64 bits');
    this.#varint |= BigInt(byte & 0x7f) << this.#shift;
    this.#shift += 7n;
    if ((byte & 0x80) !== 0) return;
    const value = this.#varint;
    this.#varint = 0n;
    this.#shift = 0n;
    if (this.#state === 'tag') this.#tag(value);
    else if (this.#state === 'varint') {
      this.#visitor.number(this.#path, BigInt.asIntN(64, value));
      this.#endField();
    } else this.#length(value);
  }

  #tag(value: bigint): void {
    const field = Number(value >> 3n);
    const type = Number(value & 7n);
    if (field === 0 || field > 0x1fffffff) throw new Unsound(`it has a field of the number ${field}`);
    this.#path.push(field);
    if (type === 0) this.#state = 'varint';
    else if (type === 2) this.#state = 'length';
    else if (type === 1 || type === 5) {
      this.#state = 'fixed';
      this.#left = type === 1 ? 8 : 4;
      this.#within(this.#left);
    } else throw new Unsound(`it has a field of the type ${type}`);
  }

  #length(value: bigint): void {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Unsound(`it has a field of ${value} bytes`);
    const length = Number(value);
    this.#within(length);
    const choice = this.#visitor.field(this.#path, length);
    if (choice === 'enter') {
      if (this.#ends.length === MOST_DEPTH) throw new Unsound(`it is nested more than ${MOST_DEPTH} levels deep`);
      this.#ends.push(this.#at + length);
      this.#state = 'tag';
      this.#closeMessages();
      return;
    }
    if (choice === 'collect' && length > MOST_COLLECTED) throw new Unsound(`it has a text of ${length} bytes`);
    this.#state = choice;
    this.#left = length;
    this.#collected = [];
    if (length === 0) this.#afterBytes();
  }

  #within(length: number): void {
    const end = this.#ends.at(-1);
    if (end !== undefined && this.#at + length > end) throw new Unsound('it has a field that goes beyond its message');
  }

  #afterBytes(): void {
    if (this.#state === 'collect') this.#visitor.bytes(this.#path, Buffer.concat(this.#collected));
    this.#collected = [];
    this.#endField();
  }

  #endField(): void {
    this.#path.pop();
    this.#state = 'tag';
    this.#closeMessages();
  }

  #closeMessages(): void {
    for (let end = this.#ends.at(-1); end !== undefined && this.#at >= end; end = this.#ends.at(-1)) {
      if (this.#at > end) throw new Unsound('it has a field that goes beyond its message');
      this.#visitor.end(this.#path);
      this.#ends.pop();
      this.#path.pop();
    }
  }
}
