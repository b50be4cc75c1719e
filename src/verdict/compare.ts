import type { Failure } from '../error/index.ts';
import type { Checksums } from '../evidence/index.ts';
import { entryText, type FileTable, hexAt, nameAt, namesOf, type PathBytes } from '../fs/index.ts';
import { judgeUnlisted, type UnlistedFile, type UnlistedRules } from './unlisted.ts';

/**
 * What is promised of files, by name: digests in hex; and where it is at hand, the answer for a
 * file of a table in one step.
 */
export interface Expected extends Iterable<readonly [PathBytes, string]> {
  readonly size: number;
  get(name: PathBytes): string | undefined;
  promiseOf?(files: FileTable, index: number): 'same' | 'listed' | undefined;
  /**
   * Asked before it, of the table as it is, for digests need not be at hand where all are as
   * promised: true where everything that is promised is there, with its SHA-256.
   */
  prove?(files: FileTable): boolean;
}

/** What a folder's files are held against. */
export interface Listed {
  readonly checksums: Checksums | Expected;
  /** What may be there without being listed; nothing, unless it says so. */
  readonly unlisted?: UnlistedRules;
  /** What was measured of a file, where that is not its SHA-256. */
  readonly digestOf?: (name: PathBytes) => string | undefined;
}

/** What came of a comparison. */
export interface Comparison {
  readonly failures: readonly Failure[];
  /** Files that nobody listed, and that are let pass. */
  readonly unlisted: readonly UnlistedFile[];
}

/**
 * Every missing, changed and unexpected file, by name; a file that was only renamed is recognised
 * by its digest.
 *
 * @param unknown - names of what could not be read, each of which is a failure already
 */
export function compareChecksums(
  files: FileTable,
  { checksums, unlisted: rules = { evidence: [] }, ...listing }: Listed,
  unknown: readonly string[] = [],
): Comparison {
  const failures: Failure[] = [];
  const allowed: UnlistedFile[] = [];
  const promises: Expected = checksums;
  const areAll = promises.prove?.(files) === true && promises.size === files.count;
  if (areAll && listing.digestOf === undefined) return { failures, unlisted: allowed };
  let present = 0;
  const unexpected = new Map<string, PathBytes>();
  for (let i = 0; i < files.count; i++) {
    const promise = promises.promiseOf?.(files, i);
    const isUnread = files.hashed[i] === 0 && listing.digestOf === undefined;
    const isNew = !hasNameOfOneBefore(files, i);
    if (promise === 'same' ? listing.digestOf === undefined : promise === 'listed' && isUnread) {
      if (isNew) present += 1;
      continue;
    }
    const name = nameAt(files, i);
    const expected = checksums.get(name);
    const found = listing.digestOf === undefined ? hexAt(files, i) : listing.digestOf(name);
    if (expected !== undefined && isNew) present += 1;
    if (expected === undefined) {
      const judged = judgeUnlisted(files, i, rules);
      if (judged.isAllowed) {
        allowed.push({ file: entryText(name), kind: judged.kind, why: judged.why });
        continue;
      }
      // A volume that went away while it was read has no file too many: that this one cannot be
      // read is a failure already.
      if (judged.isUnread && unknown.includes(entryText(name))) continue;
      if (found !== undefined) unexpected.set(found, name);
      failures.push({
        code: 'FILE_UNEXPECTED',
        message: 'a file that is not in the listing',
        file: entryText(name),
        ...(found === undefined ? {} : { found }),
        remedy: judged.remedy,
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
    } else if (found === undefined && files.hashed[i] !== 0) {
      // Of what could not be read there is a failure already; this was read, and not compared.
      failures.push({
        code: 'INTERNAL',
        message: 'the file was hashed, but not with the hash that was listed',
        file: entryText(name),
        remedy: 'please report this as a defect',
      });
    }
  }
  // As many names as are listed are all that are.
  if (present < checksums.size) failures.push(...missingFiles(checksums, namesOf(files), unexpected, unknown));
  return { failures, unlisted: allowed };
}

/** No two files have one name, and if two had, the other would stand before this one. */
function hasNameOfOneBefore({ names, nameEnd }: FileTable, index: number): boolean {
  const [start, end] = [nameEnd[index - 1] ?? 0, nameEnd[index] ?? 0];
  const before = start - (nameEnd[index - 2] ?? 0);
  if (index === 0 || before !== end - start) return false;
  for (let i = start; i < end; i++) if (names[i] !== names[i - before]) return false;
  return true;
}

function missingFiles(
  checksums: Iterable<readonly [PathBytes, string]>,
  names: readonly PathBytes[],
  unexpected: ReadonlyMap<string, PathBytes>,
  unknown: readonly string[],
): Failure[] {
  const failures: Failure[] = [];
  const present = new Set(names);
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

/** Can only be a defect of ours, and must not let anything pass. */
export function notCompared(): Failure {
  return {
    code: 'INTERNAL',
    message: 'what was signed was not compared with what was measured',
    remedy: 'please report this as a defect',
  };
}
