import { realpathSync } from 'node:fs';

/**
 * True when a path leads through a link. What such a path answers was chosen by whoever made the
 * link: `/proc/self/mem` is a regular file and cannot be read (EIO), which must not look like
 * storage that is broken.
 */
export function isThroughLink(path: string): boolean {
  try {
    return realpathSync(path) !== path;
  } catch {
    // What there is no way to is for the caller to say.
    return false;
  }
}
