import { Unsound } from './cursor.ts';
import { numpyFormat } from './numpy.ts';

/** Of an array its header is looked at, which has at most 64 KiB. */
const HEAD_BYTES = 1 << 17;
/** What is packed is unpacked as a whole up to this size, packed and unpacked, to see its sum. */
const MOST_WHOLE_BYTES = 4 << 20;
/** And otherwise so much of it at first, and then twice as much, until it has a header. */
const FIRST_PACKED_BYTES = 1 << 10;
const MOST_PACKED_BYTES = 1 << 18;
/** No header is so well packed that its part unpacks to more. */
const MOST_UNPACKED_BYTES = 32 << 20;

/** What the header of a member says. */
export interface MemberHeader {
  /** Bytes of the zip before it. */
  readonly at: number;
  /** As its bytes are, whatever they stand for. */
  readonly name: string;
  readonly flags: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  /** Bytes of it in the zip. */
  readonly packed: number;
  /** Bytes of the file. */
  readonly size: number;
}

/** Takes the bytes of a member that has to be an array of NumPy, in constant memory. */
export class ZipMember {
  readonly header: MemberHeader;
  /** Bytes that have not come. */
  left: number;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #mostKept: number;
  #crc = 0;
  #isPartial = false;

  constructor(header: MemberHeader) {
    const { method, packed, size } = header;
    this.header = header;
    this.left = packed;
    const isWhole = packed <= MOST_WHOLE_BYTES && size <= MOST_WHOLE_BYTES;
    this.#mostKept = method === 0 ? HEAD_BYTES : isWhole ? MOST_WHOLE_BYTES : MOST_PACKED_BYTES;
  }

  /** @param bytes - of this member alone; they are not kept */
  push(bytes: Buffer): void {
    this.left -= bytes.length;
    if (this.header.method === 0) this.#crc = zlib().crc32(bytes, this.#crc);
    const kept = Buffer.from(bytes.subarray(0, this.#mostKept - this.#keptBytes));
    if (kept.length === 0) return;
    this.#kept.push(kept);
    this.#keptBytes += kept.length;
  }

  /** Bytes that may be left out where only headers are asked for. */
  get ahead(): number {
    return this.#keptBytes === this.#mostKept ? this.left : 0;
  }

  skip(bytes: number): void {
    this.left -= bytes;
    this.#isPartial = true;
  }

  /** @throws Unsound where it is no array */
  finish(): 'numpy' | 'pickle' {
    const { method, size, packed, crc } = this.header;
    const kept = Buffer.concat(this.#kept);
    this.#kept = [];
    if (method === 0 && (packed !== size || (this.#crc !== crc && !this.#isPartial))) throw damaged();
    const isWhole = kept.length === packed && size <= MOST_WHOLE_BYTES;
    const head = method === 0 ? kept : isWhole ? unpackWhole(kept, this.header) : unpackHead(kept, size);
    if (head.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Unsound('a member of the zip is no array of NumPy');
    return numpyFormat(head, size);
  }
}

function unpackWhole(packed: Buffer, { size, crc }: MemberHeader): Buffer {
  const content = unpack(packed, { maxOutputLength: size + 1 });
  if (content.length !== size || zlib().crc32(content) !== crc) throw damaged();
  return content;
}

function unpackHead(packed: Buffer, size: number): Buffer {
  const { Z_SYNC_FLUSH: finishFlush } = zlib().constants;
  const wanted = Math.min(HEAD_BYTES, size);
  for (let bytes = FIRST_PACKED_BYTES; ; bytes *= 2) {
    const head = unpack(packed.subarray(0, bytes), { finishFlush, maxOutputLength: MOST_UNPACKED_BYTES });
    if (head.length >= wanted) return head;
    if (bytes >= packed.length) throw damaged();
  }
}

function unpack(packed: Buffer, options: import('node:zlib').ZlibOptions): Buffer {
  try {
    return zlib().inflateRawSync(packed, options);
  } catch {
    throw new Unsound('a member of the zip cannot be unpacked');
  }
}

function damaged(): Unsound {
  return new Unsound('a member of the zip is damaged');
}

/** Loaded where it is needed: every start would pay for it. */
function zlib(): typeof import('node:zlib') {
  return process.getBuiltinModule('node:zlib');
}
