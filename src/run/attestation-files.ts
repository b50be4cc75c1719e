import { lstatSync, opendirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What tools call a file of attestations, one on each line. */
const CLAIMS = 'claims.jsonl';

const BUNDLE = /.\.sigstore\.json$/;

/**
 * Entries of a folder that are looked through for attestations: ImageNet-1k has 1.3 million files,
 * and takes 3 s.
 */
const MOST_ENTRIES = 2_000_000;

/** Files that are read; more are named by whoever wants them read. */
const MOST_FILES = 64;

/**
 * Where attestations of a folder are looked for when nobody named them: `claims.jsonl` and
 * `*.sigstore.json` in it, and beside it `claims.jsonl`, `NAME.claims.jsonl`, `NAME.sigstore.json`
 * and `NAME.*.sigstore.json`. Links are none of them. What is about this folder by its name comes
 * first, and what may be about everything around it last: no more than so many are verified.
 *
 * @returns names in the folder, and absolute paths of those beside it
 */
export function attestationFiles(folder: string): string[] {
  const name = basename(folder);
  const beside = dirname(folder);
  const inside = namesIn(folder, (one) => one === CLAIMS || BUNDLE.test(one));
  // The root of the file system has nothing beside it.
  if (name === '' || beside === folder) return inside;
  const outside = namesIn(beside, (one) => {
    if (one === CLAIMS || one === `${name}.${CLAIMS}`) return true;
    return one.startsWith(`${name}.`) && BUNDLE.test(one);
  });
  const own = outside.filter((one) => one !== CLAIMS);
  const shared = outside.filter((one) => one === CLAIMS);
  const paths = (names: readonly string[]) => names.map((one) => join(beside, one));
  return [...paths(own), ...inside, ...paths(shared)].slice(0, MOST_FILES);
}

/** What cannot be read has none: the listing says what is wrong with it. */
function namesIn(folder: string, isWanted: (name: string) => boolean): string[] {
  const names: string[] = [];
  try {
    const entries = opendirSync(folder);
    try {
      for (let i = 0; i < MOST_ENTRIES; i++) {
        const entry = entries.readSync();
        if (entry === null) break;
        if (isWanted(entry.name) && isFile(join(folder, entry.name))) names.push(entry.name);
      }
    } finally {
      entries.closeSync();
    }
  } catch {
    return [];
  }
  return names.sort();
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
