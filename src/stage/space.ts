import { existsSync, statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';

/** Left free on the volume, so that a pull that just fits does not starve what else lives there. */
const RESERVE_BYTES = 16 << 20;

/** @throws WeighlockError `FILE_MISSING` for a folder that is not there, `NO_SPACE` */
export function requireSpace(folder: string, bytes: number): void {
  if (!existsSync(folder)) {
    throw new WeighlockError({
      // As ENOENT of any call: whoever can write to the volume can take the folder away.
      code: 'FILE_MISSING',
      message: `the folder of the destination is not there: ${resolve(folder)}`,
      remedy: 'mount a writable volume there, or name a path inside one',
    });
  }
  const free = freeBytes(folder);
  if (free === undefined || free - RESERVE_BYTES >= bytes) return;
  throw new WeighlockError({
    code: 'NO_SPACE',
    message: 'the volume of the destination is too small for the artifact',
    expected: `${bytes + RESERVE_BYTES} bytes free`,
    found: `${free} bytes free`,
    remedy: 'make room on this volume, or give it more capacity',
  });
}

/**
 * Undefined where the file system does not say: some have no statfs(2), and some say 0 blocks of
 * everything.
 */
export function freeBytes(folder: string, statfs: typeof statfsSync = statfsSync): number | undefined {
  try {
    const { bavail, bsize, blocks } = statfs(folder);
    return blocks > 0 && bsize > 0 ? bavail * bsize : undefined;
  } catch {
    return undefined;
  }
}
