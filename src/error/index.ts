export { type ErrorCode, EXIT, EXIT_CODE_OF, type ExitCode } from './codes.ts';
export { type Failure, failureOf, toFailure, WeighlockError } from './failure.ts';
export { adviceOn, codeOfErrno, errno, isSystemError } from './system-error.ts';
