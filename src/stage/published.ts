import { type BigIntStats, lstatSync } from 'node:fs';
import { WeighlockError } from '../error/index.ts';
import { close, ioError, openFolder, statOpen } from '../fs/index.ts';
import { pathOf } from './private-folder.ts';
import { type Tree, treeOf } from './tree.ts';

/** Which folder it is, and whose. */
export type Made = Pick<BigIntStats, 'dev' | 'ino' | 'uid' | 'mode'>;

export function madeAt(path: string): Made {
  return lstatSync(path, { bigint: true });
}

/**
 * What is visible at a destination, listed by the folder that is open, before and after which the
 * path leads to it: whoever may rename what lies in the folder around it may have put another one
 * there.
 *
 * @param made - the folder that was written and renamed to there
 * @throws WeighlockError `SOURCE_CHANGED`; I/O codes
 */
export async function listPublished(destination: string, made: Made): Promise<Tree> {
  const folder = attempt(() => openFolder(destination));
  try {
    requireSame(
      attempt(() => statOpen(folder)),
      made,
    );
    const tree = await treeOf(pathOf(folder));
    requireSame(
      attempt(() => madeAt(destination)),
      made,
    );
    return tree;
  } finally {
    close(folder);
  }
}

/**
 * The kubelet gives a pod's fsGroup its rights on a volume at any time; rights of everybody are
 * nobody's business.
 */
function requireSame(found: Made, made: Made): void {
  const isSame = found.dev === made.dev && found.ino === made.ino && found.uid === made.uid;
  if (!isSame) throw replaced('is not the folder that was verified');
  if ((found.mode & 0o002n & ~made.mode) !== 0n) throw replaced('was opened for everybody to write to');
}

function replaced(how: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_CHANGED',
    message: `something else writes to the folder of the destination: what lies there ${how}`,
    remedy: 'see what else mounts this volume, and with which UID; empty the destination, then restart the pod',
  });
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw ioError(error, 'look at what was published');
  }
}
