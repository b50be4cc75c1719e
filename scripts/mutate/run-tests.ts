import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Checkout } from './checkout.ts';
import type { TestLine } from './test-reporter.ts';

/** Milliseconds for one test, as in `npm test`. */
const TEST_TIMEOUT = 120_000;

const REPORTER = fileURLToPath(new URL('test-reporter.ts', import.meta.url));

/** How the tests of a list ended. */
export interface TestRun {
  /** Those that ran, without suites and what was skipped. */
  readonly tests: readonly TestLine[];
  /** Of the process; null when it was stopped after the time limit. */
  readonly status: number | null;
  readonly milliseconds: number;
  /** The last that it said on stderr. */
  readonly complaint: string;
}

/**
 * Runs test files of a checkout in a process of their own, which is stopped with all its children
 * after the limit.
 */
export function runTests(
  { folder, temporary }: Checkout,
  files: readonly string[],
  name: string | undefined,
  limit: number,
): Promise<TestRun> {
  const start = performance.now();
  const pattern = name === undefined ? [] : [`--test-name-pattern=${name}`];
  const flags = [
    '--test',
    '--test-concurrency=1',
    `--test-timeout=${TEST_TIMEOUT}`,
    `--test-reporter=${REPORTER}`,
    ...pattern,
  ];
  const { NODE_TEST_CONTEXT, ...environment } = process.env;
  const child = spawn(process.execPath, [...flags, ...files], {
    cwd: folder,
    env: { ...environment, TMPDIR: temporary, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what the tests started ends with them.
    detached: true,
  });
  let stdout = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = setTimeout(stop, limit);
  process.once('exit', stop);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      process.removeListener('exit', stop);
      resolve({ tests: readLines(stdout), status, milliseconds: performance.now() - start, complaint });
    });
  });
}

function readLines(text: string): TestLine[] {
  // A process that was stopped may have left half a line.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line.startsWith('{"name":'))
    .map((line) => JSON.parse(line) as TestLine);
}
