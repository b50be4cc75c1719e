import { fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import {
  bytesTaken,
  close,
  entryText,
  type FileTable,
  ioError,
  lacksSync,
  nameAt,
  type PathBytes,
  toBuffer,
} from '../fs/index.ts';

/** The staged twin of a file that is being hashed. */
export interface Copy {
  write(chunk: Uint8Array): void;
  sync(): void;
  close(): void;
}

/**
 * Creates the staged twin of a file: same name below `folder`, mode 0644, an error if anything is
 * there already.
 *
 * @param isAgain - a copy that was begun is there, to be made anew
 */
export function createCopy(folder: string, files: FileTable, index: number, isAgain: boolean): Copy {
  const name = nameAt(files, index);
  const attempt = <T>(doing: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw ioError(error, doing, entryText(name));
    }
  };
  const path = Buffer.concat([Buffer.from(`${folder}/`), toBuffer(name as PathBytes)]);
  if (isAgain) attempt('remove the copy', () => rmSync(path, { force: true }));
  const descriptor = attempt('create the copy', () => openSync(path, 'wx', 0o644));
  return {
    write(chunk) {
      for (let done = 0; done < chunk.length; ) {
        done += attempt('write the copy', () => bytesTaken(writeSync(descriptor, chunk, done, chunk.length - done)));
      }
    },
    sync: () =>
      attempt('write the copy', () => {
        try {
          fsyncSync(descriptor);
        } catch (error) {
          if (!lacksSync(error)) throw error;
        }
      }),
    // Whatever can be lost by closing it was told by `sync`.
    close: () => close(descriptor),
  };
}
