import type { Failure } from '../error/index.ts';
import type { Checksums, LoadedChecksums } from '../evidence/index.ts';
import { entryText, type FileTable, hexAt, nameAt, type PathBytes } from '../fs/index.ts';
import type { Requirement } from '../plan/index.ts';
import type { Measured, RequirementOutcome } from './outcome.ts';

/** Evidence of one artifact that was loaded and found trustworthy, by requirement. */
export type Evidence = ReadonlyMap<Requirement, LoadedChecksums>;

/** Verdict on what was measured: for each requirement whether it is met, and every reason why not. */
export interface Judgement {
  readonly requirements: readonly RequirementOutcome[];
  readonly failures: readonly Failure[];
}

/** Holds what was measured of an artifact against everything that is required of it. */
export function judge(requirements: readonly Requirement[], measured: Measured, evidence: Evidence): Judgement {
  const judgements = requirements.map((requirement) =>
    requirement.kind === 'sha256'
      ? judgePin(requirement, measured)
      : judgeListing(requirement, measured, evidence.get(requirement)),
  );
  return {
    requirements: judgements.map(({ outcome }) => outcome),
    failures: judgements.flatMap(({ failures }) => failures),
  };
}

interface Judged {
  readonly outcome: RequirementOutcome;
  readonly failures: readonly Failure[];
}

function judgePin(requirement: Requirement, { kind, digest }: Measured): Judged {
  const { origin, digest: expected } = requirement;
  const outcome = { kind: 'sha256', origin, expected } as const;
  // Without a digest some file could not be read, and that failure stands already.
  if (digest === undefined) return { outcome: { ...outcome, met: false }, failures: [] };
  const met = digest === expected;
  const failure: Failure = {
    code: 'DIGEST_MISMATCH',
    message: kind === 'file' ? `the file's SHA-256 is not ${origin}` : `the folder's tree digest is not ${origin}`,
    expected,
    found: digest,
    remedy:
      kind === 'file'
        ? 'do not use this content; if it is the right one, pin it anew with: weighlock digest PATH'
        : 'some file, name or byte differs: compare "weighlock digest --list PATH" with a good copy; a pin for one file needs that file named',
  };
  return { outcome: { ...outcome, found: digest, met }, failures: met ? [] : [failure] };
}

/** A checksums file, or the files that a pinned manifest promises. */
function judgeListing(requirement: Requirement, measured: Measured, loaded: LoadedChecksums | undefined): Judged {
  const { kind, origin, digest: expected } = requirement;
  const outcome = { kind, origin, expected };
  if (loaded === undefined) return { outcome: { ...outcome, met: false }, failures: [] };
  const failures = compareChecksums(measured.files, loaded, measured.unknown);
  const complete = measured.unknown.length === 0 && measured.files.hashed.every((done) => done === 1);
  return { outcome: { ...outcome, found: expected, met: complete && failures.length === 0 }, failures };
}

/** Every missing, changed and unexpected file, by name; a file that was only renamed is recognised by its digest. */
export function compareChecksums(
  files: FileTable,
  { checksums, identity }: LoadedChecksums,
  unknown: readonly string[] = [],
): Failure[] {
  const failures: Failure[] = [];
  const present = new Set<PathBytes>();
  const unexpected = new Map<string, PathBytes>();
  for (let i = 0; i < files.count; i++) {
    const name = nameAt(files, i);
    const expected = checksums.get(name);
    const found = hexAt(files, i);
    present.add(name);
    if (expected === undefined) {
      if (`${files.device[i]}:${files.inode[i]}` === identity) continue;
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
