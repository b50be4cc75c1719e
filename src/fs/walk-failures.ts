import { errno, type Failure, WeighlockError } from '../error/index.ts';
import { entryText, isAscii, isValidUtf8, joinPath, type PathBytes, toBuffer } from './entry-path.ts';
import { ioFailure } from './io-failure.ts';
import { MAX_REFUSED } from './limits.ts';

/** What a walk found that must not be there, or cannot be read. */
export class WalkFailures {
  readonly all: Failure[] = [];

  /**
   * Two names in one folder that are the same text after Unicode normalisation (NFC). One of them
   * shows up as the other in every listing, and copies to a normalising file system collapse into
   * one (CVE-2026-23950).
   */
  lookalikes(folder: PathBytes, names: readonly PathBytes[]): void {
    if (names.every(isAscii)) return;
    const seen = new Map<string, PathBytes>();
    for (const name of names) {
      if (!isValidUtf8(name)) continue;
      const text = toBuffer(name).toString('utf8').normalize('NFC');
      const other = seen.get(text);
      if (other === undefined) seen.set(text, name);
      else {
        this.refuse(
          joinPath(folder, name),
          'two names in this folder differ only by Unicode normalisation',
          'rename or remove one of them',
        );
      }
    }
  }

  refuse(path: PathBytes, found: string, remedy: string): void {
    this.#fail({
      code: 'UNSAFE_ENTRY',
      message: `unsafe entry: ${found}`,
      file: entryText(path),
      found,
      remedy,
    });
  }

  limit(path: PathBytes, message: string): void {
    const text = entryText(path);
    const file = text.length > 300 ? `${text.slice(0, 300)}...` : text;
    this.#fail({ code: 'LIMIT_EXCEEDED', message, file, remedy: 'shorten the names or flatten the folders' });
  }

  unreadable(path: PathBytes, error: unknown, doing: string): void {
    if (!isFailedCall(error)) throw error;
    const code = errno(error);
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') {
      this.#fail({
        code: 'SOURCE_CHANGED',
        message: 'entry changed while the folder was being listed',
        file: entryText(path) || '.',
        remedy: 'let whatever writes to this volume finish, then restart the pod',
      });
      return;
    }
    const failure = ioFailure(error, doing, entryText(path) || '.');
    const lost =
      path === 'lost+found' ? { remedy: 'the root of an ext4 volume: verify a folder in it, or use subPath' } : {};
    this.#fail({ ...failure, ...lost });
  }

  /** Takes down what is wrong; so much of it that nobody would read on ends the walk. */
  #fail(failure: Failure): void {
    this.all.push(failure);
    if (this.all.length < MAX_REFUSED) return;
    throw new WeighlockError({
      code: 'LIMIT_EXCEEDED',
      message: `${MAX_REFUSED} entries must not be there or cannot be read, the first of them: ${this.all[0]?.message}`,
      ...(this.all[0]?.file === undefined ? {} : { file: this.all[0].file }),
      remedy: 'see what this volume holds: this does not look like an artifact',
    });
  }
}

/** What a system call answered, and not what we made of it. */
export function isFailedCall(error: unknown): boolean {
  return !(error instanceof WeighlockError) && errno(error) !== undefined;
}
