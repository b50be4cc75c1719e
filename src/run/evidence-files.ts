import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type EvidenceFile, type Proofs, type SignatureFile, wholeOf } from '../evidence/index.ts';
import { fromText, type PathBytes } from '../fs/index.ts';

/** Files with a signature that counts: of the others nobody knows what they hold. */
export function countedFiles(files: readonly SignatureFile[], { proofs }: Proofs): SignatureFile[] {
  return files.filter(({ path }) => proofs.some(({ where }) => where === path));
}

/** A file of an artifact that is not here yet. */
export function memberFile(file: SignatureFile): EvidenceFile {
  return { name: fromText(file.path), ...readFrom(file) };
}

/** What is known of a file that was read as evidence. */
export function readFrom(file: SignatureFile): Omit<EvidenceFile, 'name'> {
  return { ...wholeOf(file), links: file.links };
}

/**
 * The name of a file in a folder, whatever links there are on the way to either; undefined when it
 * is not in there.
 */
export function nameWithin(root: string, path: string): PathBytes | undefined {
  try {
    const name = relative(realpathSync(root), join(realpathSync(dirname(path)), basename(path)));
    return name === '' || name === '..' || name.startsWith('../') ? undefined : fromText(name);
  } catch {
    // What is not there holds nothing.
    return undefined;
  }
}
