import { type ErrorCode, EXIT_CODE_OF, type ExitCode } from './codes.ts';
import { adviceOn, codeOfErrno, errno, isSystemError } from './system-error.ts';

/** Why something was refused, in parts that a report can print and a program can read. */
export interface Failure {
  readonly code: ErrorCode;
  /** One sentence, without the artifact's and the file's name (they have fields of their own). */
  readonly message: string;
  /** Name of the artifact in the plan, e.g. `model`. */
  readonly artifact?: string;
  /** Path inside the artifact, as text (see `entryText`). */
  readonly file?: string;
  readonly expected?: string;
  readonly found?: string;
  /** What the person on call does next. */
  readonly remedy?: string;
}

/**
 * The one error class that crosses a folder's border. Everything else that is thrown is a defect,
 * and exits 70.
 *
 * `cause` keeps the operating system's error for `--log-level debug`; it never reaches a report.
 */
export class WeighlockError extends Error implements Failure {
  readonly code: ErrorCode;
  readonly artifact?: string;
  readonly file?: string;
  readonly expected?: string;
  readonly found?: string;
  readonly remedy?: string;

  constructor(failure: Failure, options?: { cause?: unknown }) {
    super(failure.message, options);
    this.name = 'WeighlockError';
    this.code = failure.code;
    if (failure.artifact !== undefined) this.artifact = failure.artifact;
    if (failure.file !== undefined) this.file = failure.file;
    if (failure.expected !== undefined) this.expected = failure.expected;
    if (failure.found !== undefined) this.found = failure.found;
    if (failure.remedy !== undefined) this.remedy = failure.remedy;
  }

  get exitCode(): ExitCode {
    return EXIT_CODE_OF[this.code];
  }
}

/** The plain, structured-cloneable form of an error, with fields that are absent left out. */
export function toFailure(error: Failure): Failure {
  const { code, message, artifact, file, expected, found, remedy } = error;
  return {
    code,
    message,
    ...(artifact === undefined ? {} : { artifact }),
    ...(file === undefined ? {} : { file }),
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

/**
 * Any thrown value as a failure. A system call's error that nobody said more about is what the
 * storage, the kernel or the network answered, whichever call it was; anything else that is not a
 * `WeighlockError` is a defect of ours, code `INTERNAL`.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof WeighlockError) return toFailure(error);
  const name = errno(error);
  if (name !== undefined && isSystemError(error)) {
    return {
      code: codeOfErrno(name),
      message: `the system call ${error.syscall ?? 'of this run'} failed: ${name}`,
      remedy: adviceOn(name),
    };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: 'INTERNAL',
    message: `unexpected error: ${text}`,
    remedy: 'this is a defect in Weighlock: please report it with the command line and this message',
  };
}
