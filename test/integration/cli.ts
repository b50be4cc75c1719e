// Runs the program: in this process where it makes no difference, since starting it takes most of a
// test's time.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { command } from './in-process.ts';

/**
 * The program, from source; `npm test` builds it once (`scripts/bundle-tests.ts`), since that
 * starts ten times as fast.
 */
export const MAIN = process.env['PROGRAM_UNDER_TEST'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines of stdout. */
  readonly events: readonly Record<string, unknown>[];
  /** `code` of every failure line. */
  readonly codes: readonly unknown[];
  readonly milliseconds: number;
}

export interface Invocation {
  readonly environment?: Record<string, string>;
  /** Called once the process runs. */
  readonly during?: (child: ChildProcess) => void;
  readonly stdio?: [number | 'ignore' | 'pipe', number | 'ignore' | 'pipe', number | 'ignore' | 'pipe'];
  /** Runs as this user, without rights over other users' files. */
  readonly uid?: number;
  /** Of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** A command that starts it. */
  readonly before?: readonly string[];
  /** Another one than is tested. */
  readonly program?: string;
}

/** What only a new process reads. */
const OF_PROCESS = /^(NODE_|SSL_|OPENSSL|LD_|LC_|LANG|TZ|UV_|GCONV|PATH$)/;

/** All but those that start processes of their own, or are answered before there is a program. */
const IN_PROCESS = new Set([
  'verify',
  'digest',
  'sign',
  'attest',
  'verdict',
  'keygen',
  'inject',
  'inspect',
  'report',
  'policy',
]);

/** Runs a command line. */
export async function run(args: readonly string[], invocation: Invocation = {}): Promise<Finished> {
  const { environment = {}, during, stdio, uid, nodeFlags } = invocation;
  const isOfProcess = [during, stdio, uid, nodeFlags].some((one) => one !== undefined);
  if (isOfProcess || !IN_PROCESS.has(args[0] ?? '') || Object.keys(environment).some((key) => OF_PROCESS.test(key)))
    return runProcess(args, invocation);
  const start = performance.now();
  const ended = await command(args, environment);
  return { ...ended, ...linesOf(ended.stdout), signal: null, milliseconds: performance.now() - start };
}

/** Runs a command line in a process of its own. */
export function runProcess(args: readonly string[], invocation: Invocation = {}): Promise<Finished> {
  const start = performance.now();
  const { environment = {}, during, stdio = ['ignore', 'pipe', 'pipe'], uid, nodeFlags = [] } = invocation;
  const [file = '', ...words] = [
    ...(invocation.before ?? []),
    process.execPath,
    ...nodeFlags,
    invocation.program ?? MAIN,
    ...args,
  ];
  const child = spawn(file, words, {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...environment },
    stdio,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  during?.(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr, ...linesOf(stdout), milliseconds: performance.now() - start });
    });
  });
}

function linesOf(stdout: string): Pick<Finished, 'events' | 'codes'> {
  const lines = stdout.startsWith('{"') ? stdout.trimEnd().split('\n') : [];
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { events, codes: events.filter(({ event }) => event === 'failure').map(({ code }) => code) };
}

/** A folder of its own that is gone after the tests. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-test-'));
  after(() => {
    try {
      rmSync(folder, { recursive: true });
    } catch {
      // What may not be opened, and paths that are too long for one call.
      execFileSync('chmod', ['-R', 'u+rwX', folder]);
      execFileSync('rm', ['-rf', folder]);
    }
  });
  return folder;
}

/** Writes files by relative path. */
export function write(folder: string, files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/**
 * The recipe of the README, run with coreutils: what `weighlock digest` must print for a folder.
 */
export function recipe(folder: string): string {
  const script = `cd "$1" && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`;
  return execFileSync('sh', ['-c', script, 'sh', folder], { encoding: 'utf8' }).slice(0, 64);
}

/** The run let the pod start. */
export function passed(result: Finished): void {
  assert.equal(result.status, 0, result.stdout + result.stderr);
}

/** The run did not, for this reason. */
export function refused(result: Finished, code: string, message = /./, status = 65): void {
  assert.equal(result.status, status, result.stdout + result.stderr);
  assert.ok(result.codes.includes(code), `${code} is not in ${result.codes.join()}: ${result.stdout}`);
  assert.match(result.stdout, message);
}

/** Resolves when a process holds a file open. */
export async function whenOpen({ pid }: ChildProcess, path: string): Promise<void> {
  const wanted = realpathSync(path);
  for (;;) {
    if (descriptors(pid ?? 0).includes(wanted)) return;
    await delay(5);
  }
}

function descriptors(pid: number): (string | undefined)[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        // Closed since it was listed.
        return undefined;
      }
    });
  } catch {
    return [];
  }
}
