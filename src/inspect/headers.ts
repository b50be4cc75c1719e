import { ContentInspector, type FileContent, TAIL_BYTES } from '../content/index.ts';

/** What is asked for first: the headers of most files. */
const FIRST_BYTES = 64 << 10;
/** And then, twice as much each time. */
const MOST_AT_ONCE = 4 << 20;
/** A document or a text is read so far, and no further. */
const MOST_WHOLE_BYTES = 64 << 20;

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

/** Reads what a file says of itself, and leaves out its tensors. */
export async function readHeaders({ name, size, read }: Readable): Promise<HeadersFound> {
  const inspector = new ContentInspector(name, size);
  let [at, bytesRead, next, isComplete] = [0, 0, FIRST_BYTES, true];
  const take = async (length: number) => {
    inspector.push(await read(at, length));
    at += length;
    bytesRead += length;
  };
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
    await take(Math.min(next, size - at));
    next = Math.min(2 * next, MOST_AT_ONCE);
  }
  return { ...inspector.finish(), name, size, bytesRead, isComplete };
}

/** The same for many files, some at a time. */
export async function readAllHeaders(files: readonly Readable[], atOnce: number): Promise<HeadersFound[]> {
  const found: HeadersFound[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < files.length; i = next++) {
      const file = files[i];
      if (file !== undefined) found[i] = await readHeaders(file);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return found;
}
