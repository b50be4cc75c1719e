// Runs a command line in this process: for what is about the program's logic, and not about its process.

import { after } from 'node:test';
import { runCommandLine } from '../../src/cli.ts';
import type { Context } from '../../src/commands/index.ts';
import { failureOf, WeighlockError } from '../../src/error/index.ts';
import { errorLine } from '../../src/report/index.ts';
import { stopThreads, threads } from '../../src/threads.ts';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `weighlock` with these words; what the process would exit with is the status. */
export async function command(words: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const context: Context = {
    words,
    environment,
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
    pool: threads,
  };
  try {
    const { exitCode } = await runCommandLine(words, context);
    return { status: exitCode, stdout, stderr };
  } catch (error) {
    const failure = failureOf(error);
    return { status: new WeighlockError(failure).exitCode, stdout, stderr: stderr + errorLine(failure) };
  }
}

after(stopThreads);
