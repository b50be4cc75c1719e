import { WeighlockError } from '../error/index.ts';
import { withoutEnd } from '../without-end.ts';

/** A member of an archive. Names are bytes: what they may be is not the reader's business. */
export interface TarEntry {
  readonly type: 'file' | 'folder' | 'other';
  readonly name: Buffer;
  /** Bytes of content that follow. */
  readonly size: number;
  /** What an `other` is, for messages. */
  readonly kind: string;
}

export interface TarSink {
  /** A member begins. */
  entry(entry: TarEntry): void;
  /** The next bytes of its content. */
  data(chunk: Buffer): void;
  /** Its content is complete. */
  end(): void;
  /**
   * Everything else as it comes by: headers, padding, end marks. With all contents it makes the
   * archive again.
   */
  frame?(chunk: Buffer): void;
}

const BLOCK = 512;

/**
 * A path is at most 4 KiB, so a pax or GNU header of more than a megabyte is an attack (readers
 * take 2 GiB).
 */
const MAX_META_BYTES = 1 << 20;

/** Members in one archive; each costs the sender 512 bytes and us a file. */
const MAX_ENTRIES = 1_000_000;

type State = 'header' | 'data' | 'meta' | 'padding' | 'after-end';

/**
 * Reads a tar archive as it streams by: ustar with pax (`path`, `size`) and GNU long names (`L`),
 * checksums checked, the end-of-archive mark required and nothing but zeros after it. What another
 * reader might take differently is an error, not a choice.
 */
export class TarReader {
  readonly #sink: TarSink;
  #state: State = 'header';
  #block = Buffer.alloc(BLOCK);
  #filled = 0;
  #left = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #meta: Buffer[] = [];
  #metaType = '';
  #longName: Buffer | undefined;
  #pax: { path?: Buffer; size?: number } = {};

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.pushFrame(chunk, at);
      if (at < chunk.length) at = this.#data(chunk, at);
    }
  }

  /**
   * Takes bytes up to where the content of a member is to follow.
   *
   * @returns where it stopped
   */
  pushFrame(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && this.#state !== 'data') {
      if (this.#state === 'meta') at = this.#metaData(chunk, at);
      else if (this.#state === 'padding') at = this.#skip(chunk, at);
      else at = this.#fill(chunk, at);
    }
    if (at > from) this.#sink.frame?.(chunk.subarray(from, at));
    return at;
  }

  /**
   * @throws WeighlockError `UNSAFE_ENTRY` when the archive is cut off: it must have its end mark
   */
  finish(): void {
    if (this.#state !== 'after-end' || this.#filled > 0) throw bad('it ends without its end-of-archive mark');
  }

  #fill(chunk: Buffer, at: number): number {
    const take = Math.min(BLOCK - this.#filled, chunk.length - at);
    chunk.copy(this.#block, this.#filled, at, at + take);
    this.#filled += take;
    if (this.#filled === BLOCK) {
      this.#filled = 0;
      this.#headerBlock();
    }
    return at + take;
  }

  #headerBlock(): void {
    const zero = this.#block.every((byte) => byte === 0);
    if (this.#state === 'after-end') {
      if (!zero) throw bad('something follows its end-of-archive mark');
      return;
    }
    if (zero) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks < 2) return;
      if (this.#longName !== undefined || this.#pax.path !== undefined || this.#pax.size !== undefined) {
        throw bad('it ends after an extension header');
      }
      this.#state = 'after-end';
      return;
    }
    if (this.#zeroBlocks > 0) throw bad('a member follows a block of zeros');
    this.#member();
  }

  #member(): void {
    const block = this.#block;
    if (++this.#entries > MAX_ENTRIES) throw tooMany();
    checkChecksum(block);
    const type = String.fromCharCode(block[156] ?? 0);
    const size = number(block, 124, 12);
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      if (size > MAX_META_BYTES) throw bad(`an extension header of ${size} bytes`);
      this.#metaType = type;
      this.#meta = [];
      this.#begin(size, 'meta');
      if (size === 0) this.#endMeta();
      return;
    }
    const isFile = type === '0' || type === '\0' || type === '7';
    const isFolder = type === '5';
    // CVE-2026-53655: a pax size binds to the member itself, never to an extension header in
    // between.
    const length = isFile ? (this.#pax.size ?? size) : isFolder ? 0 : size;
    const name = this.#pax.path ?? this.#longName ?? headerName(block);
    this.#longName = undefined;
    this.#pax = {};
    // Old archives mark folders by a trailing slash alone.
    const slashed = isFile && name.at(-1) === 0x2f;
    if (slashed && length > 0) throw bad('a folder with content');
    const kind = KINDS[type] ?? 'member of unknown type';
    this.#sink.entry({
      type: isFile && !slashed ? 'file' : isFolder || slashed ? 'folder' : 'other',
      name,
      size: length,
      kind,
    });
    this.#begin(length, 'data');
    if (length === 0) this.#sink.end();
  }

  #begin(size: number, state: 'data' | 'meta'): void {
    this.#left = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    this.#state = size > 0 ? state : 'header';
  }

  #data(chunk: Buffer, at: number): number {
    const take = Math.min(this.#left, chunk.length - at);
    this.#sink.data(chunk.subarray(at, at + take));
    this.#left -= take;
    if (this.#left === 0) {
      this.#sink.end();
      this.#state = this.#padding > 0 ? 'padding' : 'header';
    }
    return at + take;
  }

  #metaData(chunk: Buffer, at: number): number {
    const take = Math.min(this.#left, chunk.length - at);
    this.#meta.push(Buffer.from(chunk.subarray(at, at + take)));
    this.#left -= take;
    if (this.#left === 0) {
      this.#endMeta();
      this.#state = this.#padding > 0 ? 'padding' : 'header';
    }
    return at + take;
  }

  #endMeta(): void {
    const bytes = Buffer.concat(this.#meta);
    this.#meta = [];
    if (this.#metaType === 'L') {
      const end = bytes.indexOf(0);
      this.#longName = end < 0 ? bytes : bytes.subarray(0, end);
      return;
    }
    // K is the long name of a link's target; the link itself is refused when it comes.
    if (this.#metaType === 'K') return;
    const { path, size } = parsePax(bytes);
    if (this.#metaType === 'g') {
      // A name or a size for every member makes sense to nobody, and readers disagree on it.
      if (path !== undefined || size !== undefined) throw bad('a global header that names or sizes members');
      return;
    }
    if (path !== undefined) this.#pax.path = path;
    if (size !== undefined) this.#pax.size = size;
  }

  #skip(chunk: Buffer, at: number): number {
    const take = Math.min(this.#padding, chunk.length - at);
    this.#padding -= take;
    if (this.#padding === 0) this.#state = 'header';
    return at + take;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  '1': 'hard link',
  '2': 'symbolic link',
  '3': 'character device',
  '4': 'block device',
  '6': 'FIFO',
  S: 'sparse file',
  D: 'GNU dump folder',
  M: 'continuation of another volume',
  V: 'volume label',
};

/** ustar: prefix, slash, name; each ends at its first NUL. */
function headerName(block: Buffer): Buffer {
  const name = field(block, 0, 100);
  const isUstar = block.subarray(257, 263).equals(Buffer.from('ustar\0'));
  const prefix = isUstar ? field(block, 345, 155) : Buffer.alloc(0);
  return Buffer.from(prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]));
}

