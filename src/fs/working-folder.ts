import { closeSync, constants, openSync } from 'node:fs';
import { folderContents } from './open.ts';

/**
 * True while an artifact is the working folder of this process. Meanwhile nobody may use a relative path that means something else, nor
 * start a thread: Node looks for files in the working folder then.
 */
export function isInside(): boolean {
  return inside;
}

let inside = false;

/**
 * Makes an open folder the working folder of the process, in the main thread: below it, files are opened by their names alone
 * (`AT_FDCWD`), which takes half the time of a path through procfs and is anchored as well.
 *
 * @returns what undoes it, once; undefined where it cannot be done, or somebody has done it already
 */
export function enter(folder: number): (() => void) | undefined {
  if (inside) return undefined;
  let before: number | undefined;
  try {
    // By its descriptor: it may be renamed meanwhile.
    before = openSync('.', constants.O_RDONLY | constants.O_DIRECTORY);
    process.chdir(folderContents(folder));
  } catch {
    if (before !== undefined) closeSync(before);
    return undefined;
  }
  let comeBackTo: number | undefined = before;
  inside = true;
  return () => {
    if (comeBackTo === undefined) return;
    process.chdir(folderContents(comeBackTo));
    closeSync(comeBackTo);
    comeBackTo = undefined;
    inside = false;
  };
}
