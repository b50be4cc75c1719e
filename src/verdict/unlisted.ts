import type { EvidenceFile } from '../evidence/index.ts';
import { entryText, type FileTable, hexAt, isBlobPath, nameAt, type PathBytes } from '../fs/index.ts';

/**
 * What evidence may be called where it lies among the files that it lists, and so cannot list
 * itself. These are names that signing tools write and that no loader of models or datasets opens
 * or looks for: unlike `config.json`, `vocab.txt`, `*.jsonl` or `*.py`, which a listing of bytes
 * could also be.
 */
const EVIDENCE_NAME = /(^|\/)([^/]+\.(sig|sigstore|sigstore\.json|sha256|sha256sums?)|(SHA|sha)256(SUMS?|sums?))$/;

/** True for a name that no loader of models or datasets reads. */
export function isEvidenceName(name: PathBytes): boolean {
  return EVIDENCE_NAME.test(name);
}

/** A file that is there although nobody listed it, and why that is let pass. */
export interface UnlistedFile {
  readonly file: string;
  readonly kind: 'evidence' | 'ignored' | 'empty';
  readonly why: string;
}

/** Whether a file that nobody listed may be there. */
export type Unlisted =
  | { readonly isAllowed: true; readonly kind: UnlistedFile['kind']; readonly why: string }
  /**
   * `isUnread`: by its path it is evidence, and nobody knows whether it still has the bytes that
   * were read.
   */
  | { readonly isAllowed: false; readonly remedy: string; readonly isUnread?: true };

const REMOVE = 'remove the file, or publish a listing that names it';

/**
 * Files of an artifact that may be there without being listed: for each of them there is a reason,
 * and nothing else passes.
 */
export interface UnlistedRules {
  /** Files whose content was read as evidence that counts. */
  readonly evidence: readonly EvidenceFile[];
  /**
   * What the platform lets be there unsigned: paths of files, and of folders with all that is in
   * them.
   */
  readonly ignorePaths?: readonly PathBytes[];
  /** Empty files that the signer named: shards are listed, and these have none. */
  readonly emptyFiles?: ReadonlySet<PathBytes>;
  /** What the signer left out: no reason to let it pass, but it tells what to do. */
  readonly leftOut?: ReadonlySet<PathBytes>;
}

/** The one place that decides about a file which no listing names. */
export function judgeUnlisted(files: FileTable, index: number, rules: UnlistedRules): Unlisted {
  const name = nameAt(files, index);
  const evidence = rules.evidence.find((one) => one.name === name);
  const judged = evidence && judgeEvidence(files, index, evidence);
  if (judged?.isAllowed === true) return judged;
  // Whatever it holds: the platform named it.
  const ignored = atOrAbove(name, new Set(rules.ignorePaths));
  if (ignored !== undefined)
    return { isAllowed: true, kind: 'ignored', why: `at ${entryText(ignored)}, which the verifier ignores` };
  if (judged !== undefined) return judged;
  if (files.size[index] === 0 && rules.emptyFiles?.has(name) === true)
    return { isAllowed: true, kind: 'empty', why: 'empty, and named by the signer' };
  const leftOut = atOrAbove(name, rules.leftOut ?? new Set());
  if (leftOut !== undefined)
    return {
      isAllowed: false,
      remedy: `the signer left it out; sign it, remove it, or have the platform allow it: --ignore-paths ${entryText(leftOut)}`,
    };
  if (files.size[index] === 0 && rules.emptyFiles !== undefined)
    return {
      isAllowed: false,
      remedy: `shards leave out empty files: sign it with "weighlock sign", which names them, or without shards; or allow it: --ignore-paths ${entryText(name)}`,
    };
  return { isAllowed: false, remedy: REMOVE };
}

/** By its path, and never by its inode: a second name for the same bytes is another file. */
function judgeEvidence(files: FileTable, index: number, { name, sha256, links }: EvidenceFile): Unlisted {
  const refuse = (remedy: string): Unlisted => ({ isAllowed: false, remedy });
  if (!isEvidenceName(name))
    return refuse(
      'a signature or listing inside the artifact must be called *.sig, *.sigstore.json or SHA256SUMS (loaders read *.jsonl); or keep it beside the artifact, or allow it: --ignore-paths',
    );
  const target = files.targets.get(index);
  // In a cache of huggingface_hub every file is a link, to what has no other name in the artifact
  // that would not be judged by itself.
  if (target !== undefined && !isBlobPath(target))
    return refuse('put the signature or listing itself there, not a link to it');
  if (links > 1)
    return refuse('the signature or listing has a second name (a hard link): copy it, so that it has one name only');
  if (files.hashed[index] === 0) return { isAllowed: false, remedy: 'see why it cannot be read', isUnread: true };
  // The bytes that lie there must be the bytes that were read: they are all that is known of this
  // file.
  if (hexAt(files, index) !== sha256)
    return refuse('it was replaced after it was read: see what writes to this volume');
  return { isAllowed: true, kind: 'evidence', why: 'the evidence itself' };
}

/** Which of these paths a name is, or lies below; there may be a million of them. */
function atOrAbove(name: PathBytes, paths: ReadonlySet<PathBytes>): PathBytes | undefined {
  if (paths.has(name)) return name;
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    const folder = name.slice(0, at) as PathBytes;
    if (paths.has(folder)) return folder;
  }
  return undefined;
}
