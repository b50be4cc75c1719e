import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress, constants as zlib } from 'node:zlib';
import { WeighlockError } from '../error/index.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** With zlib's default of 16 KiB a core unpacks 0.4 GB/s, with this 2 (gzip) to 7 (zstd). */
const CHUNK_BYTES = 1 << 20;

/** A frame may ask for no more memory than 128 MiB (zstd's own default). */
const MAX_ZSTD_WINDOW_LOG = 27;

/** Real weights compress 1.5:1, text 10:1; a bomb reaches 1000:1 (gzip) and 32,000:1 (zstd). */
const MAX_RATIO = 200;

/** Below this much output the ratio is not looked at: a file of zeros is no attack. */
const FREE_BYTES = 64 << 20;

/** Unpacks a stream piece by piece; `none` passes it on. */
export class Decompressor {
  readonly #sink: (chunk: Buffer) => void;
  readonly #stream: Gunzip | ZstdDecompress | undefined;
  #error: unknown;
  #in = 0;
  #out = 0;

  constructor(compression: Compression, sink: (chunk: Buffer) => void) {
    this.#sink = sink;
    this.#stream = streamFor(compression);
    this.#stream?.on('data', (chunk: Buffer) => this.#emit(chunk));
    this.#stream?.on('error', (error) => {
      this.#error ??= error;
    });
  }

  /**
   * @throws WeighlockError `UNSAFE_ENTRY` for damaged data, `LIMIT_EXCEEDED` for a bomb, and what
   * the sink throws
   */
  async push(chunk: Buffer): Promise<void> {
    this.#in += chunk.length;
    if (this.#stream === undefined) this.#emit(chunk);
    else await this.#settled((stream, done) => stream.write(Buffer.from(chunk), done));
    this.#rethrow();
  }

  /** @throws WeighlockError `UNSAFE_ENTRY` when the data is cut off */
  async finish(): Promise<void> {
    await this.#settled((stream, done) => {
      stream.once('end', done);
      stream.end();
    });
    this.#rethrow();
    // Node ignores what follows the last zstd frame; other readers refuse it.
    if (this.#stream !== undefined && this.#stream.bytesWritten !== this.#in) throw damaged('data after its end');
  }

  #emit(chunk: Buffer): void {
    // A sink that failed gets nothing more; zlib itself cannot be stopped in the middle of a chunk.
    if (this.#error !== undefined) return;
    this.#out += chunk.length;
    try {
      if (this.#out > FREE_BYTES && this.#out > this.#in * MAX_RATIO) throw bomb();
      this.#sink(chunk);
    } catch (error) {
      this.#error = error;
      this.#stream?.destroy();
    }
  }

  #settled(start: (stream: Gunzip | ZstdDecompress, done: () => void) => void): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || this.#error !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        stream.off('close', done);
        resolve();
      };
      // After an error no callback may come, but the stream closes.
      stream.once('close', done);
      start(stream, done);
    });
  }

  #rethrow(): void {
    if (this.#error === undefined) return;
    if (this.#error instanceof WeighlockError) throw this.#error;
    const code = String((this.#error as { code?: unknown }).code);
    if (/^(Z_|ZSTD_)|TRAILING_JUNK/.test(code)) throw damaged(code);
    throw this.#error;
  }
}

/**
 * How an archive is compressed, by the first bytes of it (RFC 1952 section 2.3.1, RFC 8878 section
 * 3.1.1); undefined while there are too few of them.
 */
export function compressionOf(head: Buffer): Compression | undefined {
  if (head.length < 4) return undefined;
  if (head.readUInt16BE(0) === 0x1f8b) return 'gzip';
  return head.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
}

function streamFor(compression: Compression): Gunzip | ZstdDecompress | undefined {
  if (compression === 'none') return undefined;
  if (compression === 'gzip') return createGunzip({ chunkSize: CHUNK_BYTES });
  return createZstdDecompress({ chunkSize: CHUNK_BYTES, params: { [zlib.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG } });
}

function damaged(code: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: `the archive is damaged or cut off: ${code}`,
    remedy: 'make the archive again; do not use it as it is',
  });
}

function bomb(): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `the archive unpacks to more than ${MAX_RATIO} times its size`,
    remedy: 'this is what an attack looks like; if the content is genuine, publish it unpacked',
  });
}
