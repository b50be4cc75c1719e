import type { EvidenceFile } from '../evidence/index.ts';
import { entryText, type FileTable, nameAt, type PathBytes } from '../fs/index.ts';
import { judgeUnlisted, type UnlistedFile } from './unlisted.ts';

/** Files that may be there without being a part of what is attested, by index. */
export type Exempt = ReadonlyMap<number, UnlistedFile>;

/**
 * What of a folder is no part of it: evidence that lies in it, and what the platform ignores.
 * Whatever the rule about unlisted files does not let pass is a part of it, and makes its digest
 * another one.
 */
export function exemptFiles(
  files: FileTable,
  evidence: readonly EvidenceFile[],
  ignorePaths: readonly PathBytes[] = [],
): Exempt {
  const exempt = new Map<number, UnlistedFile>();
  if (evidence.length === 0 && ignorePaths.length === 0) return exempt;
  for (let i = 0; i < files.count; i++) {
    const judged = judgeUnlisted(files, i, { evidence, ignorePaths });
    if (judged.isAllowed) exempt.set(i, { file: entryText(nameAt(files, i)), kind: judged.kind, why: judged.why });
  }
  return exempt;
}
