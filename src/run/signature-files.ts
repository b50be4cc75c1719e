import { EXIT, EXIT_CODE_OF, failureOf } from '../error/index.ts';
import { type Rejected, readSignatureFile, type SignatureFile } from '../evidence/index.ts';
import type { UnreadPlace } from '../pull/index.ts';

/** What there is of the signature files that were named. */
export interface ReadSignatures {
  readonly files: readonly SignatureFile[];
  /** What is none: not there, not to be read, not a file. Whoever writes to the volume can make it so. */
  readonly rejected: readonly Rejected[];
  /** What the storage did not give: there may be signatures in it. */
  readonly unread: readonly UnreadPlace[];
}

/**
 * Reads signature files. One that cannot be read hides no other: what was found is judged, and it matters only where that
 * is not enough.
 *
 * @param locate - the path of a name; throws what is wrong with it
 * @throws WeighlockError when there is one, and it cannot be read
 */
export function readSignatureFiles(names: readonly string[], locate: (name: string) => string): ReadSignatures {
  const files: SignatureFile[] = [];
  const rejected: Rejected[] = [];
  const unread: UnreadPlace[] = [];
  for (const name of names) {
    try {
      files.push(readSignatureFile(locate(name)));
    } catch (error) {
      const failure = failureOf(error);
      const exit = EXIT_CODE_OF[failure.code];
      if (names.length === 1) throw error;
      if (exit === EXIT.notEvaluated) unread.push({ where: name, failure });
      else if (exit === EXIT.verificationFailed)
        rejected.push({ where: name, code: failure.code, why: failure.message });
      else throw error;
    }
  }
  return { files, rejected, unread };
}
