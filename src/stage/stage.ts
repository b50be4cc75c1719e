import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { fromBuffer, ioError, joinPath, type PathBytes, toBuffer } from '../fs/index.ts';
import { markerPath } from './marker.ts';
import { syncFolder, syncTree } from './sync.ts';

/** Left free on the volume, so that a pull that just fits does not starve what else lives there. */
const RESERVE_BYTES = 16 << 20;

/** Names of staging folders begin like this, and are not content. */
const PREFIX = '.weighlock-';

/** What a volume may hold besides content. */
const NOT_CONTENT = (name: string) => name.startsWith(PREFIX) || name === 'lost+found';

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
  readonly #private: string;
  readonly #inside: boolean;

  /** @throws WeighlockError `NO_SPACE` before a byte is copied; I/O codes */
  constructor(plan: StagePlan) {
    this.#plan = plan;
    this.#inside = plan.kind === 'folder' && isMountPoint(plan.destination);
    const base = this.#inside ? plan.destination : dirname(plan.destination);
    requireSpace(base, plan.bytes);
    this.#private = privateFolder(base, plan.resume?.key);
    this.folder = join(this.#private, 'content');
    this.records = join(this.#private, 'records');
    if (plan.resume !== undefined) this.#takeOver(plan.resume.keep);
    attempt('create a staging folder', () => mkdirSync(this.folder, { mode: 0o755, recursive: true }));
    for (const path of plan.folders ?? [])
      attempt('create a staging folder', () => mkdirSync(this.#staged(path), { mode: 0o755 }));
  }

  /**
   * Makes the copy visible. Call it only after everything passed. What lies at the destination is never overwritten, but
   * moved away first if that is asked for.
   *
   * @param options - `marker` is put beside the destination, to say what was verified
   * @throws WeighlockError `SOURCE_CHANGED` when something appeared at the destination meanwhile; I/O codes
   */
  async publish(options: { readonly replace?: boolean; readonly marker?: string } = {}): Promise<void> {
    const { destination, kind, fileName } = this.#plan;
    await syncTree(this.folder);
    if (options.replace === true) this.#moveAway();
    if (kind === 'file') {
      // link(2), unlike rename(2), refuses to replace what is there.
      attemptPublish(() => linkSync(this.#staged(fileName ?? ('' as PathBytes)), destination));
    } else {
      if (this.#inside) this.#publishInside();
      else attemptPublish(() => renameSync(this.folder, destination));
    }
    if (options.marker !== undefined) this.#mark(options.marker);
    this.discard();
    syncFolder(this.#inside ? destination : dirname(destination));
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

  /** Removes the staging folder and whatever is still in it. */
  discard(): void {
    rmSync(this.#private, { recursive: true, force: true });
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
        if (NOT_CONTENT(name.toString('latin1'))) continue;
        renameSync(
          Buffer.concat([Buffer.from(`${destination}/`), name]),
          Buffer.concat([Buffer.from(`${away}/`), name]),
        );
      }
    });
  }

  /** A kill between the renames is noticed by the mark: the next run takes everything back first. */
  #publishInside(): void {
    writeFileSync(this.#publishing, '');
    syncFolder(this.#private);
    for (const name of readdirSync(this.folder, 'buffer')) {
      const target = Buffer.concat([Buffer.from(`${this.#plan.destination}/`), name]);
      attemptPublish(() => {
        if (existsSync(target)) throw Object.assign(new Error('occupied'), { code: 'EEXIST' });
        renameSync(this.#staged(fromBuffer(name)), target);
      });
    }
  }

  get #publishing(): string {
    return join(this.#private, 'publishing');
  }

  /** Keeps of an earlier run's folder what may be the beginning of this one's, and removes everything else. */
  #takeOver(keep: (records: string) => ReadonlySet<PathBytes>): void {
    if (!existsSync(this.folder)) return;
    if (!lstatSync(this.folder).isDirectory()) {
      rmSync(this.folder, { recursive: true, force: true });
      return;
    }
    if (this.#inside && existsSync(this.#publishing)) this.#takeBack();
    sweep(this.folder, '' as PathBytes, keep(this.records));
  }

  #takeBack(): void {
    const { destination } = this.#plan;
    for (const name of readdirSync(destination, 'buffer')) {
      if (NOT_CONTENT(name.toString('latin1'))) continue;
      attempt('take back a copy that was half published', () =>
        renameSync(Buffer.concat([Buffer.from(`${destination}/`), name]), this.#staged(fromBuffer(name))),
      );
    }
    rmSync(this.#publishing);
  }

  #staged(path: PathBytes): Buffer {
    return Buffer.concat([Buffer.from(`${this.folder}/`), toBuffer(path)]);
  }
}

/** What lies at a destination: `absent` (an empty folder counts as absent) or `present`. */
export function destinationState(path: string): 'absent' | 'present' {
  const stat = attempt('look at the destination', () => lstatSync(path, { throwIfNoEntry: false }));
  if (stat === undefined) return 'absent';
  if (!stat.isDirectory()) return 'present';
  const names = attempt('look at the destination', () => readdirSync(path));
  if (names.every(NOT_CONTENT)) return 'absent';
  const halfPublished = names.some((name) => name.startsWith(PREFIX) && existsSync(join(path, name, 'publishing')));
  return halfPublished && isMountPoint(path) ? 'absent' : 'present';
}

/** A folder that is on another file system than the folder it is in: it cannot be replaced by a rename. */
function isMountPoint(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.dev !== statSync(dirname(path)).dev;
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
  const ours = stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0;
  return ours ? path : attempt(doing, () => mkdtempSync(join(base, PREFIX)));
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
      code: 'SOURCE_UNAVAILABLE',
      message: `the folder of the destination is not there: ${folder}`,
      remedy: 'mount a writable volume there, or name a path inside one',
    });
  }
  const { bavail, bsize } = attempt('measure the free space of the destination', () => statfsSync(folder));
  const free = bavail * bsize;
  if (free - RESERVE_BYTES >= bytes) return;
  throw new WeighlockError({
    code: 'NO_SPACE',
    message: 'the volume of the destination is too small for the artifact',
    expected: `${bytes + RESERVE_BYTES} bytes free`,
    found: `${free} bytes free`,
    remedy: 'make room on this volume, or give it more capacity',
  });
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
