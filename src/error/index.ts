export { type ErrorCode, EXIT, EXIT_CODE_OF, type ExitCode } from './codes.ts';
export { errno, type Failure, failureOf, toFailure, WeighlockError } from './failure.ts';
