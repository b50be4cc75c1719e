import { Unsound } from './cursor.ts';
import type { Read, Reader } from './inspector.ts';

/** What a format wants next: bytes, or that some go by. */
type Want = { readonly take: number } | { readonly skip: number };
type Steps = Generator<Want, void, Buffer>;

/** An image ends where its format says that it does. Nothing of it is kept. */
export class ImageReader implements Reader {
  readonly #name: 'PNG' | 'WebP' | 'GIF' | 'JPEG';
  readonly #steps: Steps;
  #want: Want | undefined;
  #rest = Buffer.alloc(0);
  #skipped = 0;
  /** Where it ended, by its format. */
  #end: number | undefined;
  #at = 0;
  /** The last two bytes. */
  #last = Buffer.alloc(0);

  /** @param head - the first 12 bytes, or more */
  constructor(head: Buffer) {
    const text = head.toString('latin1', 0, 12);
    const [name, steps] = text.startsWith('\x89PNG')
      ? (['PNG', png()] as const)
      : text.startsWith('RIFF')
        ? (['WebP', webp()] as const)
        : text.startsWith('GIF')
          ? (['GIF', gif()] as const)
          : (['JPEG', jpeg()] as const);
    this.#name = name;
    this.#steps = steps;
    this.#next(Buffer.alloc(0));
  }

  push(chunk: Buffer): void {
    this.#last = Buffer.from(Buffer.concat([this.#last, chunk.subarray(-2)]).subarray(-2));
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let want = this.#want; want !== undefined; want = this.#want) {
      const wanted = 'take' in want ? want.take : want.skip - this.#skipped;
      if ('take' in want && bytes.length < wanted) break;
      const used = bytes.subarray(0, wanted);
      bytes = bytes.subarray(used.length);
      this.#at += used.length;
      if (used.length < wanted) {
        this.#skipped += used.length;
        break;
      }
      this.#next(used);
    }
    this.#rest = this.#want === undefined ? Buffer.alloc(0) : Buffer.from(bytes);
  }

  get ahead(): number {
    const want = this.#want;
    return want !== undefined && 'skip' in want ? Math.max(0, want.skip - this.#skipped) : 0;
  }

  skip(bytes: number): void {
    this.#skipped += bytes;
    this.#at += bytes;
    if (this.ahead === 0) this.#next(Buffer.alloc(0));
  }

  finish(size: number): Read {
    if (this.#name === 'JPEG') {
      if (this.#last[0] !== 0xff || this.#last[1] !== 0xd9) throw new Unsound('a JPEG without its end');
    } else if (this.#end !== size)
      throw new Unsound(this.#end === undefined ? `a ${this.#name} without its end` : `bytes behind a ${this.#name}`);
    return { format: 'image' };
  }

  #next(bytes: Buffer): void {
    this.#skipped = 0;
    const { done, value } = this.#steps.next(bytes);
    this.#want = done === true ? undefined : value;
    if (done === true) this.#end = this.#at;
  }
}

/** Chunks of a length, a type and a sum (PNG specification, section 5.3). */
function* png(): Steps {
  yield { skip: 8 };
  for (;;) {
    const header = yield { take: 8 };
    yield { skip: header.readUInt32BE() + 4 };
    if (header.toString('latin1', 4) === 'IEND') return;
  }
}

/** One chunk of RIFF. */
function* webp(): Steps {
  const header = yield { take: 8 };
  yield { skip: header.readUInt32LE(4) };
}

/** Its segments have no lengths where they hold pixels: the last two bytes have to be its end. */
function* jpeg(): Steps {
  yield { skip: Number.POSITIVE_INFINITY };
}

/**
 * Blocks one behind the other up to the trailer (GIF89a, 15 to 27): `GIF89a=1;` alone is a program
 * of Python.
 */
function* gif(): Steps {
  const tableBytes = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  const screen = yield { take: 13 };
  yield { skip: tableBytes(screen.readUInt8(10)) };
  for (;;) {
    const introducer = (yield { take: 1 }).readUInt8();
    if (introducer === 0x3b) return;
    if (introducer === 0x2c) {
      const picture = yield { take: 9 };
      // The least size of a code comes behind the table.
      yield { skip: tableBytes(picture.readUInt8(8)) + 1 };
    } else if (introducer === 0x21) yield { take: 1 };
    // Nothing that follows is of the format.
    else yield { skip: Number.POSITIVE_INFINITY };
    for (let length = (yield { take: 1 }).readUInt8(); length > 0; length = (yield { take: 1 }).readUInt8())
      yield { skip: length };
  }
}
