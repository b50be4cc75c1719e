import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { ioError } from '../fs/index.ts';

/** A key is never overwritten. */
export function createFile(path: string, text: string, mode: number): void {
  attempt(path, () => writeAll(openSync(path, 'wx', mode), [Buffer.from(text)]));
}

/**
 * A reader sees the old file or the new one, whole.
 *
 * @param content - all of it, or pieces that are made as they are written
 */
export function replaceFile(path: string, content: string | Iterable<Uint8Array>, mode: number): void {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}`);
  attempt(path, () => {
    try {
      writeAll(openSync(temporary, 'wx', mode), typeof content === 'string' ? [Buffer.from(content)] : content);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

function writeAll(descriptor: number, pieces: Iterable<Uint8Array>): void {
  try {
    for (const bytes of pieces) for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${path} is there already`,
        remedy: 'choose another name, or remove it if you are sure that nobody needs it',
      });
    }
    throw ioError(error, `write ${path}`);
  }
}
