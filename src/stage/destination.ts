import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ioError } from '../fs/index.ts';

/** Names of staging folders begin like this. */
export const PREFIX = '.weighlock-';

/**
 * What lies at a destination: `absent` (an empty folder counts as absent) or `present`.
 *
 * In the root of a file system there may be an empty lost+found of its own, and staging folders
 * that nobody but this user can have made or look into: they are taken away before anything is
 * published. Anything else is content, and is verified. Nothing there is believed to say that a
 * publication is under way.
 */
export function destinationState(path: string): 'absent' | 'present' {
  const stat = attempt(() => lstatSync(path, { throwIfNoEntry: false }));
  if (stat === undefined) return 'absent';
  if (!stat.isDirectory()) return 'present';
  const names = attempt(() => readdirSync(path));
  if (names.length === 0) return 'absent';
  const isRoot = isMountPoint(path);
  return isRoot && names.every((name) => isLostAndFound(path, name) || isLeftover(path, name)) ? 'absent' : 'present';
}

/**
 * A folder that cannot be replaced by a rename: on another file system than the one it is in, or
 * mounted from the same one.
 */
export function isMountPoint(path: string): boolean {
  // A link is none, whatever it leads to: what lies there is nobody's to replace.
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return false;
  return stat.dev !== statSync(dirname(path)).dev || mountPoints().has(realpathSync(path));
}

/**
 * A file system that is mounted somewhere below a folder. A rename takes it along, and whoever then
 * removes what was replaced removes what another volume holds.
 */
export function mountBelow(path: string, points: ReadonlySet<string> = mountPoints()): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const folder = realpathSync(path);
  return [...points].find((point) => point.startsWith(folder === '/' ? '/' : `${folder}/`) && point !== folder);
}

/** A volume's subPath is mounted from the device that what is around it may be on, too. */
function mountPoints(): ReadonlySet<string> {
  try {
    return parseMountPoints(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return new Set();
  }
}

/** proc_pid_mountinfo(5): the fifth field, with octal escapes. */
export function parseMountPoints(text: string): ReadonlySet<string> {
  const points = text.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
  return new Set(
    points.map((point) => point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))),
  );
}

/**
 * The folder that ext4 has in its root, if it is that one and empty.
 *
 * @throws WeighlockError when it cannot be looked into
 */
export function isLostAndFound(root: string, name: string): boolean {
  if (name !== 'lost+found') return false;
  const path = join(root, name);
  const stat = attempt(() => lstatSync(path, { throwIfNoEntry: false }));
  return stat !== undefined && isOfFileSystem(stat) && attempt(() => readdirSync(path)).length === 0;
}

/** Root's, and nobody else's business; a pod's fsGroup is given rights on it, as on everything. */
export function isOfFileSystem(stat: Pick<Stats, 'uid' | 'mode' | 'isDirectory'>): boolean {
  return stat.isDirectory() && stat.uid === 0 && (stat.mode & 0o007) === 0;
}

/** A staging folder of an earlier run, or of another one that is under way. */
export function isLeftover(root: string, name: string): boolean {
  if (!name.startsWith(PREFIX)) return false;
  const stat = attempt(() => lstatSync(join(root, name), { throwIfNoEntry: false }));
  return stat !== undefined && isPrivate(stat, process.geteuid?.());
}

/** True for a folder of this user that nobody else may look into, let alone write to. */
export function isPrivate(stat: Pick<Stats, 'uid' | 'mode' | 'isDirectory'>, uid: number | undefined): boolean {
  return stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0;
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw ioError(error, 'look at the destination');
  }
}
