import type { BigIntStats } from 'node:fs';
import { errno, type Failure, WeighlockError } from '../error/index.ts';
import { memoryShare } from '../memory-share.ts';
import { Bookkeeping, type LeftOutSummary, NOTHING_LEFT_OUT } from './bookkeeping.ts';
import { type Call, each, type Names, namesIn, openedStat, openIn, runNow, statIn, type Task } from './calls.ts';
import { entryText, isValidUtf8, joinPath, type PathBytes } from './entry-path.ts';
import { FileTableBuilder } from './file-table.ts';
import { isToBlob } from './hub-cache.ts';
import { MAX_DEPTH, MAX_PATH_BYTES, MAX_REFUSED } from './limits.ts';
import { LinkRoot } from './link-root.ts';
import { close, isPossibleSize, kindOf } from './open.ts';
import { LinkError, type Resolved, resolveBeneath } from './resolve-link.ts';
import type { StorageRules } from './storage-rules.ts';
import { isFailedCall, WalkFailures } from './walk-failures.ts';

export interface WalkOptions {
  /** Follow links that resolve inside the root; otherwise every link is refused. */
  readonly allowSymlinks: boolean;
  /**
   * Most entries that are looked at: files, folders and whatever else there is, each as often as a
   * link leads to it, and the steps of following a link.
   */
  readonly maxFiles: number;
  /** Called once per entry: counts progress, and throws to stop the walk. */
  readonly onEntry: () => void;
  /**
   * Where there are many files: takes some whose names are known and no more, for whoever opens
   * them to look at them, and by number where those are opened whose path is another. Without it,
   * and where there are few, each is looked at here.
   */
  readonly onUnseen?: (names: readonly PathBytes[], targets: ReadonlyMap<number, PathBytes>) => void;
  /** What the platform says about the storage: nothing is left out without it. */
  readonly storage?: StorageRules;
}

/**
 * Files whose names are handed on together: about 10 ms of a thread, which is what others may have
 * to wait for it in the end.
 */
const UNSEEN_TOGETHER = 512;

/**
 * Memory that names may take: they are kept once, and whoever writes to a volume chooses them. A
 * million names of 4 KB would be four gigabytes.
 */
const NAMES_SHARE = 2;
const LEAST_NAME_BYTES = 128 << 20;

/** So few are looked at here. */
const FEW = 64;

/**
 * How names are read. With one character per byte they are what is kept; as buffers they take twice
 * as long, but where the file system does not tell types, Node looks at each entry, by a path that
 * it makes of the name as text. (It is missing from the type.)
 */
const ENCODINGS = ['latin1', 'buffer' as BufferEncoding] as const;

/** One folder of the walk: where it is named, where it is opened, and which folders it lies in. */
interface Visit {
  readonly descriptor: number;
  readonly name: PathBytes;
  readonly target: PathBytes;
  readonly depth: number;
  /** `st_dev:st_ino` of this folder and those above it, to find a link that leads back up. */
  readonly ancestors: readonly string[];
}

/**
 * Lists every regular file below an open folder. Nothing is opened but folders, each relative to
 * its parent's descriptor and never through a link. Whatever must not be there (links, FIFOs,
 * sockets, devices, names that are not UTF-8 or that look alike) becomes a failure and the walk
 * goes on, so that a report names all of them.
 */
export class Walk {
  readonly files = new FileTableBuilder();
  /**
   * Each folder as it was before its entries were read; the same afterwards means that nothing came
   * or went.
   */
  readonly folders = new FileTableBuilder();
  readonly #failures = new WalkFailures();
  readonly #bookkeeping: Bookkeeping | undefined;
  #linkRoot: LinkRoot | undefined | null = null;
  readonly #options: WalkOptions;
  readonly #root: number;
  readonly #unseen: PathBytes[] = [];
  #unseenTargets = new Map<number, PathBytes>();
  #handedOn = 0;
  #entries = 0;
  #nameBytes = 0;
  readonly #mostNameBytes: number;

