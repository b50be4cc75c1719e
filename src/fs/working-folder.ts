import { closeSync, constants, openSync, statfsSync } from 'node:fs';
import { folderContents } from './open.ts';

/**
 * True while an artifact is the working folder of this process. Meanwhile nobody may use a relative
 * path that means something else, nor start a thread: Node looks for files in the working folder
 * then.
 */
export function isInside(): boolean {
  return inside;
}

let inside = false;

/** open(2); the same on x86-64 and arm64. */
const O_PATH = 0o10000000;

/**
 * `f_type` of statfs(2) for file systems on disks and in memory: ext4, XFS, Btrfs, F2FS, ZFS,
 * EROFS, SquashFS and tmpfs.
 */
const LOCAL = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0xe0f5e1e2, 0x73717368, 0x01021994]);

/**
 * True where `enter` asks nobody. On network storage, FUSE included, it may have to, and the main
 * thread must never wait for that: no time limit would be kept. What it saves counts for nothing
 * there.
 */
export function isLocal(folder: number): boolean {
  try {
    return LOCAL.has(statfsSync(folderContents(folder)).type);
  } catch {
    return false;
  }
}

const localDevices = new Map<bigint, boolean>();

/**
 * True for an open file on such a file system, whose kernel knows where a file ends: a read that
 * brings less than was asked for has met the end. Elsewhere it may be all that a server sends at a
 * time.
 *
 * @param device - its `st_dev`: what was found out for one file holds for the others on it
 */
export function endsShortReads(file: number, device: bigint): boolean {
  const known = localDevices.get(device);
  if (known !== undefined) return known;
  let isOne = false;
  try {
    isOne = LOCAL.has(statfsSync(folderContents(file).slice(0, -1)).type);
  } catch {
    // Another read tells.
  }
  localDevices.set(device, isOne);
  return isOne;
}

/**
 * Makes an open folder, which must be local, the working folder of the process, in the main thread:
 * below it, files are opened by their names alone (`AT_FDCWD`), which takes half the time of a path
 * through procfs and is anchored as well.
 *
 * @returns what undoes it, once; undefined where it cannot be done, or somebody has done it already
 */
export function enter(folder: number): (() => void) | undefined {
  if (inside) return undefined;
  let before: number | undefined;
  try {
    // By a descriptor: it may be renamed meanwhile. With O_PATH its file system is not asked.
    before = openSync('.', O_PATH | constants.O_DIRECTORY);
    process.chdir(folderContents(folder));
  } catch {
    if (before !== undefined) closeSync(before);
    return undefined;
  }
  inside = true;
  return () => {
    if (before === undefined) return;
    process.chdir(folderContents(before));
    closeSync(before);
    before = undefined;
    inside = false;
  };
}
