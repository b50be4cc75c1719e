import { type BigIntStats, fsync, readFileSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { errno, isSystemError, WeighlockError } from '../error/index.ts';
import { isListed } from './attributes.ts';
import { entryText } from './entry-path.ts';
import { type FileTable, nameAt, openPathAt } from './file-table.ts';
import type { Listing } from './listing.ts';
import { folderContents, statOpen } from './open.ts';
import { closeLater, openFileLater, statLater } from './open-later.ts';
import { isLocal } from './working-folder.ts';

const [opened, looked, closed, synced] = [
  promisify(openFileLater) as (root: number, path: ReturnType<typeof openPathAt>) => Promise<number>,
  promisify(statLater) as (descriptor: number) => Promise<BigIntStats>,
  promisify(closeLater) as (descriptor: number) => Promise<void>,
  promisify(fsync),
];

/** Files that are opened at a time: as many as libuv's threads take, and some that wait. */
const AT_A_TIME = 16;

/** `f_type` of statfs(2) for what lies in memory alone: tmpfs, ramfs, hugetlbfs. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6, 0x958458f6]);

/**
 * Opens every listed file, and looks at it by its descriptor: that is when NFS and its like ask the
 * server, where a look by path may be answered from memory for a minute.
 *
 * @returns the first that is not as it was listed, in words; undefined when there is none
 */
export function firstMoved(listing: Pick<Listing, 'root' | 'files'>): Promise<string | undefined> {
  return visit(listing, async () => undefined);
}

/**
 * True where looking at files by their paths asks no server: all of them lie on the disk that their
 * folder lies on.
 */
export function isAllLocal({ root, files }: Pick<Listing, 'root' | 'files'>): boolean {
  if (!isLocal(root)) return false;
  const device = BigInt.asUintN(64, statOpen(root).dev) ^ files.deviceBase;
  return files.device.every((one) => one === device);
}

/**
 * Makes every change of a listed file from now on move its ctime. What has a file mapped into its
 * memory (`mmap`) moves that with the first write to a page, and with no other before the page is
 * written to the disk, which may be half a minute later; writing it now ends that. What lies in
 * memory alone is never written anywhere. Files of a disk that were left alone for ten minutes need
 * none of it: the kernel wrote them long ago, and a sync takes half a millisecond.
 *
 * @param writtenBefore - nanoseconds since 1970: what changed before that was written to the disk
 * @returns why that cannot be known, in words; undefined when it is so
 */
export async function settle(
  listing: Pick<Listing, 'root' | 'files'>,
  writtenBefore = writtenSince(listing),
): Promise<string | undefined> {
  let isOnDisk = false;
  const { ctime, ctimeHigh } = listing.files;
  const isWritten = (index: number) => isOnDisk && ctimeHigh[index] === 0 && (ctime[index] ?? 0n) < writtenBefore;
  const sync = async (descriptor: number, name: string) => {
    // They are all on one file system.
    if (!isOnDisk && isInMemory(descriptor))
      return `${name} lies in memory, where a program that has mapped it changes it unseen`;
    isOnDisk = true;
    try {
      await synced(descriptor);
      return undefined;
    } catch (error) {
      return `${name} cannot be synced: ${errno(error) ?? 'unknown error'}`;
    }
  };
  return visit(listing, sync, isWritten);
}

/** Least time after which the kernel has written what was changed; usually it takes 35 s. */
const LEAST_WRITTEN_MS = 600_000;

/**
 * Before when a change was written to the disk by now, going by how long this kernel waits. 0 where
 * nobody knows: for another machine's files, and where the kernel is told not to write by itself.
 */
function writtenSince(listing: Pick<Listing, 'root' | 'files'>): bigint {
  if (!isAllLocal(listing)) return 0n;
  try {
    const [expire = 0, interval = 0] = ['dirty_expire_centisecs', 'dirty_writeback_centisecs'].map((name) =>
      Number(readFileSync(`/proc/sys/vm/${name}`, 'latin1')),
    );
    if (!(expire > 0 && interval > 0)) return 0n;
    const wait = Math.max(LEAST_WRITTEN_MS, 10 * 10 * (expire + interval));
    return BigInt(Date.now() - wait) * 1_000_000n;
  } catch {
    return 0n;
  }
}

function isInMemory(descriptor: number): boolean {
  try {
    return IN_MEMORY.has(statfsSync(folderContents(descriptor).slice(0, -1)).type);
  } catch {
    // Nobody knows.
    return true;
  }
}

async function visit(
  { root, files }: Pick<Listing, 'root' | 'files'>,
  action: (descriptor: number, name: string) => Promise<string | undefined>,
  isDone: (index: number) => boolean = () => false,
): Promise<string | undefined> {
  const devices = new Set(files.device);
  if (devices.size > 1) return 'the files lie on several file systems';
  // The first tells of which kind their file system is.
  let found = files.count === 0 ? undefined : await visitOne(root, files, 0, action);
  let next = 1;
  const work = async () => {
    while (found === undefined && next < files.count) {
      const index = next++;
      if (isDone(index)) continue;
      const why = await visitOne(root, files, index, action);
      found ??= why;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return found;
}

async function visitOne(
  root: number,
  files: FileTable,
  index: number,
  action: (descriptor: number, name: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const name = entryText(nameAt(files, index));
  let descriptor: number | undefined;
  try {
    descriptor = await opened(root, openPathAt(files, index));
    if (!isListed(files, index, await looked(descriptor))) return `${name} is not what was listed`;
    return await action(descriptor, name);
  } catch (error) {
    if (!isSystemError(error) && !(error instanceof WeighlockError)) throw error;
    return `${name} cannot be opened: ${errno(error) ?? 'unknown error'}`;
  } finally {
    if (descriptor !== undefined) await closed(descriptor);
  }
}