  /** @param mostNameBytes - that all paths may have together */
  constructor(root: number, options: WalkOptions, mostNameBytes = memoryShare(NAMES_SHARE, LEAST_NAME_BYTES)) {
    this.#root = root;
    this.#options = options;
    this.#mostNameBytes = mostNameBytes;
    this.#bookkeeping = options.storage && new Bookkeeping(root, options.storage);
  }

  get failures(): Failure[] {
    return this.#failures.all;
  }

  /** What is no part of the artifact. */
  get leftOut(): LeftOutSummary {
    return this.#bookkeeping?.summary ?? NOTHING_LEFT_OUT;
  }

  run(): void {
    runNow(this.all());
  }

  /** All of it, for whoever makes the calls. */
  *all(): Task {
    const empty = '' as PathBytes;
    try {
      yield* this.#folder({ descriptor: this.#root, name: empty, target: empty, depth: 0, ancestors: [] });
    } finally {
      this.#linkRoot?.close();
    }
    if (this.#handedOn > 0 || this.#unseen.length > FEW) this.#handOn();
    else yield { tasks: each(this.#unseen, (name, i) => this.#look(name, this.#unseenTargets.get(i) ?? name)) };
  }

  /**
   * Looks at what was named as a file: adds it if it is one, and says what is wrong with it
   * otherwise.
   */
  look(name: PathBytes, target: PathBytes): void {
    runNow(this.#look(name, target));
  }

  *#look(name: PathBytes, target: PathBytes): Task {
    const stat = yield* this.#stat(this.#root, target, name);
    if (stat?.isFile() === true) this.#add(name, stat, target);
    else if (stat !== undefined)
      this.#failures.refuse(name, kindOf(stat), 'remove it, and let whatever put it there finish');
  }

  #add(name: PathBytes, stat: BigIntStats, target: PathBytes): void {
    if (isPossibleSize(stat)) this.files.add(name, stat, target);
    else
      this.#failures.refuse(
        name,
        `file of ${stat.size} bytes, which no file can have`,
        'check the file system of this volume',
      );
  }

  /**
   * What lies below an open folder; a failure, under the name it is listed by, and undefined when
   * that cannot be told.
   */
  *#stat(folder: number, path: PathBytes, name: PathBytes): Task<BigIntStats | undefined> {
    return yield* this.#readable(name, 'read attributes', statIn(folder, path));
  }

