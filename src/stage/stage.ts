import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { type FileTable, fromBuffer, ioError, joinPath, type PathBytes, toBuffer } from '../fs/index.ts';
import { isLeftover, isLostAndFound, isMountPoint, isPrivate, PREFIX } from './destination.ts';
import { markerPath } from './marker.ts';
import { placeFile, requireOperations } from './probe.ts';
import { syncFolder, syncTree } from './sync.ts';
import { requirePublished, requirePublishedFile, requireVerified, type Tree, treeOf } from './tree.ts';

/** Left free on the volume, so that a pull that just fits does not starve what else lives there. */
const RESERVE_BYTES = 16 << 20;

export interface StagePlan {
  /** Absolute path that does not exist yet (an empty folder may). */
  readonly destination: string;
  readonly kind: 'file' | 'folder';
  /** Bytes that will at least be needed. */
  readonly bytes: number;
  /** Folders to create, parents first. */
  readonly folders?: readonly PathBytes[];
  /** Name of the file within the stage, for a file. */
  readonly fileName?: PathBytes;
  /**
   * Gives the staging folder a name that the next run finds again; what it then holds is kept if `keep` names it, which
   * may look at what `records` has.
   */
  readonly resume?: { readonly key: string; readonly keep: (records: string) => ReadonlySet<PathBytes> };
}

/**
 * A private folder (0700) on the file system of the destination, in which a copy grows until everything about it was
 * verified. `publish` makes it visible; a kill before that leaves nothing at the destination.
 *
 * It lies beside the destination, so that one rename publishes it. Where the destination is itself a mount point, it lies
 * inside, and every top-level entry is renamed.
 */
export class Stage {
  /** Where the content grows. */
  readonly folder: string;
  /** A private folder that the next run finds again, for what helps it to go on. */
  readonly records: string;
  readonly #plan: StagePlan;
  /** Folder that the private one lies in. */
  readonly #base: string;
  readonly #private: string;
  readonly #inside: boolean;

