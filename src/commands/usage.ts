import { WeighlockError } from '../error/index.ts';

/** What is wrong with a command line. */
export function usage(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'USAGE', message, remedy });
}
