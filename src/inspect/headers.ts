import { setImmediate as eventLoop } from 'node:timers/promises';
import { ContentInspector, type FileContent, TAIL_BYTES } from '../content/index.ts';
import { WeighlockError } from '../error/index.ts';

/** What is asked for first: the headers of most files. */
const FIRST_BYTES = 64 << 10;
/** And then, twice as much each time. */
const MOST_AT_ONCE = 4 << 20;
/** A document or a text is read so far, and no further. */
const MOST_WHOLE_BYTES = 64 << 20;
/** Headers of real shards are shorter; of what is longer, all that is read may have to be kept. */
const SHORT_BYTES = 4 << 20;
/** Files of which more than that is read at a time. */
const LONG_AT_ONCE = 2;
/** Milliseconds after which timers and signals have their turn. */
const TURN = 50;

/** A file whose headers can be read. */
export interface Readable {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** @returns exactly so many bytes */
  read(start: number, length: number): Promise<Buffer>;
}

/** What a file is, by its headers and its end alone. */
export interface HeadersFound extends FileContent {
  readonly name: string;
  readonly size: number;
  /** Bytes that were read. */
  readonly bytesRead: number;
  /** All of it was looked at that decides what it is. */
  readonly isComplete: boolean;
}

/** What the files of one artifact share while they are read. */
class Shared {
  readonly #mostBytes: number;
  #bytes = 0;
  #long = 0;
  readonly #waiting: (() => void)[] = [];
  #lastTurn = performance.now();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** @throws WeighlockError `LIMIT_EXCEEDED` */
  async count(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes > this.#mostBytes) throw tooMuch(this.#mostBytes);
    const now = performance.now();
    if (now - this.#lastTurn < TURN) return;
    await eventLoop();
    this.#lastTurn = performance.now();
  }

  /** Waits until there is memory for one more file of which much is kept. */
  async enterLong(): Promise<void> {
    if (this.#long === LONG_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#long += 1;
  }

  leaveLong(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#long -= 1;
    else next();
  }
}

function tooMuch(most: number): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the headers have more bytes than may be fetched',
    expected: `at most ${most} bytes (--max-bytes)`,
    found: 'more',
    remedy: 'name what is meant more precisely (--include, --exclude), or raise --max-bytes',
  });
}

/** Reads what a file says of itself, and leaves out its tensors. */
async function readHeaders({ name, size, read }: Readable, shared: Shared): Promise<HeadersFound> {
  const inspector = new ContentInspector(name, size);
  let [at, bytesRead, next, isComplete, isLong] = [0, 0, FIRST_BYTES, true, false];
  try {
    while (at < size) {
      const toTail = size - TAIL_BYTES - at;
      const isTooMuch = bytesRead >= MOST_WHOLE_BYTES;
      const ahead = isTooMuch ? Number.POSITIVE_INFINITY : inspector.ahead;
      if (ahead > 0 && toTail > 0) {
        const skipped = Math.min(ahead, toTail);
        if (isTooMuch && inspector.ahead < skipped) isComplete = false;
        inspector.skip(skipped);
        at += skipped;
        continue;
      }
      const length = Math.min(next, size - at);
      if (!isLong && bytesRead + length > SHORT_BYTES) {
        await shared.enterLong();
        isLong = true;
      }
      await shared.count(length);
      inspector.push(await read(at, length));
      at += length;
      bytesRead += length;
      next = Math.min(2 * next, MOST_AT_ONCE);
    }
    return { ...inspector.finish(), name, size, bytesRead, isComplete };
  } finally {
    inspector.drop();
    if (isLong) shared.leaveLong();
  }
}

/**
 * The same for many files, some at a time.
 *
 * @param mostBytes - bytes to read of all of them
 * @throws WeighlockError
 */
export async function readAllHeaders(
  files: readonly Readable[],
  atOnce: number,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<HeadersFound[]> {
  const shared = new Shared(mostBytes);
  const found: HeadersFound[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < files.length; i = next++) {
      const file = files[i];
      if (file !== undefined) found[i] = await readHeaders(file, shared);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return found;
}