  /** @throws WeighlockError `NO_SPACE`, `CONFIG_INVALID` before a byte is copied; I/O codes */
  constructor(plan: StagePlan) {
    this.#plan = plan;
    this.#inside = plan.kind === 'folder' && isMountPoint(plan.destination);
    this.#base = this.#inside ? plan.destination : dirname(plan.destination);
    requireSpace(this.#base, plan.bytes);
    this.#private = privateFolder(this.#base, plan.resume?.key);
    try {
      requireOperations(this.#private, plan.kind);
    } catch (error) {
      this.discard();
      throw error;
    }
    this.folder = join(this.#private, 'content');
    this.records = join(this.#private, 'records');
    if (plan.resume !== undefined) this.#takeOver(plan.resume.keep);
    attempt('create a staging folder', () => mkdirSync(this.folder, { mode: 0o755, recursive: true }));
    for (const path of plan.folders ?? [])
      attempt('create a staging folder', () => mkdirSync(this.#staged(path), { mode: 0o755 }));
  }

  /**
   * Makes the copy visible. Call it only after everything passed. What lies at the destination is never overwritten, but
   * moved away first if that is asked for. Before, what was staged is held against what was verified, and afterwards what
   * lies at the destination against what was staged: the same files, and nothing else.
   *
   * @param options - `verified` are the files of the artifact; `marker` is put beside the destination, to say what was verified
   * @throws WeighlockError `SOURCE_CHANGED` when somebody else wrote there, or something appeared at the destination
   *   meanwhile; I/O codes
   */
  async publish(options: {
    readonly verified: FileTable;
    readonly replace?: boolean;
    readonly marker?: string;
  }): Promise<void> {
    const { destination, kind } = this.#plan;
    await syncTree(this.folder);
    const staged = await treeOf(this.folder);
    requireVerified(staged, options.verified);
    if (options.replace === true) this.#moveAway();
    if (kind === 'file') this.#publishFile(staged);
    else {
      if (this.#inside) this.#publishInside();
      else attemptPublish(() => renameFolder(this.folder, destination));
      const isAllowed = (name: PathBytes) => this.#inside && isLostAndFound(destination, name);
      const isMoved = (name: PathBytes) => this.#inside && !name.includes('/');
      requirePublished(await treeOf(destination), staged, isAllowed, isMoved);
    }
    if (options.marker !== undefined) this.#mark(options.marker);
    this.discard();
    syncFolder(this.#base);
  }

  /** The staged name is taken away, so that the file has one name only. */
  #publishFile(staged: Tree): void {
    const { destination, fileName = '' as PathBytes } = this.#plan;
    const path = this.#staged(fileName);
    const expected = staged.get(fileName);
    attemptPublish(() => placeFile(path, destination));
    attempt('take the staged name away', () => rmSync(path, { force: true }));
    if (expected !== undefined) requirePublishedFile(destination, expected);
  }

  /** Where the destination is a mount point, there is no place for a marker that is not among the content. */
  #mark(marker: string): void {
    const path = this.#inside ? undefined : markerPath(this.#plan.destination);
    if (path === undefined) return;
    const temporary = join(this.#private, 'marker');
    attempt('write what was verified', () => {
      writeFileSync(temporary, marker, { mode: 0o644 });
      renameSync(temporary, path);
    });
  }

  /** Removes the staging folder and whatever is still in it; where it lies among what is published, what stays is noticed. */
  discard(): void {
    try {
      rmSync(this.#private, { recursive: true, force: true });
    } catch {
      // It is private, and says nothing to anybody.
    }
  }

  /** True when the next run can go on with what is in it. */
  get resumable(): boolean {
    return this.#plan.resume !== undefined;
  }

  /** Puts what lies at the destination into the private folder, which is removed after the publication. */
  #moveAway(): void {
    const { destination } = this.#plan;
    const away = join(this.#private, 'replaced');
    attempt('move away what lies at the destination', () => {
      if (!this.#inside) return renameSync(destination, away);
      mkdirSync(away, { recursive: true });
      for (const name of readdirSync(destination, 'buffer')) {
        const text = name.toString('latin1');
        if (join(destination, text) === this.#private || isLostAndFound(destination, text)) continue;
        renameSync(within(destination, name), within(away, name));
      }
    });
  }

  /**
   * Every entry by a rename of its own. When one cannot get its place, those before it are taken back; after a kill in
   * between, what lies there is not believed to be anything: the next run verifies it, and refuses it.
   */
  #publishInside(): void {
    const { destination } = this.#plan;
    const done: Buffer[] = [];
    try {
      for (const name of attempt('publish the copy', () => readdirSync(this.folder, 'buffer'))) {
        const target = within(destination, name);
        attemptPublish(() => {
          if (lstatSync(target, { throwIfNoEntry: false }) !== undefined)
            throw Object.assign(new Error('occupied'), { code: 'EEXIST' });
          renameSync(this.#staged(fromBuffer(name)), target);
        });
        done.push(name);
      }
    } catch (error) {
      for (const name of done) renameSync(within(destination, name), this.#staged(fromBuffer(name)));
      throw error;
    }
    this.discard();
    // Of earlier runs that were killed, and of others that are under way: they would come too late.
    for (const name of attempt('look at the destination', () => readdirSync(destination)))
      if (isLeftover(destination, name))
        attempt('remove a staging folder', () => rmSync(join(destination, name), { recursive: true, force: true }));
  }

  /** Keeps of an earlier run's folder what may be the beginning of this one's, and removes everything else. */
  #takeOver(keep: (records: string) => ReadonlySet<PathBytes>): void {
    if (!existsSync(this.folder)) return;
    if (!lstatSync(this.folder).isDirectory()) {
      rmSync(this.folder, { recursive: true, force: true });
      return;
    }
    sweep(this.folder, '' as PathBytes, keep(this.records));
  }

  #staged(path: PathBytes): Buffer {
    return Buffer.concat([Buffer.from(`${this.folder}/`), toBuffer(path)]);
  }
}

/** A new private folder; with a key the same one again, if it is ours and nobody else can look into it. */
function privateFolder(base: string, key: string | undefined): string {
  const doing = 'create a staging folder at the destination';
  if (key === undefined) return attempt(doing, () => mkdtempSync(join(base, PREFIX)));
  const path = join(base, PREFIX + key);
  try {
    mkdirSync(path, { mode: 0o700 });
    return path;
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw ioError(error, doing);
  }
  const stat = lstatSync(path);
  return isPrivate(stat, process.getuid?.()) ? path : attempt(doing, () => mkdtempSync(join(base, PREFIX)));
}

function sweep(folder: string, below: PathBytes, keep: ReadonlySet<PathBytes>): void {
  const here = Buffer.concat([Buffer.from(`${folder}/`), toBuffer(below)]);
  for (const entry of readdirSync(here, { withFileTypes: true, encoding: 'buffer' })) {
    const path = joinPath(below, fromBuffer(entry.name));
    const full = Buffer.concat([Buffer.from(`${folder}/`), toBuffer(path)]);
    if (entry.isDirectory()) sweep(folder, path, keep);
    else if (!entry.isFile() || !keep.has(path)) rmSync(full, { recursive: true, force: true });
  }
  if (below !== '' && readdirSync(here).length === 0) rmSync(here, { recursive: true });
}

function requireSpace(folder: string, bytes: number): void {
  if (!existsSync(folder)) {
    throw new WeighlockError({
      // As ENOENT of any call: whoever can write to the volume can take the folder away.
      code: 'FILE_MISSING',
      message: `the folder of the destination is not there: ${folder}`,
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

/** Undefined where the file system does not say: some have no statfs(2), and some say 0 blocks of everything. */
export function freeBytes(folder: string, statfs: typeof statfsSync = statfsSync): number | undefined {
  try {
    const { bavail, bsize, blocks } = statfs(folder);
    return blocks > 0 && bsize > 0 ? bavail * bsize : undefined;
  } catch {
    return undefined;
  }
}

/** Onto an empty folder, too, also where rename(2) does not do that. */
function renameFolder(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Fails for what is not an empty folder.
    if (lstatSync(to, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
    rmdirSync(to);
    renameSync(from, to);
  }
}

function within(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name]);
}

function attemptPublish(action: () => void): void {
  try {
    action();
  } catch (error) {
    const code = errno(error);
    if (code !== 'EEXIST' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw ioError(error, 'publish the copy');
    throw new WeighlockError({
      code: 'SOURCE_CHANGED',
      message: 'something appeared at the destination while the copy was made',
      remedy: 'see what else writes there, then restart the pod',
    });
  }
}

function attempt<T>(doing: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw ioError(error, doing);
  }
}
