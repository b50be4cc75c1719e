import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { dot, spec } from 'node:test/reporters';
import type { Bundled } from './bundle-tests.ts';

/** Half of the time a test waits: for a server, for a pause between two tries, for a thread. */
export const CONCURRENCY = 2 * availableParallelism();

/** Milliseconds for one test. */
export const TIMEOUT = 120_000;

/**
 * Runs bundled tests, each file in a process of its own, and prints what comes of them.
 *
 * @param folder - of the bundles
 * @param environment - beside that of this process
 * @returns whether all passed
 */
export function runBundled(
  { program, files }: Bundled,
  folder: string,
  { isBrief = false, environment = {} }: { isBrief?: boolean; environment?: Readonly<Record<string, string>> } = {},
): Promise<boolean> {
  // Files share most of their code, which is compiled once.
  const compiled = join(folder, 'compiled');
  const env = { ...process.env, PROGRAM_UNDER_TEST: program, NODE_COMPILE_CACHE: compiled, ...environment };
  // `node --test` would run them in the order of their names.
  const tests = run({
    files: [...files],
    concurrency: CONCURRENCY,
    timeout: TIMEOUT,
    execArgv: ['--enable-source-maps'],
    env,
  });
  let hasFailed = false;
  tests.on('test:fail', () => {
    hasFailed = true;
  });
  const printed = isBrief ? tests.compose(dot) : tests.compose(new spec());
  printed.pipe(process.stdout);
  return new Promise((resolve, reject) => printed.once('end', () => resolve(!hasFailed)).once('error', reject));
}
