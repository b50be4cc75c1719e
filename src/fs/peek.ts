import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** What a peek sees, at most. */
export const MOST_SEEN = 64;

/** Files of a folder whose sizes are asked for: models come in few large ones. */
const MOST_SIZES = 32;

/** Files or folders, `MOST_SEEN` at most, and the bytes of some of the files. */
interface Peek {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * A quick look at what lies at a path, for whoever wants to get ready what much of it will need.
 * Nothing else may depend on it: the listing decides. It never fails.
 */
export async function peek(path: string): Promise<Peek> {
  try {
    const stat = await lstat(path);
    if (!stat.isDirectory()) return { entries: 1, bytes: stat.isFile() ? stat.size : 0 };
    const entries = await firstEntries(path);
    const files = entries.filter((entry) => entry.isFile()).slice(0, MOST_SIZES);
    const sizes = await Promise.all(files.map(async ({ name }) => (await lstat(join(path, name))).size));
    return { entries: entries.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } catch {
    return { entries: 0, bytes: 0 };
  }
}

async function firstEntries(path: string): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  for await (const entry of await opendir(path, { bufferSize: MOST_SEEN }))
    if (entries.push(entry) === MOST_SEEN) break;
  return entries;
}
