import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ioError } from '../fs/index.ts';

/** What the example of an Indexed Job calls the parts in a folder. */
const PART = /^part-\d{1,5}$/;

/**
 * The parts that were named: files, and folders with `part-0`, `part-1` and so on in them.
 *
 * @throws WeighlockError I/O codes for a folder that cannot be read
 */
export function partFiles(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    if (statSync(word, { throwIfNoEntry: false })?.isDirectory() !== true) return [word];
    try {
      return readdirSync(word)
        .filter((name) => PART.test(name))
        .map((name) => join(word, name));
    } catch (error) {
      throw ioError(error, `read the folder ${word}`);
    }
  });
}
