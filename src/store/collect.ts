import { collisionKey, safePath, unsafePath } from '../archive/index.ts';
import { WeighlockError } from '../error/index.ts';
import { comparePaths, fromText, toBuffer } from '../fs/index.ts';
import { LISTED_FILE_BYTES, LISTED_NAME_COPIES, listingBytes } from './limits.ts';
import { isWanted, type Patterns } from './patterns.ts';
import type { StoredFile } from './store.ts';

/** A file as a listing names it. */
export type ListedFile = Omit<StoredFile, 'path'> & {
  /** Its name below what is listed, as the store has it. */
  readonly name: string;
};

/** Takes the files of a listing, page by page: the one way for names of a store to become paths. */
export class FileCollector {
  readonly #files: StoredFile[] = [];
  readonly #keys = new Set<string>();
  readonly #collisions = new Map<string, string>();
  #bytes = 0;
  readonly #most: number;
  readonly #mostBytes: number;
  readonly #patterns: Patterns;

  /**
   * @param most - files that one artifact may have
   * @param mostBytes - what they may take of memory
   */
  constructor(most: number, patterns: Patterns, mostBytes = listingBytes()) {
    this.#most = most;
    this.#mostBytes = mostBytes;
    this.#patterns = patterns;
  }

  /**
   * @throws WeighlockError `UNSAFE_ENTRY` for a name that is no safe path, that was there before,
   * or that some file system would take
   *   for another; `LIMIT_EXCEEDED`
   */
  add({ name, ...file }: ListedFile): void {
    const bytes = Buffer.from(name, 'utf8');
    if (this.#keys.has(file.key)) throw new WeighlockError(unsafePath(bytes, 'is listed twice'));
    this.#keys.add(file.key);
    if (this.#keys.size > this.#most) throw tooMany(this.#most);
    this.#bytes += LISTED_FILE_BYTES + bytes.length * LISTED_NAME_COPIES + (file.etag?.length ?? 0);
    if (this.#bytes > this.#mostBytes) throw tooLong(this.#mostBytes, this.#keys.size);
    if (!isWanted(name, this.#patterns)) return;
    // A name with half a character of UTF-16 would become another one.
    const path = name.isWellFormed() ? safePath(bytes) : { fault: 'is not valid Unicode' };
    if (typeof path !== 'string') throw new WeighlockError(unsafePath(bytes, path.fault));
    // What is only brought to its shortest form for an archive is another name in a store.
    if (path !== fromText(name)) throw new WeighlockError(unsafePath(bytes, 'is not in its shortest form'));
    const collision = collisionKey(path);
    if (this.#collisions.has(collision))
      throw new WeighlockError(unsafePath(toBuffer(path), 'differs from another one only in case or Unicode form'));
    this.#collisions.set(collision, name);
    this.#files.push({ path, ...file });
  }

  /** How many names there were, wanted or not. */
  get listed(): number {
    return this.#keys.size;
  }

  /**
   * The files by path, in byte order.
   *
   * @throws WeighlockError `UNSAFE_ENTRY` for a file that is the folder of another
   */
  finish(): readonly StoredFile[] {
    for (const { path } of this.#files) {
      for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
        const folder = path.slice(0, slash) as StoredFile['path'];
        if (this.#collisions.has(collisionKey(folder)))
          throw new WeighlockError(unsafePath(toBuffer(folder), 'is a file, and the folder of another one'));
      }
    }
    return this.#files.sort((a, b) => comparePaths(a.path, b.path));
  }
}

function tooMany(most: number): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the listing has more files than one artifact may have',
    expected: `at most ${most} (--max-files)`,
    found: 'more',
    remedy: 'name what is meant more precisely, or raise --max-files',
  });
}

function tooLong(most: number, files: number): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the listing is larger than may be kept in memory',
    expected: `at most ${Math.floor(most / 2 ** 20)} MiB`,
    found: `more, after ${files} files`,
    remedy: 'name what is meant more precisely, verify it as several artifacts, or give the container more memory',
  });
}

/** What a store lists in the place of a file's size: a whole number of bytes. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
