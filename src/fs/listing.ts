import type { BigIntStats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errno, type Failure, isSystemError, WeighlockError } from '../error/index.ts';
import type { LeftOutSummary } from './bookkeeping.ts';
import { openedStat, openIn, runNow, statIn, type Task } from './calls.ts';
import { fromText, type PathBytes } from './entry-path.ts';
import { type FileTable, FileTableBuilder, nameAt, openPathAt, SEEN } from './file-table.ts';
import { ioError } from './io-failure.ts';
import { LinkRoot } from './link-root.ts';
import { close, isPossibleSize, kindOf, openFolder, openFolderBeneath, statBeneath } from './open.ts';
import { LinkError, type Resolved, resolveBeneath } from './resolve-link.ts';
import { Walk, type WalkOptions } from './walk.ts';

/** What lies at a path: one file, or a folder with everything below it. */
export interface Listing {
  readonly kind: 'file' | 'folder';
  /**
   * Open folder that every entry is opened from: the artifact itself, or the folder that holds the
   * one file.
   */
  readonly root: number;
  readonly files: FileTable;
  /** The folders, for `changedFolders`; empty for a file. */
  readonly folders: FileTable;
  /** Entries that must not be there or could not be listed. */
  readonly failures: readonly Failure[];
  /** What is no part of the artifact, where the platform says so. */
  readonly leftOut?: LeftOutSummary;
  /** How it was listed: it may have to be listed again. */
  readonly options: Pick<WalkOptions, 'allowSymlinks' | 'maxFiles' | 'storage'>;
}

export interface ListOptions extends Omit<WalkOptions, 'onUnseen'> {
  /** As in `WalkOptions`, with the folder that they are opened from. */
  readonly onUnseen?: (names: readonly PathBytes[], targets: ReadonlyMap<number, PathBytes>, root: number) => void;
}

/**
 * Lists a file or a folder. Links on the way to it are followed, since the platform chose that path
 * and not the content; its last component must not be one unless links are allowed, and then it
 * must not lead out of the folder that it lies in.
 *
 * @throws WeighlockError `FILE_MISSING`, `UNSAFE_ENTRY`, `LIMIT_EXCEEDED`, or what `ioError` makes
 * of a system call's error, when there is
 *   nothing to list
 */
export function listPath(path: string, options: ListOptions): Listing {
  return runNow(listing(path, options));
}

/** The same, for whoever makes the calls. */
export function* listing(path: string, options: ListOptions): Task<Listing> {
  let parent = openParent(path);
  let listed: Listing | undefined;
  try {
    let name = fromText(basename(path));
    const behind = behindLink(parent, name, options);
    if (behind === undefined && options.allowSymlinks && name !== '')
      [parent, name] = followed(parent, name, options.onEntry);
    // The root folder of the file system has no name in its parent.
    const stat = behind?.stat ?? ((yield name === '' ? openedStat(parent) : statIn(parent, name)) as BigIntStats);
    if (stat.isDirectory()) {
      const root = (yield openIn(parent, name === '' ? ('.' as PathBytes) : name)) as number;
      listed = yield* listFolder(root, options);
    } else if (stat.isFile()) {
      listed = listFile(parent, name, stat, options, behind?.path);
    } else throw refuse(kindOf(stat));
    return listed;
  } catch (error) {
    throw isSystemError(error) || error instanceof LinkError ? rootError(error) : error;
  } finally {
    if (listed?.root !== parent) close(parent);
  }
}

/**
 * Where a name in an open folder leads, as the folder that it lies in and its name there. The
 * folder given is closed for another.
 */
function followed(parent: number, name: PathBytes, onStep: () => void): [number, PathBytes] {
  const { path } = resolveBeneath(parent, name, onStep);
  let folder = parent;
  const components = path.split('/') as PathBytes[];
  const last = components.pop() ?? ('' as PathBytes);
  for (const component of components) {
    const next = openFolderBeneath(folder, component);
    if (folder !== parent) close(folder);
    folder = next;
  }
  if (folder !== parent) close(parent);
  return [folder, last];
}

