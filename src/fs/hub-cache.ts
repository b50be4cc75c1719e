// The cache of huggingface_hub (docs: "Understand caching"):
// models--ORG--NAME/snapshots/COMMIT/FILE is a link to models--ORG--NAME/blobs/ETAG, whose name is
// a Git object id or, for LFS, the SHA-256 of the content. Since 2.x that may be a link, too: to
// blobs/XX/XET_HASH, which all repositories of the cache share (utils/_shared_blobs.py).
import type { PathBytes } from './entry-path.ts';
import { readLinkBeneath } from './open.ts';

const REPOSITORY = /^(?:models|datasets|spaces)--[^/]+$/;
const COMMIT = /^[0-9a-f]{40}$/;
const ETAG = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

const SHARED = /^blobs\/([0-9a-f]{2})\/\1[0-9a-f]{62}$/;

/**
 * True when a link is a file of a snapshot and its text leads to a blob of the same repository: the
 * one link out of an artifact that is followed without being asked for. Both paths begin at the
 * same folder.
 */
export function isBlobOf(link: PathBytes, target: PathBytes): boolean {
  return repositories(link).some(({ cache, repository }) => {
    const blobs = `${cache}${repository}/blobs/`;
    return target.startsWith(blobs) && ETAG.test(target.slice(blobs.length));
  });
}

/** True for a blob that all repositories of the cache share which a file of a snapshot is in. */
export function isSharedBlobOf(link: PathBytes, target: PathBytes): boolean {
  return repositories(link).some(({ cache }) => target.startsWith(cache) && SHARED.test(target.slice(cache.length)));
}

/** Where the snapshots are that a file may be in; a path can look like that twice. */
function repositories(link: PathBytes): { cache: string; repository: string }[] {
  const components = link.split('/');
  return components.flatMap((repository, at) => {
    if (at + 3 >= components.length || !isSnapshot(components, at)) return [];
    return [
      {
        cache: components
          .slice(0, at)
          .map((name) => `${name}/`)
          .join(''),
        repository,
      },
    ];
  });
}

/** True when a path may be that of a file in a snapshot. */
export function isInSnapshot(link: PathBytes): boolean {
  return repositories(link).length > 0;
}

/**
 * How many folders a folder of a cache lies below the one that holds the repositories: 3 for a
 * snapshot. Undefined where the path, which is absolute and has no link in it, is that of no such
 * folder.
 */
export function foldersToCache(folder: PathBytes): number | undefined {
  const components = folder.split('/');
  for (let at = components.length - 1; at > 0; at--) {
    const [repository = '', snapshots = 'snapshots', commit] = components.slice(at, at + 3);
    if (!REPOSITORY.test(repository) || snapshots !== 'snapshots') continue;
    if (commit === undefined || COMMIT.test(commit)) return components.length - at;
  }
  return undefined;
}

/**
 * True for where a link of a listing leads when that is a blob outside the artifact:
 * `../../../models--ORG--NAME/blobs/ETAG`.
 */
export function isBlobPath(target: PathBytes): boolean {
  const inCache = target.replace(/^(?:\.\.\/)+/, '');
  if (inCache === target) return false;
  const [repository = '', blobs, etag = '', ...more] = inCache.split('/');
  const isOwn = REPOSITORY.test(repository) && blobs === 'blobs' && ETAG.test(etag) && more.length === 0;
  return isOwn || SHARED.test(inCache);
}

function isSnapshot(components: readonly string[], at: number): boolean {
  const [repository = '', snapshots, commit = ''] = components.slice(at, at + 3);
  return REPOSITORY.test(repository) && snapshots === 'snapshots' && COMMIT.test(commit);
}

/** Whether a link reads like one of a snapshot; only a message depends on it. */
export function isToBlob(folder: number, name: PathBytes): boolean {
  try {
    return /^(?:\.\.\/)+blobs\/[0-9a-f]{40}/.test(readLinkBeneath(folder, name));
  } catch {
    return false;
  }
}
