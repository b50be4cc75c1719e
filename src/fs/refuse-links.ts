import { isSystemError, WeighlockError } from '../error/index.ts';
import { fromText } from './entry-path.ts';
import { LinkRoot } from './link-root.ts';
import { close, openFolder } from './open.ts';
import { LinkError, MOST_LINKS, resolveBeneath } from './resolve-link.ts';

/** Which links may be on the way to a name. */
export interface AllowedLinks {
  readonly allowSymlinks: boolean;
  /** As in `StorageRules`. */
  readonly linkRoot?: string | undefined;
}

/**
 * Refuses a name in a folder that links stand in the way of, unless they are allowed and stay in
 * that folder, or in the folder above it that they may lead to. What is not there is not refused
 * here.
 *
 * @param folder - path of the platform's: links on the way to it are followed
 * @param name - relative; whoever writes to the folder decides what is on the way to it
 * @throws WeighlockError `UNSAFE_ENTRY`
 */
export function refuseLinks(folder: string, name: string, { allowSymlinks, linkRoot }: AllowedLinks): void {
  let root: number | undefined;
  try {
    root = openFolder(`${folder}/.`);
    if (!isBehindLinkRoot(root, name, linkRoot))
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

function isBehindLinkRoot(folder: number, name: string, given: string | undefined): boolean {
  const linkRoot = LinkRoot.open(folder, given);
  try {
    if (linkRoot?.isFor(fromText(name)) !== true) return false;
    linkRoot.resolve(fromText(name), () => {});
    return true;
  } catch (error) {
    // What is no link is judged as everywhere.
    if (error instanceof LinkError || isSystemError(error)) return false;
    throw error;
  } finally {
    linkRoot?.close();
  }
}
