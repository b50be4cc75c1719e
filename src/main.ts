#!/usr/bin/env node
// biome-ignore assist/source/organizeImports: the threads start while the rest is being loaded
import './answer-version.ts';
import './io-threads.ts';
import { basename } from 'node:path';
import { isSea } from 'node:sea';
import { stopThreads, threads } from './threads.ts';
import { runCommandLine } from './cli.ts';
import type { Context } from './commands/index.ts';
import { type Failure, failureOf, WeighlockError } from './error/index.ts';
import { foreignSetting } from './foreign-settings.ts';
import { EXIT_COMMAND, exitAtOnce, exitWith } from './exit.ts';
import { errorLine, TERMINATION_LOG, writeTerminationMessage } from './report/index.ts';

const SIGNALS = { SIGTERM: 'TERMINATED', SIGINT: 'INTERRUPTED' } as const;

/**
 * containerd shows whoever pulls what this command writes to standard output; errors go to its own
 * log.
 */
const IMAGE_VERIFIER = 'image-verifier';

/** How kubectl calls a plug-in for `kubectl weighlock`. */
const PLUGIN = 'kubectl-weighlock';

/** Older versions drop zstd frames without a word (nodejs/node #64741). */
const OLDEST_NODE = 26;

const words = wordsOf(process.argv);

async function main(): Promise<void> {
  if (words[0] === EXIT_COMMAND) exitAtOnce(words);
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) await refuse(oldNode());
  const foreign = foreignSetting(process.env, isSea());
  if (foreign !== undefined) await refuse(foreign);
  const controller = new AbortController();
  for (const [signal, code] of Object.entries(SIGNALS)) {
    const message = `stopped by ${signal} before the verification was complete`;
    process.on(signal, () => controller.abort(new WeighlockError({ code, message })));
  }
  process.on('uncaughtException', (error) => void refuse(failureOf(error)));
  const context: Context = {
    words,
    environment: process.env,
    out: output(process.stdout),
    err: output(process.stderr),
    signal: controller.signal,
    pool: threads,
  };
  try {
    const { exitCode } = await runCommandLine(words, context);
    await exitWith(exitCode, stopThreads);
  } catch (error) {
    await refuse(failureOf(error));
  }
}

function oldNode(): Failure {
  return {
    code: 'CONFIG_INVALID',
    message: `this is Node ${process.versions.node}, and Weighlock needs ${OLDEST_NODE} or newer`,
    remedy: 'run it through npm in a checkout (npx weighlock), or use the container image',
  };
}

/** The end of a command line that never became a run. */
async function refuse(failure: Failure): Promise<never> {
  const stream = words[0] === IMAGE_VERIFIER ? process.stdout : process.stderr;
  stream.write(errorLine(failure));
  await writeTerminationMessage(TERMINATION_LOG, errorLine(failure));
  return exitWith(new WeighlockError(failure).exitCode, stopThreads);
}

/** A stream that may be closed or full at any time without anything being thrown at anyone. */
function output(stream: NodeJS.WriteStream): Context['out'] {
  stream.on('error', () => {});
  return {
    isTerminal: stream.isTTY === true,
    write: (text) => void stream.write(text),
    writeAll: (data) =>
      new Promise((resolve, reject) => {
        stream.write(data, (error) => {
          if (error === null || error === undefined) resolve();
          else reject(unwritable(error));
        });
      }),
  };
}

function unwritable(cause: Error): WeighlockError {
  const message = `cannot write to standard output: ${cause.message}`;
  return new WeighlockError({ code: 'REPORT_UNWRITABLE', message, remedy: 'check where the output goes' }, { cause });
}

/**
 * Where kubectl finds the program as `kubectl-weighlock`, it is one command: `kubectl weighlock`.
 */
function wordsOf([program = '', script = '', ...words]: readonly string[]): readonly string[] {
  const name = isSea() ? process.argv0 : script;
  return basename(name || program) === PLUGIN ? ['pods', ...words] : words;
}

void main();
