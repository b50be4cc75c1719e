/**
 * Beside a file or below it: no root, no way up, no drive, nothing that a terminal or a file system
 * reads in its own way.
 */
export function isBeside(path: string): boolean {
  return (
    path.length <= 4096 &&
    !/[\\:]/.test(path) &&
    [...path].every((character) => character >= ' ') &&
    path.split('/').every((part) => part !== '' && part !== '..' && part !== '.')
  );
}
