import type { BigIntStats } from 'node:fs';
import { joinPath, type PathBytes } from './entry-path.ts';
import { MAX_DEPTH } from './limits.ts';
import { close, openFolderBeneath, readLinkBeneath, statBeneath } from './open.ts';

/** Links on the way to one file, as many as Linux follows (path_resolution(7)). */
export const MOST_LINKS = 40;

/** Why a link is not followed. */
export class LinkError extends Error {}

/** Where a path leads below a folder, when every link on the way was followed. */
export interface Resolved {
  /** Without a link in it; empty for the folder itself. */
  readonly path: PathBytes;
  readonly stat: BigIntStats;
}

/**
 * Follows the links in a path as `openat2(2)` does with `RESOLVE_BENEATH`: from an open folder and
 * never out of it, not even on the way. The kernel follows none of them: each component is looked
 * at, and opened, through the descriptor of the folder that it lies in, so that a link means here
 * what it means wherever the volume is mounted. An absolute one would not, and neither would those
 * of `/proc`.
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

/** The first one last. */
function componentsOf(path: PathBytes): PathBytes[] {
  return (path.split('/') as PathBytes[]).reverse();
}

function pathOf(components: readonly { readonly name: PathBytes }[]): PathBytes {
  return components.reduce((path, { name }) => joinPath(path, name), '' as PathBytes);
}
