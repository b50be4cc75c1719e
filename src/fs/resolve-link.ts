import type { BigIntStats } from 'node:fs';
import { isSystemError, WeighlockError } from '../error/index.ts';
import { fromText, joinPath, type PathBytes } from './entry-path.ts';
import { MAX_DEPTH } from './limits.ts';
import { close, openFolder, openFolderBeneath, readLinkBeneath, statBeneath } from './open.ts';

/** Links on the way to one file, as many as Linux follows (path_resolution(7)). */
const MOST_LINKS = 40;

/** Why a link is not followed. */
export class LinkError extends Error {}

/** Where a path leads below a folder, when every link on the way was followed. */
export interface Resolved {
  /** Without a link in it; empty for the folder itself. */
  readonly path: PathBytes;
  readonly stat: BigIntStats;
}

/**
 * Follows the links in a path as `openat2(2)` does with `RESOLVE_BENEATH`: from an open folder and never out of it, not even on the way.
 * The kernel follows none of them: each component is looked at, and opened, through the descriptor of the folder that it lies in, so that
 * a link means here what it means wherever the volume is mounted. An absolute one would not, and neither would those of `/proc`.
 *
 * @param onStep - called for each component; throws to stop
 * @param mostLinks - more are not followed
 * @throws LinkError for a link that is not followed; what system calls throw
 */
export function resolveBeneath(root: number, path: PathBytes, onStep: () => void, mostLinks = MOST_LINKS): Resolved {
  const folders: { readonly name: PathBytes; readonly descriptor: number }[] = [];
  const left = componentsOf(path);
  let links = 0;
  try {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      onStep();
      if (name === '' || name === '.') continue;
      if (name === '..') {
        const folder = folders.pop();
        if (folder === undefined) throw new LinkError('symbolic link that leads out of the artifact');
        close(folder.descriptor);
        continue;
      }
      const at = folders.at(-1)?.descriptor ?? root;
      const stat = statBeneath(at, name);
      if (stat.isSymbolicLink()) {
        if (++links > mostLinks) throw new LinkError(mostLinks === 0 ? 'symbolic link' : 'symbolic link loop');
        const target = readLinkBeneath(at, name);
        if (target.startsWith('/'))
          throw new LinkError('symbolic link with an absolute target, which leads out of the artifact');
        left.push(...componentsOf(target));
      } else if (stat.isDirectory()) {
        if (folders.length >= MAX_DEPTH) throw new LinkError('symbolic link into folders that are nested too deep');
        folders.push({ name, descriptor: openFolderBeneath(at, name) });
      } else if (left.length > 0) throw new LinkError('symbolic link through something that is no folder');
      else return { path: pathOf([...folders, { name }]), stat };
    }
    const folder = folders.at(-1);
    const above = folders.at(-2)?.descriptor ?? root;
    const stat = folder === undefined ? statBeneath(root, '.' as PathBytes) : statBeneath(above, folder.name);
    return { path: pathOf(folders), stat };
  } finally {
    for (const { descriptor } of folders) close(descriptor);
  }
}

/**
 * Refuses a name in a folder that links stand in the way of, unless they are allowed and stay in that folder. What is not there is not
 * refused here.
 *
 * @param folder - path of the platform's: links on the way to it are followed
 * @param name - relative; whoever writes to the folder decides what is on the way to it
 * @throws WeighlockError `UNSAFE_ENTRY`
 */
export function refuseLinks(folder: string, name: string, allowSymlinks: boolean): void {
  let root: number | undefined;
  try {
    root = openFolder(`${folder}/.`);
    resolveBeneath(root, fromText(name), () => {}, allowSymlinks ? MOST_LINKS : 0);
  } catch (error) {
    if (error instanceof LinkError)
      throw new WeighlockError({
        code: 'UNSAFE_ENTRY',
        message: `unsafe entry: ${error.message}`,
        file: name,
        found: error.message,
        remedy: allowSymlinks
          ? 'name what the link leads to'
          : 'name what the link leads to, or allow it: --allow-symlinks',
      });
    if (!isSystemError(error)) throw error;
  } finally {
    if (root !== undefined) close(root);
  }
}

/** The first one last. */
function componentsOf(path: PathBytes): PathBytes[] {
  return (path.split('/') as PathBytes[]).reverse();
}

function pathOf(components: readonly { readonly name: PathBytes }[]): PathBytes {
  return components.reduce((path, { name }) => joinPath(path, name), '' as PathBytes);
}
