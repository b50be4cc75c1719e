import type { Failure } from '../error/index.ts';
import type { Checksums } from '../evidence/index.ts';
import { entryText, type FileTable, hexAt, nameAt, type PathBytes } from '../fs/index.ts';

/** What a folder's files are held against. */
export interface Listed {
  readonly checksums: Checksums;
  /** `st_dev:st_ino` of files that are not part of the content: the listing itself, signatures. */
  readonly identity?: string;
  readonly identities?: readonly string[];
  /** True for what may be there without being listed. */
  readonly isIgnored?: (name: PathBytes, bytes: number) => boolean;
  /** What was measured of a file, where that is not its SHA-256. */
  readonly digestOf?: (name: PathBytes) => string | undefined;
}

/** Every missing, changed and unexpected file, by name; a file that was only renamed is recognised by its digest. */
export function compareChecksums(
  files: FileTable,
  { checksums, isIgnored = () => false, ...listing }: Listed,
  unknown: readonly string[] = [],
): Failure[] {
  const identities = new Set([listing.identity ?? '', ...(listing.identities ?? [])]);
  const failures: Failure[] = [];
  const present = new Set<PathBytes>();
  const unexpected = new Map<string, PathBytes>();
  for (let i = 0; i < files.count; i++) {
    const name = nameAt(files, i);
    const expected = checksums.get(name);
    const found = listing.digestOf === undefined ? hexAt(files, i) : listing.digestOf(name);
    present.add(name);
    if (expected === undefined) {
      if (identities.has(`${files.device[i]}:${files.inode[i]}`) || isIgnored(name, files.size[i] ?? 0)) continue;
      if (found !== undefined) unexpected.set(found, name);
      failures.push({
        code: 'FILE_UNEXPECTED',
        message: 'a file that is not in the listing',
        file: entryText(name),
        ...(found === undefined ? {} : { found }),
        remedy: 'remove the file, or publish a listing that names it',
      });
    } else if (found !== undefined && found !== expected) {
      failures.push({
        code: 'DIGEST_MISMATCH',
        message: 'the content differs',
        file: entryText(name),
        expected,
        found,
        remedy: 'do not use this content: restore the file from its source',
      });
    }
  }
  return [...failures, ...missingFiles(checksums, present, unexpected, unknown)];
}

function missingFiles(
  checksums: Checksums,
  present: ReadonlySet<PathBytes>,
  unexpected: ReadonlyMap<string, PathBytes>,
  unknown: readonly string[],
): Failure[] {
  const failures: Failure[] = [];
  for (const [name, expected] of checksums) {
    const file = entryText(name);
    if (present.has(name)) continue;
    if (unknown.some((entry) => file === entry || file.startsWith(`${entry}/`))) continue;
    const renamed = unexpected.get(expected);
    failures.push({
      code: 'FILE_MISSING',
      message:
        renamed === undefined
          ? 'the file is not there'
          : `the file is not there; ${entryText(renamed)} has its content`,
      file,
      expected,
      found: 'nothing',
      remedy: renamed === undefined ? 'restore the file from its source' : 'give the file its name back',
    });
  }
  return failures;
}
