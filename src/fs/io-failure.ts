import { errno, type Failure, WeighlockError } from '../error/index.ts';

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'give the verifying user read access: run it with the UID of the workload, or set fsGroup on the pod',
  EPERM: 'give the verifying user read access: run it with the UID of the workload, or set fsGroup on the pod',
  EIO: 'the storage returned an input/output error: check the volume and the node',
  ESTALE: 'the network file system lost this file handle: check the volume, then restart the pod',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENOSPC: 'make room on this volume, or give it more capacity',
  EDQUOT: 'make room on this volume, or raise its quota',
  EROFS: 'this file system is read-only: name a path on a writable volume',
};

/** The path limits of the kernel, met by content that names too much: the artifact's fault, not the storage's. */
const TOO_LONG = new Set(['ENAMETOOLONG']);
const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * A failed system call as a failure: `LIMIT_EXCEEDED` for names too long, `NO_SPACE` for a full volume, and
 * `SOURCE_UNAVAILABLE` for everything else (a question that could not be answered).
 */
export function ioFailure(error: unknown, doing: string, file?: string): Failure {
  const code = errno(error) ?? 'unknown error';
  return {
    code: TOO_LONG.has(code) ? 'LIMIT_EXCEEDED' : NO_SPACE.has(code) ? 'NO_SPACE' : 'SOURCE_UNAVAILABLE',
    message: `cannot ${doing}: ${code}`,
    ...(file === undefined ? {} : { file }),
    remedy: ADVICE[code] ?? 'check the volume and its mount, then restart the pod',
  };
}

/** `ioFailure` as an error to throw. */
export function ioError(error: unknown, doing: string, file?: string): WeighlockError {
  return new WeighlockError(ioFailure(error, doing, file), { cause: error });
}
