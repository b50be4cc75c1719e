import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, type Stats } from 'node:fs';
import { basename, join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { close, folderContents, fromText, ioError, openFolder, openFolderBeneath, statOpen } from '../fs/index.ts';
import { isPrivate, PREFIX } from './destination.ts';

const DOING = 'create a staging folder at the destination';

/**
 * The path of an open folder, as `openat(2)` resolves it: whatever is renamed or put in its place
 * meanwhile.
 */
export function pathOf(folder: number): string {
  return folderContents(folder).slice(0, -1);
}

/**
 * Opens the folder that a staging folder is made in; on the way there links are followed, since the
 * platform chose it.
 */
export function openBase(path: string): number {
  try {
    return openFolder(path);
  } catch (error) {
    throw ioError(error, DOING);
  }
}

/**
 * A folder of this user (0700) that is held open. Whoever may write to the folder that it lies in
 * can rename it, and put another one in its place; what is done by `path` still happens in this
 * one.
 */
export class PrivateFolder {
  /**
   * Below which everything is made, read, renamed and removed; usable by every thread of this
   * process until `remove`.
   */
  readonly path: string;
  readonly #descriptor: number;
  readonly #base: number;
  readonly #name: string;
  #isOpen = true;

  /**
   * @param base - open folder that it is made in
   * @param key - makes the same one again, if it is ours and nobody else can look into it
   * @param onMade - called between the call that makes it and the one that opens it
   * @throws WeighlockError `SOURCE_CHANGED` when what is opened is not what was made; I/O codes
   */
  constructor(base: number, key?: string, onMade?: (name: string) => void) {
    const { name, isNew } = make(pathOf(base), key);
    onMade?.(name);
    this.#base = base;
    this.#name = name;
    this.#descriptor = attempt(DOING, () => openFolderBeneath(base, fromText(name)));
    this.path = pathOf(this.#descriptor);
    try {
      this.#require(isNew);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get name(): string {
    return this.#name;
  }

  #require(isNew: boolean): void {
    const stat = attempt(DOING, () => statOpen(this.#descriptor));
    const owner = { uid: Number(stat.uid), mode: Number(stat.mode), isDirectory: () => stat.isDirectory() };
    if (!isNew && isPrivate(owner, process.geteuid?.())) return;
    if (!isNew || !isOwn(owner, this.path)) throw replaced();
    if (attempt(DOING, () => readdirSync(this.path)).length > 0) throw replaced();
  }

  /**
   * Removes it and whatever is still in it; best effort: it is private, and says nothing to
   * anybody.
   */
  remove(): void {
    if (!this.#isOpen) return;
    emptyOpen(this.#descriptor);
    removeEmpty(this.#base, this.#name, this.#descriptor);
    this.close();
  }

  /** Leaves it to the next run. */
  close(): void {
    if (this.#isOpen) close(this.#descriptor);
    this.#isOpen = false;
  }
}

/**
 * Removes a private folder of an earlier run, and what is in it. What is emptied is what was looked
 * at.
 *
 * @throws WeighlockError I/O codes
 */
export function removeLeftover(base: number, name: string): void {
  attempt('remove a staging folder', () => {
    const folder = openFolderBeneath(base, fromText(name));
    try {
      const stat = statOpen(folder);
      const owner = { uid: Number(stat.uid), mode: Number(stat.mode), isDirectory: () => true };
      if (!isPrivate(owner, process.geteuid?.())) return;
      emptyOpen(folder);
      removeEmpty(base, name, folder);
    } finally {
      close(folder);
    }
  });
}

function make(base: string, key: string | undefined): { name: string; isNew: boolean } {
  const fresh = () => ({ name: basename(attempt(DOING, () => mkdtempSync(join(base, PREFIX)))), isNew: true });
  if (key === undefined) return fresh();
  const name = PREFIX + key;
  try {
    mkdirSync(join(base, name), { mode: 0o700 });
    return { name, isNew: true };
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw ioError(error, DOING);
  }
  const stat = attempt(DOING, () => lstatSync(join(base, name)));
  return isPrivate(stat, process.geteuid?.()) ? { name, isNew: false } : fresh();
}

/**
 * True for a folder that has the owner and the rights that a new one gets here. Some file systems
 * give every folder the same (SMB, FUSE), or make another user of root (NFS): nothing on them is
 * more private than what is around it. Another user's folder is found out by what is made in it,
 * which is ours.
 */
function isOwn(stat: Pick<Stats, 'uid' | 'mode' | 'isDirectory'>, path: string): boolean {
  if (isPrivate(stat, process.geteuid?.())) return true;
  const probe = join(path, 'own');
  return attempt(DOING, () => {
    mkdirSync(probe, { mode: 0o700 });
    const own = lstatSync(probe);
    rmdirSync(probe);
    return own.isDirectory() && own.uid === stat.uid && (own.mode & 0o777) === (stat.mode & 0o777);
  });
}

function emptyOpen(folder: number): void {
  try {
    for (const name of readdirSync(pathOf(folder), 'buffer'))
      rmSync(Buffer.concat([Buffer.from(folderContents(folder)), name]), { recursive: true, force: true });
  } catch {
    // What stays is in a private folder; where it lies among what is published, it is noticed.
  }
}

/** Only an empty folder goes by its name, and only the one that is open. */
function removeEmpty(base: number, name: string, folder: number): void {
  try {
    const path = join(pathOf(base), name);
    const [there, own] = [lstatSync(path, { bigint: true }), statOpen(folder)];
    if (there.dev === own.dev && there.ino === own.ino) rmdirSync(path);
  } catch {
    // Somebody renamed it.
  }
}

function replaced(): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_CHANGED',
    message: 'something else writes to the folder of the destination: it replaced the staging folder',
    remedy: 'see what else mounts this volume, and with which UID; then restart the pod',
  });
}

function attempt<T>(doing: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof WeighlockError ? error : ioError(error, doing);
  }
}
