import { EXIT, EXIT_CODE_OF, failureOf } from '../error/index.ts';
import { type Rejected, readSignatureFile, type SignatureFile, wholeOf } from '../evidence/index.ts';
import type { UnreadPlace } from '../pull/index.ts';

/** What there is of the signature files that were named. */
export interface ReadSignatures {
  readonly files: readonly SignatureFile[];
  /**
   * What is none: not there, not to be read, not a file. Whoever writes to the volume can make it
   * so.
   */
  readonly rejected: readonly Rejected[];
  /** What the storage did not give: there may be signatures in it. */
  readonly unread: readonly UnreadPlace[];
  /** They are files of the artifact, by the names that they have in it. */
  readonly isMember?: true;
}

/** Twice the largest one: they are in memory together, but for large payloads. */
const MOST_BYTES = 128 << 20;

/**
 * Whoever writes to the volume may put many large ones there, and all are read before anybody is
 * asked who signed them.
 */
const MOST_FILE_BYTES = 8 * 2 ** 30;

/**
 * Reads signature files. One that cannot be read hides no other: what was found is judged, and it
 * matters only where that is not enough.
 *
 * @param locate - the path of a name; throws what is wrong with it
 * @param areFound - true for names that nobody gave
 * @throws WeighlockError when one was given, and it cannot be read
 */
export async function readSignatureFiles(
  names: readonly string[],
  locate: (name: string) => string,
  areFound = false,
): Promise<ReadSignatures> {
  const files: SignatureFile[] = [];
  const rejected: Rejected[] = [];
  const unread: UnreadPlace[] = [];
  let [bytes, whole] = [0, 0];
  for (const name of names) {
    try {
      const file = await readSignatureFile(locate(name));
      files.push(file);
      bytes += file.bytes.length;
      whole += wholeOf(file).size;
      if (bytes <= MOST_BYTES && whole <= MOST_FILE_BYTES) continue;
      files.pop()?.close?.();
      const most = bytes > MOST_BYTES ? MOST_BYTES : MOST_FILE_BYTES;
      rejected.push({ where: name, code: 'LIMIT_EXCEEDED', why: `all of them have more than ${most} bytes` });
      break;
    } catch (error) {
      const failure = failureOf(error);
      const exit = EXIT_CODE_OF[failure.code];
      if (names.length === 1 && !areFound) throw error;
      if (exit === EXIT.notEvaluated) unread.push({ where: name, failure });
      else if (exit === EXIT.verificationFailed)
        rejected.push({ where: name, code: failure.code, why: failure.message });
      else throw error;
    }
  }
  return { files, rejected, unread };
}
