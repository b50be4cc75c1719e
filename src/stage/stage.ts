import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { type FileTable, ioError, type Listing, nameAt, toBuffer } from '../fs/index.ts';

/** Left free on the volume, so that a pull that just fits does not starve what else lives there. */
const RESERVE_BYTES = 16 << 20;

/**
 * A private folder beside the destination, on the same file system, in which a copy grows until everything about it was
 * verified. `publish` makes it visible by one rename; a kill before that leaves nothing at the destination.
 */
export class Stage {
  /** Where the workers create the files. */
  readonly folder: string;
  readonly #private: string;
  readonly #destination: string;
  readonly #kind: Listing['kind'];
  readonly #folders: FileTable;
  readonly #fileName: Buffer;

  /**
   * @param destination - absolute path that does not exist yet (an empty folder may)
   * @throws WeighlockError `NO_SPACE` before a byte is copied; I/O codes
   */
  constructor(destination: string, listing: Listing) {
    this.#destination = destination;
    this.#kind = listing.kind;
    this.#folders = listing.folders;
    this.#fileName = listing.kind === 'file' ? toBuffer(nameAt(listing.files, 0)) : Buffer.alloc(0);
    const parent = dirname(destination);
    requireSpace(parent, listing.files.totalBytes);
    this.#private = attempt('create a staging folder beside the destination', () =>
      mkdtempSync(join(parent, '.weighlock-')),
    );
    this.folder = join(this.#private, 'content');
    attempt('create a staging folder', () => mkdirSync(this.folder, { mode: 0o755 }));
    for (const path of this.#paths()) attempt('create a staging folder', () => mkdirSync(path, { mode: 0o755 }));
  }

  /**
   * Makes the copy visible. Call it only after everything passed. Nothing at the destination is ever overwritten.
   *
   * @throws WeighlockError `SOURCE_CHANGED` when something appeared at the destination meanwhile; I/O codes
   */
  publish(): void {
    if (this.#kind === 'file') {
      const file = Buffer.concat([Buffer.from(`${this.folder}/`), this.#fileName]);
      // link(2), unlike rename(2), refuses to replace what is there.
      this.#attemptPublish(() => linkSync(file, this.#destination));
    } else {
      for (const path of [...this.#paths()].reverse()) sync(path);
      sync(this.folder);
      chmodSync(this.folder, 0o755);
      this.#attemptPublish(() => renameSync(this.folder, this.#destination));
    }
    this.discard();
    sync(dirname(this.#destination));
  }

  /** Removes the staging folder and whatever is still in it. */
  discard(): void {
    rmSync(this.#private, { recursive: true, force: true });
  }

  *#paths(): Generator<Buffer> {
    for (let i = 0; i < this.#folders.count; i++) {
      const name = nameAt(this.#folders, i);
      if (name !== '') yield Buffer.concat([Buffer.from(`${this.folder}/`), toBuffer(name)]);
    }
  }

  #attemptPublish(action: () => void): void {
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
}

/** What lies at a destination: `absent` (an empty folder counts as absent) or `present`. */
export function destinationState(path: string): 'absent' | 'present' {
  let stat: BigIntStats;
  try {
    stat = lstatSync(path, { bigint: true });
  } catch (error) {
    if (errno(error) === 'ENOENT') return 'absent';
    throw ioError(error, 'look at the destination');
  }
  if (!stat.isDirectory()) return 'present';
  return attempt('look at the destination', () => readdirSync(path)).length === 0 ? 'absent' : 'present';
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

function sync(path: string | Buffer): void {
  const descriptor = attempt('sync the copy', () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    attempt('sync the copy', () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

function attempt<T>(doing: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw ioError(error, doing);
  }
}
