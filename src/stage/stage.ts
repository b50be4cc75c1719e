import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { close, type FileTable, fromBuffer, ioError, type PathBytes, toBuffer } from '../fs/index.ts';
import { isLeftover, isLostAndFound, isMountPoint, mountBelow } from './destination.ts';
import { markerName } from './marker.ts';
import { openBase, PrivateFolder, pathOf, removeLeftover } from './private-folder.ts';
import { CALLS, type Calls, placeFile, requireOperations } from './probe.ts';
import { listPublished, madeAt } from './published.ts';
import { requireSpace } from './space.ts';
import { syncFolder, syncTree } from './sync.ts';
import { takeOver } from './take-over.ts';
import { requirePublished, requirePublishedFile, requireVerified, type Tree, treeOf } from './tree.ts';

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
   * Gives the staging folder a name that the next run finds again; what it then holds is kept if
   * `keep` names it, which may look at what `records` has.
   */
  readonly resume?: { readonly key: string; readonly keep: (records: string) => ReadonlySet<PathBytes> };
}

/**
 * A private folder (0700) on the file system of the destination, in which a copy grows until
 * everything about it was verified. `publish` makes it visible; a kill before that leaves nothing
 * at the destination.
 *
 * It lies beside the destination, so that one rename publishes it. Where the destination is itself
 * a mount point, it lies inside, and every top-level entry is renamed.
 *
 * Both folders are held open, and everything happens by their descriptors: others may be allowed to
 * rename what lies beside the destination, and then a path leads to what they put there.
 */
export class Stage {
  /**
   * Where the content grows. Any thread of this process may write below it until the stage is
   * published or discarded.
   */
  readonly folder: string;
  /** A private folder that the next run finds again, for what helps it to go on. */
  readonly records: string;
  readonly #plan: StagePlan;
  readonly #calls: Calls;
  /** Open folder that the private one lies in. */
  readonly #base: number;
  readonly #private: PrivateFolder;
  readonly #inside: boolean;
  #isOpen = true;

