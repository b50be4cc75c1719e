import { readSync } from 'node:fs';
import { nodeCrypto } from '../library/index.ts';
import { Base64Stream } from './base64-stream.ts';
import { StoredPayload } from './stored-payload.ts';

/** A payload in a bundle whose text is longer is left in its file: a list of 35,000 files. */
const LARGE_TEXT_BYTES = 8 << 20;

const PIECE_BYTES = 64 << 10;
const TURN_BYTES = 32 << 20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What stands before the text of a payload. */
const BEFORE_PAYLOAD = /"payload"[ \t\r\n]{0,16}:[ \t\r\n]{0,16}"$/;
const BEFORE_BYTES = 64;

/**
 * What there is in a file of signatures: its JSON, in which a name of our own stands for each
 * payload that is too large.
 */
export interface SlimText {
  readonly bytes: Buffer;
  /** By the names that stand for them. */
  readonly payloads: ReadonlyMap<string, StoredPayload>;
  /** Of the file as it is. */
  readonly size: number;
  readonly sha256: string;
}

/**
 * Reads a file of signatures once from its first byte to its last, and keeps all of it but large
 * payloads. Those are decoded as the base64 that they must be, for their length and digest: whoever
 * reads them again knows whether they are still the same.
 *
 * The names that stand for them are random: nobody who writes a file can have one in it.
 *
 * @returns undefined when there is more than `mostBytes` without them
 * @throws MalformedError for a large payload that is not base64; what the system says
 */
export async function readSlim(
  descriptor: number,
  mostFileBytes: number,
  mostBytes: number,
): Promise<SlimText | undefined> {
  const hash = nodeCrypto().createHash('sha256');
  const slimmer = new Slimmer(descriptor, mostBytes);
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let size = 0;
  for (let left = TURN_BYTES; ; left -= PIECE_BYTES) {
    const read = readSync(descriptor, buffer, 0, buffer.length, size);
    if (read === 0) break;
    const piece = buffer.subarray(0, read);
    hash.update(piece);
    if (!slimmer.push(piece, size)) return undefined;
    size += read;
    if (size > mostFileBytes) return undefined;
    if (left > 0) continue;
    left = TURN_BYTES;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { bytes: slimmer.bytes, payloads: slimmer.payloads, size, sha256: hash.digest('hex') };
}

class Slimmer {
  readonly payloads = new Map<string, StoredPayload>();
  readonly #descriptor: number;
  readonly #mostBytes: number;
  #kept = Buffer.alloc(0);
  #length = 0;
  /** Where the string that is open begins: in the file, and in what is kept. */
  #open: { readonly start: number; readonly kept: number } | undefined;
  #large: LargeText | undefined;
  #isEscaped = false;

  constructor(descriptor: number, mostBytes: number) {
    this.#descriptor = descriptor;
    this.#mostBytes = mostBytes;
  }

  get bytes(): Buffer {
    return this.#kept.subarray(0, this.#length);
  }

  /** @returns false when it is too much */
  push(piece: Buffer, position: number): boolean {
    for (let at = 0; at < piece.length && this.#length <= this.#mostBytes; )
      at = this.#open === undefined ? this.#outside(piece, at, position) : this.#inside(piece, at, position);
    return this.#length <= this.#mostBytes;
  }

  #outside(piece: Buffer, at: number, position: number): number {
    const quote = piece.indexOf(QUOTE, at);
    const end = quote < 0 ? piece.length : quote + 1;
    this.#keep(piece.subarray(at, end));
    if (quote >= 0) this.#open = { start: position + end, kept: this.#length };
    return end;
  }

  #inside(piece: Buffer, start: number, position: number): number {
    let at = this.#isEscaped ? start + 1 : start;
    this.#isEscaped = false;
    let backslash = piece.indexOf(BACKSLASH, at);
    for (;;) {
      const quote = piece.indexOf(QUOTE, at);
      if (backslash >= 0 && (quote < 0 || backslash < quote)) {
        at = backslash + 2;
        backslash = piece.indexOf(BACKSLASH, at);
        if (at <= piece.length) continue;
        this.#isEscaped = true;
      }
      const end = this.#isEscaped || quote < 0 ? piece.length : quote;
      this.#text(piece.subarray(start, end), position + end);
      if (end === piece.length) return end;
      this.#close(position + end);
      return end + 1;
    }
  }

  /** More of the string that is open. */
  #text(bytes: Buffer, end: number): void {
    if (this.#open === undefined) return;
    if (this.#large !== undefined) {
      this.#large.push(bytes);
      return;
    }
    this.#keep(bytes);
    if (end - this.#open.start <= LARGE_TEXT_BYTES || !this.#isPayload(this.#open.kept)) return;
    this.#large = new LargeText();
    this.#large.push(this.#kept.subarray(this.#open.kept, this.#length));
    this.#length = this.#open.kept;
    // What was kept of it is given back at once.
    this.#kept = Buffer.from((this.#kept.buffer as ArrayBuffer).transfer(this.#length));
  }

  #isPayload(kept: number): boolean {
    return BEFORE_PAYLOAD.test(this.#kept.toString('latin1', Math.max(0, kept - BEFORE_BYTES), kept));
  }

  #close(end: number): void {
    if (this.#large !== undefined && this.#open !== undefined) {
      const { length, sha256 } = this.#large.end();
      const name = `in the file: ${crypto.randomUUID()}`;
      this.payloads.set(name, new StoredPayload(this.#descriptor, { start: this.#open.start, end }, length, sha256));
      this.#keep(Buffer.from(name));
    }
    this.#open = undefined;
    this.#large = undefined;
    this.#keep(Buffer.from('"'));
  }

  #keep(bytes: Buffer): void {
    if (this.#length + bytes.length > this.#kept.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#kept.length, this.#length + bytes.length));
      this.#kept.copy(larger);
      this.#kept = larger;
    }
    bytes.copy(this.#kept, this.#length);
    this.#length += bytes.length;
  }
}

/** A payload that is left in its file. */
class LargeText {
  readonly #decoder = new Base64Stream('the payload');
  readonly #hash = nodeCrypto().createHash('sha256');
  #length = 0;

  push(text: Uint8Array): void {
    this.#take(this.#decoder.push(text));
  }

  end(): { readonly length: number; readonly sha256: Buffer } {
    this.#take(this.#decoder.end());
    return { length: this.#length, sha256: this.#hash.digest() };
  }

  #take(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }
}
