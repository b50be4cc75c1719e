import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type FileTable, fromText, openFolder, unseenFiles } from '../../src/fs/index.ts';

/** A table of files of which only the names are known, and the open folder that they lie in. */
export function createTable(folder: string, names: readonly string[]): { root: number; files: FileTable } {
  return { root: openFolder(folder), files: unseenFiles(names.map(fromText), new Map()) };
}

/** Files that each hold their own name. */
export function treeOf(folder: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), name);
  }
}
