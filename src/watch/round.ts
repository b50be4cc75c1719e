import type { ChildProcess } from 'node:child_process';
import { isSea } from 'node:sea';
import { EXIT } from '../error/index.ts';
import { jsonObject } from '../json-object.ts';
import { ROUND_COMMAND } from './round-command.ts';

/** What came of one verification. */
export interface Round {
  readonly exitCode: number;
  readonly result: 'PASSED' | 'FAILED' | 'UNEVALUATED';
  readonly bytes: number;
  readonly seconds: number;
  readonly artifacts: readonly {
    readonly name: string;
    readonly path: string;
    readonly files: number;
    readonly passed: boolean;
  }[];
}

/** Longer lines are none of the verifier's. */
const MAX_LINE = 1 << 20;

/**
 * Runs one verification in a process of its own, so that between two of them nothing of it is left:
 * no thread, no buffer, no heap.
 *
 * @param line - gets every line of its report
 * @returns what came of it; a process that dies without a verdict is one that could not be
 * evaluated
 */
export function runRound(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  line: (text: string) => void,
  started: (child: ChildProcess) => void,
): Promise<Round> {
  const start = performance.now();
  const script = isSea() ? [] : [process.argv[1] ?? ''];
  // Loaded when it is first needed: every start of every command would pay for it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(process.execPath, [...script, ROUND_COMMAND, '--format=json', ...words], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started(child);
  const artifacts: Round['artifacts'][number][] = [];
  let verdict: { result?: unknown; bytes?: unknown } = {};
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) rest = '';
    for (const one of lines) {
      line(one);
      const event = jsonObject(one);
      if (event['event'] === 'artifact')
        artifacts.push({
          name: String(event['artifact']),
          path: String(event['path']),
          files: Number(event['files'] ?? 0),
          passed: event['result'] === 'PASSED',
        });
      if (event['event'] === 'verdict') verdict = event;
    }
  });
  return new Promise((resolve) => {
    child.on('error', () => {});
    child.on('close', (code) => {
      const exitCode = code ?? EXIT.internal;
      const { result, bytes } = verdict;
      resolve({
        exitCode,
        // The process has the last word: a report that says PASSED is none when the process failed.
        result: result === 'PASSED' && exitCode !== 0 ? 'UNEVALUATED' : isResult(result) ? result : 'UNEVALUATED',
        bytes: typeof bytes === 'number' ? bytes : 0,
        seconds: (performance.now() - start) / 1000,
        artifacts,
      });
    });
  });
}

function isResult(value: unknown): value is Round['result'] {
  return value === 'PASSED' || value === 'FAILED' || value === 'UNEVALUATED';
}
