import { safePath } from '../archive/index.ts';
import { WeighlockError } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';

/**
 * Paths below an artifact's root that may be there unsigned, each with all that is below it. They
 * are exact: a pattern, or the root itself, would let pass what nobody thought of.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function ignoredPaths(texts: readonly string[]): PathBytes[] {
  return texts.map((text) => {
    const path = ignoredPath(text);
    if (typeof path === 'string') return path;
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `--ignore-paths: ${path.fault}`,
      found: text,
      remedy: 'name a file or folder relative to the root of the artifact, e.g. .git',
    });
  });
}

/** One of them, or what is wrong with it. */
export function ignoredPath(text: string): PathBytes | { readonly fault: string } {
  if (/[*?[\]]/.test(text)) return { fault: 'it is a pattern, and only exact paths are taken' };
  const path = safePath(Buffer.from(text, 'utf8'));
  return typeof path === 'string' ? path : { fault: `it ${path.fault}` };
}
