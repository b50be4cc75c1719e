import { closeSync, constants, fsyncSync, openSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { ioError, lacksSync } from '../fs/index.ts';

/** Files that are synced at a time: the journal takes them together. */
const CONCURRENCY = 16;

/** Brings a folder, and every file and folder below it, to the disk. */
export async function syncTree(folder: string): Promise<void> {
  const files: Buffer[] = [];
  const folders: Buffer[] = [Buffer.from(folder)];
  for (let i = 0; i < folders.length; i++) {
    const here = folders[i] ?? Buffer.alloc(0);
    for (const entry of readdirSync(here, { withFileTypes: true, encoding: 'buffer' })) {
      const path = Buffer.concat([here, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) folders.push(path);
      else files.push(path);
    }
  }
  const lane = async () => {
    for (let path = files.pop(); path !== undefined; path = files.pop()) await syncFile(path);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  for (const path of folders.reverse()) syncFolder(path);
}

/** Brings a folder's entries to the disk. */
export function syncFolder(path: string | Buffer): void {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      attemptSync(() => fsyncSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw ioError(error, 'sync the copy');
  }
}

function attemptSync(sync: () => void): void {
  try {
    sync();
  } catch (error) {
    tolerate(error);
  }
}

/** What cannot be synced is not less verified. */
function tolerate(error: unknown): void {
  if (!lacksSync(error)) throw error;
}

async function syncFile(path: Buffer): Promise<void> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      await file.datasync().catch(tolerate);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioError(error, 'sync the copy');
  }
}
