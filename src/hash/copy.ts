import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { entryText, type FileTable, ioError, nameAt, type PathBytes, toBuffer } from '../fs/index.ts';

/** The staged twin of a file that is being hashed. */
export interface Copy {
  write(chunk: Uint8Array): void;
  sync(): void;
  close(): void;
}

/** Creates the staged twin of a file: same name below `folder`, mode 0644, an error if anything is there already. */
export function createCopy(folder: string, files: FileTable, index: number): Copy {
  const name = nameAt(files, index);
  const attempt = <T>(doing: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw ioError(error, doing, entryText(name));
    }
  };
  const path = Buffer.concat([Buffer.from(`${folder}/`), toBuffer(name as PathBytes)]);
  const descriptor = attempt('create the copy', () => openSync(path, 'wx', 0o644));
  return {
    write(chunk) {
      for (let done = 0; done < chunk.length; ) {
        done += attempt('write the copy', () => writeSync(descriptor, chunk, done, chunk.length - done));
      }
    },
    sync: () => attempt('write the copy', () => fsyncSync(descriptor)),
    close: () => closeSync(descriptor),
  };
}
