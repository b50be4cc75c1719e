import { adviceOn, codeOfErrno, errno, type Failure, WeighlockError } from '../error/index.ts';

/** A failed system call as a failure; `codeOfErrno` says whose fault it is. */
export function ioFailure(error: unknown, doing: string, file?: string): Failure {
  const name = errno(error);
  return {
    code: codeOfErrno(name ?? ''),
    message: `cannot ${doing}: ${name ?? 'unknown error'}`,
    ...(file === undefined ? {} : { file }),
    remedy: adviceOn(name ?? ''),
  };
}

/** `ioFailure` as an error to throw. */
export function ioError(error: unknown, doing: string, file?: string): WeighlockError {
  return new WeighlockError(ioFailure(error, doing, file), { cause: error });
}
