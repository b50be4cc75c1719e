import { errno, WeighlockError } from '../error/index.ts';
import { ioFailure } from '../fs/index.ts';

const SAVE_AGAIN = 'do not use this content; save or copy the artifact into a new folder';

/**
 * What is wrong with one layout (`PathFaults`, and of what is in it); every message says which one,
 * and which file in it.
 */
export class LayoutFaults {
  readonly #name: string;

  /** @param path - of the layout */
  constructor(path: string) {
    this.#name = `OCI image layout ${path}`;
  }

  /** Other bytes than a name or a descriptor promises. */
  mismatch(file: string, expected: string, found: string, whose = ''): WeighlockError {
    return this.#error('DIGEST_MISMATCH', `a blob${whose} is not what its name or descriptor promises`, {
      file,
      expected,
      found,
      remedy: SAVE_AGAIN,
    });
  }

  tooLarge(file: string, mostBytes: number): WeighlockError {
    return this.#error('LIMIT_EXCEEDED', 'a manifest, configuration or signature is too large', {
      file,
      expected: `at most ${mostBytes} bytes`,
      remedy: 'save the artifact again with a current tool',
    });
  }

  tooMany(what: string, most: string): WeighlockError {
    return this.#error('LIMIT_EXCEEDED', `more ${what} than are looked at`, {
      file: 'blobs/sha256',
      expected: `at most ${most}`,
      found: 'more',
      remedy: 'save the artifact, with its signatures, into a folder of its own',
    });
  }

  noFile(file: string, found: string): WeighlockError {
    return this.#error('UNSAFE_ENTRY', `unsafe entry: ${found}`, {
      file,
      expected: 'a regular file',
      found,
      remedy: 'copy what links lead to, or save the artifact again: a layout has folders and regular files only',
    });
  }

  changed(file: string): WeighlockError {
    return this.#error('SOURCE_CHANGED', 'a file changed while it was read', {
      file,
      remedy: 'let whatever writes to this volume finish, then restart the pod',
    });
  }

  unusable(file: string, why: string, found: string, expected?: string): WeighlockError {
    return this.#error('UNSAFE_ENTRY', why, {
      file,
      ...(expected === undefined ? {} : { expected }),
      found,
      remedy: 'save the artifact again with a current tool',
    });
  }

  /** Of a document in it. @returns the same error, which now says where the document lies */
  of(error: WeighlockError, file: string): WeighlockError {
    if (error.file !== undefined) return error;
    const { code, message, expected, found, remedy = SAVE_AGAIN } = error;
    return this.#error(code, message, {
      file,
      remedy,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
    });
  }

  /** Parses a document in it; what is wrong says where the document lies. */
  within<T>(file: string, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw error instanceof WeighlockError ? this.of(error, file) : error;
    }
  }

  none(code: 'FILE_MISSING' | 'UNSAFE_ENTRY', message: string, found: string): WeighlockError {
    return this.#error(code, message, {
      file: 'index.json',
      found,
      remedy: 'name the one that is meant: oci-layout://PATH@sha256:..., or oci-layout://PATH:TAG',
    });
  }

  /** A system call that failed on a file of the layout. */
  io(error: unknown, file: string): WeighlockError {
    const { code, message, remedy = SAVE_AGAIN } = ioFailure(error, 'read a file', file);
    if (errno(error) !== 'ENOENT') return this.#error(code, message, { file, remedy }, error);
    const isMarker = file === 'oci-layout' || file === 'index.json';
    return this.#error(
      code,
      isMarker ? `it has no file ${file}` : 'a blob is missing',
      {
        file,
        expected: isMarker ? 'a folder with the files oci-layout and index.json' : 'every blob that is referred to',
        found: 'nothing',
        remedy: isMarker
          ? 'name the folder that cosign save, skopeo copy oci: or oras copy --to-oci-layout wrote'
          : 'save or copy the artifact again, whole',
      },
      error,
    );
  }

  /** A system call that failed on the folder itself. */
  root(error: unknown): WeighlockError {
    const name = errno(error) ?? '';
    const { code, message, remedy = SAVE_AGAIN } = ioFailure(error, 'open the folder');
    const isLink = name === 'ELOOP';
    if (!isLink && name !== 'ENOTDIR' && name !== 'ENOENT') return this.#error(code, message, { remedy }, error);
    const found = name === 'ENOENT' ? 'nothing' : isLink ? 'a symbolic link' : 'something else';
    return this.#error(
      code,
      'there is no such folder',
      {
        expected: 'a folder with the files oci-layout and index.json',
        found,
        remedy: isLink
          ? 'name what the link leads to'
          : 'check the path and the volume mount; an archive of a layout has to be unpacked first',
      },
      error,
    );
  }

  #error(
    code: WeighlockError['code'],
    message: string,
    more: { file?: string; expected?: string; found?: string; remedy: string },
    cause?: unknown,
  ): WeighlockError {
    return new WeighlockError({ code, message: `${this.#name}: ${message}`, ...more }, { cause });
  }
}
