import { readlinkSync, realpathSync } from 'node:fs';
import { dirname, normalize } from 'node:path/posix';
import { isSystemError } from '../error/index.ts';
import { fromBuffer, fromText, joinPath, type PathBytes } from './entry-path.ts';
import { foldersToCache, isBlobOf, isInSnapshot, isSharedBlobOf } from './hub-cache.ts';
import { close, folderContents, openFolderBeneath, readLinkBeneath } from './open.ts';
import { LinkError, type Resolved, resolveBeneath } from './resolve-link.ts';

const NO_BLOB = 'symbolic link of a snapshot to something that is no blob of its cache';

/** Folders above an artifact that are looked for. */
const MOST_ABOVE = 64;

/**
 * The folder above an artifact beneath which its links may lead: one that the platform names, or,
 * for links of a snapshot to blobs only, the cache of huggingface_hub that the snapshot is in.
 */
export class LinkRoot {
  /** `blobs` for a cache: nothing but these is led to. */
  readonly kind: 'given' | 'blobs';
  readonly #root: number;
  /** The artifact's path beneath it. */
  readonly #start: PathBytes;

  private constructor(kind: 'given' | 'blobs', root: number, start: PathBytes) {
    this.kind = kind;
    this.#root = root;
    this.#start = start;
  }

  /**
   * Opens the one of an artifact, which is found by the names that its folder and those above it
   * have now: what a link says counts for nothing.
   *
   * @param artifact - open folder
   * @param given - absolute path of the platform's; it counts where it is above the artifact
   * @returns undefined where it cannot be opened
   */
  static open(artifact: number, given: string | undefined): LinkRoot | undefined {
    try {
      const path = fromBuffer(readlinkSync(folderContents(artifact).slice(0, -1), { encoding: 'buffer' }));
      const above = given === undefined ? undefined : foldersAbove(path, given);
      // A volume may hold a whole cache: then its links stay in it.
      const depth = above ?? foldersToCache(path) ?? 0;
      if (depth > MOST_ABOVE) return undefined;
      const start = path.split('/').slice(-depth).join('/') as PathBytes;
      const root = openFolderBeneath(artifact, upwards(depth));
      return new LinkRoot(above === undefined ? 'blobs' : 'given', root, depth === 0 ? ('' as PathBytes) : start);
    } catch (error) {
      // Where the folder above cannot be read, links that need it are refused.
      if (!isSystemError(error)) throw error;
      return undefined;
    }
  }

  /** Whether a link is one that this is for. @param link - beneath the artifact */
  isFor(link: PathBytes): boolean {
    return this.kind === 'given' || isInSnapshot(this.#full(link));
  }

  /**
   * Where a link leads, as a path from the artifact's folder that has no link in it:
   * `../../blobs/ETAG`.
   *
   * @throws LinkError; what system calls throw
   */
  resolve(link: PathBytes, onStep: () => void): Resolved {
    const full = this.#full(link);
    const { path, stat } =
      this.kind === 'blobs' ? this.#blobOf(full, onStep) : resolveBeneath(this.#root, full, onStep);
    return { path: this.#fromArtifact(path), stat };
  }

  #blobOf(link: PathBytes, onStep: () => void): Resolved {
    // What the text is relative to has to be the folder that it reads like.
    resolveBeneath(this.#root, dirname(link) as PathBytes, onStep, 0);
    const text = readLinkBeneath(this.#root, link);
    const blob = normalize(`${dirname(link)}/${text}`) as PathBytes;
    if (text.startsWith('/') || !isBlobOf(link, blob)) throw new LinkError(NO_BLOB);
    const found = resolveBeneath(this.#root, blob, onStep, 1);
    const isOne = found.path === blob || isSharedBlobOf(link, found.path);
    if (!isOne || !found.stat.isFile()) throw new LinkError(NO_BLOB);
    return found;
  }

  close(): void {
    close(this.#root);
  }

  #full(link: PathBytes): PathBytes {
    // A link in a folder that a link leads to may have been reached from above.
    const parts = link.split('/');
    const up = parts.findIndex((part) => part !== '..');
    if (up <= 0) return joinPath(this.#start, link);
    const start = this.#start.split('/').slice(0, -up).join('/') as PathBytes;
    return joinPath(start, parts.slice(up).join('/') as PathBytes);
  }

  #fromArtifact(path: PathBytes): PathBytes {
    if (this.#start === '') return path;
    if (path === this.#start) return '' as PathBytes;
    if (path.startsWith(`${this.#start}/`)) return path.slice(this.#start.length + 1) as PathBytes;
    return joinPath(upwards(this.#start.split('/').length), path);
  }
}

function upwards(depth: number): PathBytes {
  return (depth === 0 ? '.' : Array.from({ length: depth }, () => '..').join('/')) as PathBytes;
}

/** How many folders an artifact lies below another one; undefined when it does not lie there. */
function foldersAbove(path: PathBytes, given: string): number | undefined {
  const root = fromText(realpathSync(given));
  if (path === root) return 0;
  const prefix = root === '/' ? '/' : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length).split('/').length : undefined;
}
