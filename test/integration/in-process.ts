// Runs a command line in this process: for what is about the program's logic, and not about its
// process.
import type { Readable } from 'node:stream';
import { runCommandLine } from '../../src/cli.ts';
import type { Context } from '../../src/commands/index.ts';
import { failureOf, WeighlockError } from '../../src/error/index.ts';
import { errorLine } from '../../src/report/index.ts';
import { HashPool } from '../../src/transfer/index.ts';
import { startKept } from '../threads/kept-threads.ts';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Part of each pause between two tries that is waited. */
const PACE = 1 / 20;

/**
 * A process has one working folder, which a run may change for a while: so one run after the other.
 */
let last: Promise<unknown> = Promise.resolve();

/** Runs `weighlock` with these words; what the process would exit with is the status. */
export function command(
  words: readonly string[],
  environment: Record<string, string> = {},
  stdin?: Readable,
): Promise<Ended> {
  const ended = last.then(() => runHere(words, environment, stdin));
  last = ended.catch(() => {});
  return ended;
}

async function runHere(
  words: readonly string[],
  environment: Record<string, string>,
  stdin?: Readable,
): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  let pool: HashPool | undefined;
  const context: Context = {
    words,
    environment: { NO_COLOR: '1', ...environment },
    ...(stdin === undefined ? {} : { stdin }),
    out: {
      isTerminal: false,
      write: (text) => {
        stdout += text;
      },
      writeAll: async (data) => {
        stdout += typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
      },
    },
    err: {
      isTerminal: false,
      write: (text) => {
        stderr += text;
      },
    },
    signal: new AbortController().signal,
    pool: () => {
      pool ??= new HashPool(undefined, undefined, { pace: PACE, startThread: startKept });
      return pool;
    },
  };
  try {
    const { exitCode } = await runCommandLine(words, context);
    return { status: exitCode, stdout, stderr };
  } catch (error) {
    const failure = failureOf(error);
    return { status: new WeighlockError(failure).exitCode, stdout, stderr: stderr + errorLine(failure) };
  } finally {
    await pool?.end();
  }
}