  /** A call, and a failure where it has one. */
  *#readable<T>(name: PathBytes, doing: string, call: Call<T>): Task<T | undefined> {
    try {
      return (yield call) as T;
    } catch (error) {
      this.#failures.unreadable(name, error, doing);
      return undefined;
    }
  }

  #handOn(): void {
    const names = this.#unseen.splice(0);
    this.#options.onUnseen?.(names, this.#unseenTargets);
    this.#unseenTargets = new Map();
    this.#handedOn += names.length;
  }

  *#folder(visit: Visit): Task {
    const stat = yield* this.#readable(visit.name, 'read attributes', openedStat(visit.descriptor));
    if (stat === undefined) return;
    const id = `${stat.dev}:${stat.ino}`;
    // Without links there is no way back, and some file systems have one inode number for
    // everything.
    if (this.#followsFolders && visit.ancestors.includes(id)) {
      this.#failures.refuse(visit.name, LEADS_BACK, 'remove the link');
      return;
    }
    this.folders.add(visit.name, stat, visit.target);
    const { names, files } = this.#withoutServed(visit, yield* this.#names(visit));
    this.#failures.lookalikes(visit.name, [...names, ...files]);
    const here = { ...visit, ancestors: [...visit.ancestors, id] };
    yield { tasks: this.#inOrder(here, names.sort(), files.sort()) };
  }

  /** In the order of the paths, so that nobody has to sort them: what is no file is a folder. */
  *#inOrder(here: Visit, names: readonly PathBytes[], files: readonly PathBytes[]): Generator<Task> {
    let next = 0;
    for (const name of names) {
      const path = `${name}/`;
      for (let file = files[next]; file !== undefined && file < path; file = files[++next]) this.#file(here, file);
      yield this.#entry(here, name);
    }
    for (const file of files.slice(next)) this.#file(here, file);
  }

  /** @returns those of regular files, where they need not be looked at here, and the others */
  *#names(visit: Visit): Task<Names> {
    const areFilesKnown = this.#options.onUnseen !== undefined;
    let counted = 0;
    const count = () => {
      counted++;
      this.#count();
    };
    let failure: unknown;
    for (const encoding of ENCODINGS) {
      // What is read once more counts once.
      this.#entries -= counted;
      counted = 0;
      try {
        return (yield namesIn(visit.descriptor, encoding, areFilesKnown, count)) as Names;
      } catch (error) {
        if (!isFailedCall(error)) throw error;
        failure = error;
      }
    }
    this.#failures.unreadable(visit.name, failure, 'read folder');
    return { names: [], files: [] };
  }

  /** What may be bookkeeping is looked at, and not only named. */
  #withoutServed({ name: folder }: Visit, { names, files }: Names): Names {
    const bookkeeping = this.#bookkeeping;
    if (bookkeeping === undefined) return { names, files };
    const isLeft = bookkeeping.enter(folder, names);
    const concerned = (name: PathBytes) => bookkeeping.concerns(joinPath(folder, name));
    return {
      names: [...names.filter(isLeft), ...files.filter((name) => isLeft(name) && concerned(name))],
      files: files.filter((name) => isLeft(name) && !concerned(name)),
    };
  }

  #isLeftOut(path: PathBytes, stat: BigIntStats): boolean {
    const bookkeeping = this.#bookkeeping;
    if (bookkeeping === undefined || !bookkeeping.leavesOut(path, stat)) return false;
    if (bookkeeping.count > MAX_REFUSED)
      throw new WeighlockError({
        code: 'LIMIT_EXCEEDED',
        message: `more than ${MAX_REFUSED} entries are bookkeeping, each by its own name`,
        file: entryText(path),
        remedy: 'see what this volume holds: this does not look like an artifact',
      });
    return true;
  }

  /**
   * Counts one more thing that is looked at, so that neither folders nor links multiply the work.
   */
  #count(): void {
    this.#options.onEntry();
    if (++this.#entries <= this.#options.maxFiles) return;
    throw new WeighlockError({
      code: 'LIMIT_EXCEEDED',
      message: `more than ${this.#options.maxFiles} entries`,
      remedy: 'verify a smaller folder, or raise --max-files and the memory limit with it',
    });
  }

  #isNamedWell(path: PathBytes, name: PathBytes): boolean {
    this.#nameBytes += path.length;
    if (this.#nameBytes > this.#mostNameBytes)
      throw new WeighlockError({
        code: 'LIMIT_EXCEEDED',
        message: `the paths of all entries have more than ${this.#mostNameBytes} bytes`,
        remedy: 'verify a smaller folder, shorten the names, or raise the memory limit of the container',
      });
    if (!isValidUtf8(name)) {
      this.#failures.refuse(
        path,
        'name is not valid UTF-8',
        'rename the file; other tools would read this name differently',
      );
      return false;
    }
    if (path.length <= MAX_PATH_BYTES) return true;
    this.#failures.limit(path, `path of ${path.length} bytes, more than ${MAX_PATH_BYTES}`);
    return false;
  }

  /** A regular file, as its folder has it. */
  #file(parent: Visit, name: PathBytes): void {
    const path = joinPath(parent.name, name);
    if (!this.#isNamedWell(path, name)) return;
    const index = this.#unseen.push(path) - 1;
    if (parent.target !== parent.name) this.#unseenTargets.set(index, joinPath(parent.target, name));
    if (index + 1 === UNSEEN_TOGETHER) this.#handOn();
  }

  *#entry(parent: Visit, name: PathBytes): Task {
    const path = joinPath(parent.name, name);
    if (!this.#isNamedWell(path, name)) return;
    const stat = yield* this.#stat(parent.descriptor, name, path);
    if (stat === undefined) return;
    if (this.#isLeftOut(path, stat)) return;
    const target = joinPath(parent.target, name);
    if (stat.isFile()) this.#add(path, stat, target);
    else if (stat.isDirectory()) yield* this.#subfolder(parent, path, target, openIn(parent.descriptor, name), stat);
    else if (stat.isSymbolicLink()) yield* this.#link(parent, path, name);
    else this.#failures.refuse(path, kindOf(stat), 'remove it: an artifact holds regular files and folders only');
  }

  *#subfolder(parent: Visit, name: PathBytes, target: PathBytes, open: Call<number>, stat?: BigIntStats): Task {
    if (parent.depth + 1 > MAX_DEPTH) {
      this.#failures.limit(name, `folders nested deeper than ${MAX_DEPTH}`);
      return;
    }
    let descriptor: number;
    try {
      descriptor = (yield open) as number;
    } catch (error) {
      const isDenied = stat !== undefined && ['EACCES', 'EPERM'].includes(errno(error) ?? '');
      const isBookkeeping = isDenied && this.#bookkeeping?.leavesUnreadable(name, stat) === true;
      if (!isBookkeeping) this.#failures.unreadable(name, error, 'open folder');
      return;
    }
    try {
      yield* this.#folder({ descriptor, name, target, depth: parent.depth + 1, ancestors: parent.ancestors });
    } finally {
      close(descriptor);
    }
  }

  /** A link that is followed: what it leads to is listed under the link's own name. */
  *#link(parent: Visit, path: PathBytes, name: PathBytes): Task {
    let found: Resolved | undefined;
    try {
      found = this.#resolve(joinPath(parent.target, name), path);
    } catch (error) {
      if (error instanceof LinkError)
        this.#failures.refuse(path, error.message, 'replace the link by what it leads to');
      else if (errno(error) === 'ENOENT') this.#failures.refuse(path, 'symbolic link to nothing', 'remove the link');
      else this.#failures.unreadable(path, error, 'follow link');
      return;
    }
    if (found === undefined) {
      this.#failures.refuse(path, 'symbolic link', this.#remedyFor(parent.descriptor, name));
      return;
    }
    const { path: target, stat } = found;
    if (stat.isFile()) this.#add(path, stat, target);
    else if (!stat.isDirectory()) this.#failures.refuse(path, `symbolic link to a ${kindOf(stat)}`, 'remove the link');
    else if (target === '') this.#failures.refuse(path, LEADS_BACK, 'remove the link');
    else yield* this.#subfolder(parent, path, target, openIn(this.#root, target));
  }

  /** Where a link leads; undefined where no rule has it followed. */
  #resolve(link: PathBytes, path: PathBytes): Resolved | undefined {
    const onStep = () => this.#count();
    const key = this.#bookkeeping?.targetOf(path);
    if (key !== undefined) {
      const found = resolveBeneath(this.#root, link, onStep, LINKS_TO_KEY);
      if (found.path !== key) throw new LinkError('symbolic link of a ConfigMap to something that is not its key');
      return found;
    }
    const { allowSymlinks, storage } = this.#options;
    if (this.#linkRoot === null) this.#linkRoot = LinkRoot.open(this.#root, storage?.linkRoot);
    if (this.#linkRoot?.isFor(link) === true) {
      try {
        return this.#linkRoot.resolve(link, onStep);
      } catch (error) {
        if (!(error instanceof LinkError) || !allowSymlinks) throw error;
      }
    }
    return allowSymlinks ? resolveBeneath(this.#root, link, onStep) : undefined;
  }

  #remedyFor(folder: number, name: PathBytes): string {
    return isToBlob(folder, name)
      ? 'it leads into the cache of huggingface_hub: mount the whole cache, and name .../models--ORG--NAME/snapshots/COMMIT in it'
      : 'replace the link by the file, or allow links inside the root: --allow-symlinks';
  }

  /** Whether links to folders may be followed: then there may be a way back. */
  get #followsFolders(): boolean {
    const { allowSymlinks, storage } = this.#options;
    return allowSymlinks || storage?.linkRoot !== undefined || storage?.presets.includes('kubernetes') === true;
  }
}

/** From a key of a ConfigMap by way of `..data` to the folder of that moment. */
const LINKS_TO_KEY = 2;

const LEADS_BACK = 'symbolic link leads back to a folder that contains it';