/**
 * The file that a link leads to: one to a blob of a cache, or beneath the platform's link root.
 * Undefined for everything else.
 */
function behindLink(parent: number, name: PathBytes, { storage, onEntry }: ListOptions): Resolved | undefined {
  if (!isLink(parent, name)) return undefined;
  const linkRoot = LinkRoot.open(parent, storage?.linkRoot);
  try {
    const found = linkRoot?.isFor(name) === true ? linkRoot.resolve(name, onEntry) : undefined;
    return found?.stat.isFile() === true ? found : undefined;
  } finally {
    linkRoot?.close();
  }
}

function isLink(parent: number, name: PathBytes): boolean {
  try {
    return name !== '' && statBeneath(parent, name).isSymbolicLink();
  } catch (error) {
    // Whoever lists it says so.
    if (!isSystemError(error)) throw error;
    return false;
  }
}

function listFile(
  root: number,
  name: PathBytes,
  stat: BigIntStats,
  options: ListOptions,
  target: PathBytes = name,
): Listing {
  options.onEntry();
  if (!isPossibleSize(stat)) throw refuse(`file of ${stat.size} bytes`);
  const files = new FileTableBuilder();
  files.add(name, stat, target);
  const folders = new FileTableBuilder().freeze();
  return { kind: 'file', root, files: files.freeze(), folders, failures: [], options: optionsOf(options) };
}

function optionsOf({ allowSymlinks, maxFiles, storage }: ListOptions): Listing['options'] {
  return { allowSymlinks, maxFiles, ...(storage === undefined ? {} : { storage }) };
}

function* listFolder(root: number, options: ListOptions): Task<Listing> {
  let isHandedOn = false;
  const { onUnseen, ...plain } = options;
  const handOn = (names: readonly PathBytes[], targets: ReadonlyMap<number, PathBytes>) => {
    isHandedOn = true;
    onUnseen?.(names, targets, root);
  };
  const walk = new Walk(root, onUnseen === undefined ? plain : { ...plain, onUnseen: handOn });
  try {
    yield* walk.all();
  } catch (error) {
    // Others may be opening files below it: its number must not become that of something else.
    if (!isHandedOn) close(root);
    throw error;
  }
  const { failures, leftOut } = walk;
  const [files, folders] = [walk.files.freeze(), walk.folders.freeze()];
  return { kind: 'folder', root, files, folders, failures, leftOut, options: optionsOf(options) };
}

/**
 * Lists files once more that were named below an open folder, and were not what they were to be
 * when they were opened.
 */
export function listAgain(root: number, unseen: FileTable): Pick<Listing, 'files' | 'failures'> {
  const walk = new Walk(root, { allowSymlinks: false, maxFiles: unseen.count, onEntry: () => {} });
  for (let i = 0; i < unseen.count; i++) walk.look(nameAt(unseen, i), openPathAt(unseen, i));
  const files = walk.files.freeze();
  files.hashed.fill(SEEN);
  return { files, failures: walk.failures };
}

function openParent(path: string): number {
  try {
    return openFolder(`${dirname(path)}/.`);
  } catch (error) {
    throw rootError(error);
  }
}

function refuse(kind: string): WeighlockError {
  const isLink = kind === 'symbolic link';
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: `neither a regular file nor a folder but a ${kind}`,
    found: kind,
    remedy: isLink ? 'name what the link leads to, or allow it: --allow-symlinks' : 'name a regular file or a folder',
  });
}

/**
 * A path that cannot be opened. An absent artifact is a failed verification, not an open question:
 * see `EXIT_CODE_OF`.
 */
function rootError(error: unknown): WeighlockError {
  const code = errno(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new WeighlockError(
      {
        code: 'FILE_MISSING',
        message: 'nothing lies at this path',
        expected: 'a file or a folder',
        found: 'nothing',
        remedy: 'check the path and the volume mount (is the volume empty, or mounted elsewhere?)',
      },
      { cause: error },
    );
  }
  if (error instanceof LinkError) return refuse(error.message);
  if (code === 'ELOOP') return refuse('symbolic link');
  return ioError(error, 'open');
}
