import { isSea } from 'node:sea';
import { EXIT } from './error/index.ts';
import { stopWithin } from './run/index.ts';

/** Not a command for people: what `exitWith` replaces the process image with. */
export const EXIT_COMMAND = '__leave';

/**
 * Ends the process with this code. `process.exit` waits for every thread, and a thread that is
 * stuck in a read of dead storage never ends; `execve` needs no thread's consent, so then the
 * process becomes a new one that only exits.
 *
 * @param stop - stops the threads that may still run
 */
export async function exitWith(exitCode: number, stop: () => Promise<void>): Promise<never> {
  if (await stopWithin(stop)) process.exit(exitCode);
  const script = isSea() ? [] : [process.argv[1] ?? ''];
  process.execve?.(process.execPath, [process.execPath, ...script, EXIT_COMMAND, String(exitCode)], {});
  process.exit(exitCode);
}

/**
 * The second half of `exitWith`. Code 0 cannot be asked for: no command line may fake a passed
 * verification.
 */
export function exitAtOnce(words: readonly string[]): never {
  const code = Number(words[1]);
  process.exit(Number.isInteger(code) && code >= 1 && code <= 255 ? code : EXIT.usage);
}
