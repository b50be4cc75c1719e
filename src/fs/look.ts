import type { BigIntStats } from 'node:fs';
import { isSystemError } from '../error/index.ts';
import { each, statIn, type Task } from './calls.ts';
import type { PathBytes } from './entry-path.ts';
import { AGAIN, type FileTable, namesOf, SEEN, takeDown } from './file-table.ts';
import { isPossibleSize } from './open.ts';

/**
 * Looks at files of which only the names are known, and takes down what they are. What is no
 * regular file any more, or cannot be looked at, is to be listed again, by whoever says what is
 * wrong with it.
 *
 * @param root - the open folder that they lie in
 * @param first - those before it are others
 */
export function* lookAt(root: number, files: FileTable, first = 0): Task {
  const targetOf = (name: PathBytes, index: number) => files.targets.get(index) ?? name;
  yield {
    tasks: each(namesOf(files, first), (name, i) => lookAtOne(root, targetOf(name, first + i), files, first + i)),
  };
}

function* lookAtOne(root: number, path: PathBytes, files: FileTable, index: number): Task {
  files.hashed[index] = AGAIN;
  try {
    const stat = (yield statIn(root, path)) as BigIntStats;
    if (!stat.isFile() || !isPossibleSize(stat)) return;
    takeDown(files, index, stat);
    files.hashed[index] = SEEN;
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