function field(block: Buffer, start: number, length: number): Buffer {
  const bytes = block.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/**
 * Octal digits, or GNU's base 256 for large numbers; a negative one (GHSA-8x88-c5mf-7j5w) is
 * refused.
 */
function number(block: Buffer, start: number, length: number): number {
  const bytes = block.subarray(start, start + length);
  if (((bytes[0] ?? 0) & 0x80) !== 0) {
    const absurd = bytes[0] !== 0x80 || bytes.subarray(1, length - 6).some((byte) => byte !== 0);
    if (absurd) throw bad('a size that is negative or absurd');
    return bytes.readUIntBE(length - 6, 6);
  }
  const text = withoutEnd(bytes.toString('latin1'), '\0 ').replace(/^ +/, '');
  if (!/^[0-7]*$/.test(text)) throw bad('a number that is not octal');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

/** Sum of all header bytes, its own field taken as spaces. */
function checkChecksum(block: Buffer): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
  if (sum !== number(block, 148, 8)) throw bad('a header with a wrong checksum');
}

/** pax records: `<length> <key>=<value>\n`, the length counting itself (POSIX.1-2001, pax). */
function parsePax(bytes: Buffer): { path?: Buffer; size?: number } {
  const result: { path?: Buffer; size?: number } = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space);
    const length = /^[1-9][0-9]{0,6}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    const fits = length > 0 && end <= bytes.length && bytes[end - 1] === 0x0a && equals >= 0 && equals < end;
    if (!fits) throw bad('a malformed pax header');
    const key = bytes.toString('latin1', space + 1, equals);
    const value = bytes.subarray(equals + 1, end - 1);
    if (key === 'path') result.path = Buffer.from(value);
    else if (key === 'size') result.size = paxSize(value);
    else if (key.startsWith('GNU.sparse.')) throw bad('a sparse file');
    at = end;
  }
  return result;
}

function paxSize(value: Buffer): number {
  const text = value.toString('latin1');
  const size = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(size)) throw bad('a pax size that is no number');
  return size;
}

function bad(what: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: `the archive cannot be used: ${what}`,
    remedy: 'make the archive again with a current tar',
  });
}

function tooMany(): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `more than ${MAX_ENTRIES} members in an archive`,
    remedy: 'split the archive',
  });
}
