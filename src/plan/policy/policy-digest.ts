import { comparePaths, fromText } from '../../fs/index.ts';
import { checksumLine } from '../../hash/index.ts';
import { sha256 } from '../../library/index.ts';

/**
 * What a policy says, whose keys and roots included: the SHA-256 of its text, and where it names
 * files, that of the `sha256sum` listing of its text (as `-`) and of all of them, in the order of
 * their names as the policy has them. A key that was replaced is another policy.
 *
 * @param trusted - SHA-256 of the files, hex, by name
 */
export function policyDigest(text: string, trusted: ReadonlyMap<string, string>): string {
  const own = sha256(text).toString('hex');
  if (trusted.size === 0) return own;
  const files = [...trusted].map(([name, hex]) => [fromText(name), hex] as const);
  files.sort(([a], [b]) => comparePaths(a, b));
  const lines = [[fromText('-'), own] as const, ...files].map(([name, hex]) => checksumLine(hex, name));
  return sha256(lines.join('')).toString('hex');
}
