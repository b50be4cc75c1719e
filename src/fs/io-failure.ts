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

/**
 * What a file system fails with that takes no byte of a write, and does not say why: it would be
 * asked for ever. A server of FUSE can do so.
 */
export function tookNothing(): Error {
  return Object.assign(new Error('a write took no byte'), { code: 'EIO' });
}

/** @param written - what a write returned @throws what `tookNothing` says */
export function bytesTaken(written: number): number {
  if (written > 0) return written;
  throw tookNothing();
}