  /**
   * @param calls - a test stands in for what others do between two calls
   * @throws WeighlockError `NO_SPACE`, `CONFIG_INVALID` before a byte is copied; I/O codes
   */
  constructor(plan: StagePlan, calls: Calls = CALLS) {
    this.#plan = plan;
    this.#calls = calls;
    this.#inside = plan.kind === 'folder' && isMountPoint(plan.destination);
    const base = this.#inside ? plan.destination : `${dirname(plan.destination)}/.`;
    requireNoMounts(plan.destination);
    requireSpace(base, plan.bytes);
    this.#base = openBase(base);
    try {
      this.#private = new PrivateFolder(this.#base, plan.resume?.key);
    } catch (error) {
      close(this.#base);
      throw error;
    }
    this.folder = join(this.#private.path, 'content');
    this.records = join(this.#private.path, 'records');
    try {
      this.#prepare();
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  #prepare(): void {
    const { kind, resume, folders = [] } = this.#plan;
    requireOperations(this.#private.path, kind);
    if (resume !== undefined) takeOver(this.folder, () => resume.keep(this.records));
    attempt('create a staging folder', () => {
      mkdirSync(this.folder, { mode: 0o755, recursive: true });
      for (const path of folders) mkdirSync(this.#staged(path), { mode: 0o755 });
    });
  }

  /**
   * Makes the copy visible. Call it only after everything passed. What lies at the destination is
   * never overwritten, but moved away first if that is asked for. Before, what was staged is held
   * against what was verified, and afterwards what lies at the destination against what was staged:
   * the same files, and nothing else.
   *
   * @param options - `verified` are the files of the artifact; `marker` is put beside the
   * destination, to say what was verified
   * @throws WeighlockError `SOURCE_CHANGED` when somebody else wrote there, or something appeared
   * at the destination
   *   meanwhile; I/O codes
   */
  async publish(options: {
    readonly verified: FileTable;
    readonly replace?: boolean;
    readonly marker?: string;
  }): Promise<void> {
    const { kind } = this.#plan;
    await syncTree(this.folder);
    const staged = await treeOf(this.folder);
    requireVerified(staged, options.verified);
    if (options.replace === true) this.#moveAway();
    if (kind === 'file') this.#publishFile(staged);
    else await this.#publishFolder(staged);
    if (options.marker !== undefined) this.#mark(options.marker);
    syncFolder(pathOf(this.#base));
    this.discard();
  }

  async #publishFolder(staged: Tree): Promise<void> {
    const { destination } = this.#plan;
    const made = attempt('publish the copy', () => madeAt(this.#inside ? `${pathOf(this.#base)}/.` : this.folder));
    if (this.#inside) this.#publishInside();
    else attemptPublish(() => renameFolder(this.folder, this.#published, this.#calls));
    const isAllowed = (name: PathBytes) => this.#inside && isLostAndFound(destination, name);
    const isMoved = (name: PathBytes) => this.#inside && !name.includes('/');
    const published = await listPublished(destination, made);
    requirePublished(published, staged, isAllowed, isMoved);
  }

  /** The destination by the open folder that it lies in. */
  get #published(): string {
    return join(pathOf(this.#base), basename(this.#plan.destination));
  }

  /** The staged name is taken away, so that the file has one name only. */
  #publishFile(staged: Tree): void {
    const { destination, fileName = '' as PathBytes } = this.#plan;
    const path = this.#staged(fileName);
    const expected = staged.get(fileName);
    attemptPublish(() => placeFile(path, this.#published, this.#calls));
    attempt('take the staged name away', () => rmSync(path, { force: true }));
    if (expected !== undefined) requirePublishedFile(destination, expected);
  }

  /**
   * Where the destination is a mount point, there is no place for a marker that is not among the
   * content.
   */
  #mark(marker: string): void {
    const name = this.#inside ? undefined : markerName(this.#plan.destination);
    if (name === undefined) return;
    const temporary = join(this.#private.path, 'marker');
    attempt('write what was verified', () => {
      writeFileSync(temporary, marker, { mode: 0o644 });
      renameSync(temporary, join(pathOf(this.#base), name));
    });
  }

  /**
   * Removes the staging folder and whatever is still in it; where it lies among what is published,
   * what stays is noticed.
   */
  discard(): void {
    this.#private.remove();
    this.#close();
  }

  /** Leaves the staging folder to the next run, which can go on with what is in it. */
  leave(): void {
    this.#private.close();
    this.#close();
  }

  #close(): void {
    if (this.#isOpen) close(this.#base);
    this.#isOpen = false;
  }

  /** True when the next run can go on with what is in it. */
  get resumable(): boolean {
    return this.#plan.resume !== undefined;
  }

  /**
   * Puts what lies at the destination into the private folder, which is removed after the
   * publication.
   */
  #moveAway(): void {
    const away = join(this.#private.path, 'replaced');
    const base = pathOf(this.#base);
    attempt('move away what lies at the destination', () => {
      if (!this.#inside) return renameSync(this.#published, away);
      mkdirSync(away, { recursive: true });
      for (const name of readdirSync(base, 'buffer')) {
        const text = name.toString('latin1');
        if (text === this.#private.name || isLostAndFound(base, text)) continue;
        renameSync(within(base, name), within(away, name));
      }
    });
  }

  /**
   * Every entry by a rename of its own. When one cannot get its place, those before it are taken
   * back; after a kill in between, what lies there is not believed to be anything: the next run
   * verifies it, and refuses it.
   */
  #publishInside(): void {
    const base = pathOf(this.#base);
    const done: Buffer[] = [];
    try {
      for (const name of attempt('publish the copy', () => readdirSync(this.folder, 'buffer'))) {
        const target = within(base, name);
        attemptPublish(() => {
          if (lstatSync(target, { throwIfNoEntry: false }) !== undefined)
            throw Object.assign(new Error('occupied'), { code: 'EEXIST' });
          this.#calls.rename(this.#staged(fromBuffer(name)), target);
        });
        done.push(name);
      }
    } catch (error) {
      for (const name of done) renameSync(within(base, name), this.#staged(fromBuffer(name)));
      throw error;
    }
    this.#private.remove();
    // Of earlier runs that were killed, and of others that are under way: they would come too late.
    for (const name of attempt('look at the destination', () => readdirSync(base)))
      if (isLeftover(base, name)) removeLeftover(this.#base, name);
  }

  #staged(path: PathBytes): Buffer {
    return Buffer.concat([Buffer.from(`${this.folder}/`), toBuffer(path)]);
  }
}

/** Onto an empty folder, too, also where rename(2) does not do that. */
function renameFolder(from: string, to: string, { rename }: Calls): void {
  try {
    rename(from, to);
  } catch (error) {
    // Fails for what is not an empty folder.
    if (lstatSync(to, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
    rmdirSync(to);
    rename(from, to);
  }
}

function requireNoMounts(destination: string): void {
  const mount = attempt('look at the destination', () => mountBelow(destination));
  if (mount === undefined) return;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `another volume is mounted inside the destination, at ${mount}`,
    remedy: 'mount it elsewhere, or publish at a path without mounts in it',
  });
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
