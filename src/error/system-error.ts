import type { ErrorCode } from './codes.ts';

/** Linux error numbers (errno(3)) that libuv has no name for. */
const UNNAMED: Readonly<Record<number, string>> = {
  8: 'ENOEXEC',
  10: 'ECHILD',
  15: 'ENOTBLK',
  33: 'EDOM',
  35: 'EDEADLOCK',
  37: 'ENOLCK',
  42: 'ENOMSG',
  43: 'EIDRM',
  44: 'ECHRNG',
  45: 'EL2NSYNC',
  46: 'EL3HLT',
  47: 'EL3RST',
  48: 'ELNRNG',
  50: 'ENOCSI',
  51: 'EL2HLT',
  52: 'EBADE',
  53: 'EBADR',
  54: 'EXFULL',
  55: 'ENOANO',
  56: 'EBADRQC',
  57: 'EBADSLT',
  59: 'EBFONT',
  60: 'ENOSTR',
  62: 'ETIME',
  63: 'ENOSR',
  64: 'ENONET',
  65: 'ENOPKG',
  66: 'EREMOTE',
  67: 'ENOLINK',
  68: 'EADV',
  69: 'ESRMNT',
  70: 'ECOMM',
  72: 'EMULTIHOP',
  73: 'EDOTDOT',
  74: 'EBADMSG',
  76: 'ENOTUNIQ',
  77: 'EBADFD',
  78: 'EREMCHG',
  79: 'ELIBACC',
  80: 'ELIBBAD',
  81: 'ELIBSCN',
  82: 'ELIBMAX',
  83: 'ELIBEXEC',
  85: 'ERESTART',
  86: 'ESTRPIPE',
  87: 'EUSERS',
  96: 'EPFNOSUPPORT',
  102: 'ENETRESET',
  109: 'ETOOMANYREFS',
  115: 'EINPROGRESS',
  116: 'ESTALE',
  117: 'EUCLEAN',
  118: 'ENOTNAM',
  119: 'ENAVAIL',
  120: 'EISNAM',
  122: 'EDQUOT',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
  130: 'EOWNERDEAD',
  131: 'ENOTRECOVERABLE',
  132: 'ERFKILL',
  133: 'EHWPOISON',
};

/**
 * What whoever writes the content of a volume can make a system call answer, and what it is refused
 * as. With `failurePolicy: Ignore` a 75 lets the pod start, so none of these may be one:
 * `chmod 000`, an encrypted folder without its key, a lease held on a file, a link, a device, a
 * name or a tree that is too long for the kernel.
 *
 * `ESTALE` is not here: `EntryReader` looks whether the file was removed, which a writer can do, or
 * the server lost it.
 */
const OF_CONTENT: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'ACCESS_DENIED',
  EPERM: 'ACCESS_DENIED',
  ENOKEY: 'ACCESS_DENIED',
  EKEYEXPIRED: 'ACCESS_DENIED',
  EKEYREVOKED: 'ACCESS_DENIED',
  EKEYREJECTED: 'ACCESS_DENIED',
  EAGAIN: 'ACCESS_DENIED',
  ETXTBSY: 'ACCESS_DENIED',
  ENOENT: 'FILE_MISSING',
  ELOOP: 'UNSAFE_ENTRY',
  ENOTDIR: 'UNSAFE_ENTRY',
  EISDIR: 'UNSAFE_ENTRY',
  ENXIO: 'UNSAFE_ENTRY',
  EEXIST: 'UNSAFE_ENTRY',
  ENOTEMPTY: 'UNSAFE_ENTRY',
  EXDEV: 'UNSAFE_ENTRY',
  EILSEQ: 'UNSAFE_ENTRY',
  ENAMETOOLONG: 'LIMIT_EXCEEDED',
  EOVERFLOW: 'LIMIT_EXCEEDED',
  EFBIG: 'LIMIT_EXCEEDED',
  EMLINK: 'LIMIT_EXCEEDED',
  // One descriptor for each level of folders.
  EMFILE: 'LIMIT_EXCEEDED',
};

const OPEN_UP = 'give the verifying user read access: run it with the UID of the workload, or set fsGroup on the pod';

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: OPEN_UP,
  EPERM: OPEN_UP,
  ENOKEY: 'this folder is encrypted and its key is not here: publish the content in a form that the workload can read',
  EAGAIN: 'something holds a lock or a lease on this file: let it finish, then restart the pod',
  EIO: 'the storage returned an input/output error: check the volume and the node',
  ESTALE: 'the network file system lost this file handle: check the volume, then restart the pod',
  EMFILE: 'flatten the folders, or raise the limit of open files (ulimit -n)',
  ENAMETOOLONG: 'shorten the names or flatten the folders',
  EFBIG: 'this file system cannot hold a file of this size: use another one',
  ENOSPC: 'make room on this volume, or give it more capacity',
  EDQUOT: 'make room on this volume, or raise its quota',
  EROFS: 'this file system is read-only: name a path on a writable volume',
};

/** What to do about a system call's error. */
export function adviceOn(name: string): string {
  return ADVICE[name] ?? 'check the volume and its mount, then restart the pod';
}

/** No room for what is written: nothing of it is visible anywhere. */
const NO_SPACE = new Set(['ENOSPC', 'EDQUOT']);

/**
 * The code that Node puts on an error (`ENOENT`, ...), with the name of errno(3) also where Node
 * has none; or undefined.
 */
export function errno(error: unknown): string | undefined {
  if (error === null || typeof error !== 'object' || !('code' in error)) return undefined;
  const { code } = error;
  if (typeof code !== 'string') return undefined;
  const isNamed = !/^unknown/i.test(code) || !('errno' in error) || typeof error.errno !== 'number';
  if (isNamed) return code;
  const number = Math.abs(Number(error.errno));
  return UNNAMED[number] ?? `errno ${number}`;
}

/**
 * True for an error that a system call answered with, as Node throws it; its own (`ERR_...`) are
 * defects of the caller.
 */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && /^(E[A-Z0-9]+|errno \d+)$/.test(errno(error) ?? '');
}

/**
 * The one place that decides what a failed system call means: content's fault (65), or a question
 * that the storage, the kernel or the network did not answer (75).
 *
 * @param name - as `errno` has it
 */
export function codeOfErrno(name: string): ErrorCode {
  if (NO_SPACE.has(name)) return 'NO_SPACE';
  return OF_CONTENT[name] ?? 'SOURCE_UNAVAILABLE';
}
