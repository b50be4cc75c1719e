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
    /** Of all its files; `NaN` where it was not measured. */
    readonly bytes: number;
    readonly passed: boolean;
  }[];
}

/** Who hears of a round while it goes on. */
export interface RoundObserver {
  /** Every line of its report. */
  line(text: string): void;
  started(child: ChildProcess): void;
  /**
   * What passed before counts no more, although this round has no end yet, and may never have one:
   * a process that waits for dead storage cannot even be killed.
   *
   * @param exitCode - of this round, where nothing but its end is missing
   */
  doubt(why: string, exitCode?: number): void;
}

/** How a round is run; a test stands in for the program, and for the time. */
export interface RoundOptions {
  /** The one before it. */
  readonly before?: Round | undefined;
  /** Milliseconds without a line after which nothing is expected any more. */
  readonly silence?: number;
  /** What is run, in the place of this program. */
  readonly program?: readonly string[];
}

/** Longer lines are none of the verifier's. */
const MAX_LINE = 1 << 20;

/** A run says something every ten seconds (src/report/json-lines.ts), unless it computes. */
const SILENCE_MILLISECONDS = 120_000;

/**
 * Runs one verification in a process of its own, so that between two of them nothing of it is left:
 * no thread, no buffer, no heap.
 *
 * @returns what came of it; a process that dies without a verdict is one that could not be
 * evaluated
 */
export function runRound(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  observer: RoundObserver,
  { before, silence = SILENCE_MILLISECONDS, program = ownProgram() }: RoundOptions = {},
): Promise<Round> {
  const start = performance.now();
  // Loaded when it is first needed: every start of every command would pay for it.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const [file = '', ...script] = program;
  const child = spawn(file, [...script, ROUND_COMMAND, '--format=json', ...words], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  observer.started(child);
  const report = new RoundReport(before, observer);
  const timer = setTimeout(() => report.isSilent(silence), silence);
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    timer.refresh();
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) rest = '';
    for (const one of lines) {
      observer.line(one);
      report.take(jsonObject(one));
    }
  });
  return new Promise((resolve) => {
    child.on('error', () => {});
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(report.round(code ?? EXIT.internal, (performance.now() - start) / 1000));
    });
  });
}

function ownProgram(): readonly string[] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? ''];
}

/** What a round says, line by line. */
export class RoundReport {
  readonly #before: Round | undefined;
  readonly #observer: Pick<RoundObserver, 'doubt'>;
  readonly #artifacts: Round['artifacts'][number][] = [];
  #isEnforced = true;
  #mayBeUnanswered = false;
  #verdict: { readonly result?: unknown; readonly bytes?: unknown } | undefined;

  constructor(before: Round | undefined, observer: Pick<RoundObserver, 'doubt'>) {
    this.#before = before;
    this.#observer = observer;
  }

  take(event: Readonly<Record<string, unknown>>): void {
    switch (event['event']) {
      case 'start':
        this.#isEnforced = event['mode'] !== 'Audit';
        this.#mayBeUnanswered = event['failurePolicy'] === 'Ignore';
        break;
      case 'progress':
        this.#compare(event);
        break;
      case 'artifact':
        this.#artifacts.push({
          name: String(event['artifact']),
          path: String(event['path']),
          files: Number(event['files'] ?? 0),
          bytes: Number(event['bytes'] ?? Number.NaN),
          passed: event['result'] === 'PASSED',
        });
        break;
      case 'verdict': {
        this.#verdict = event;
        const { exitCode } = event;
        if (typeof exitCode === 'number' && exitCode !== EXIT.verified)
          this.#observer.doubt('it did not verify', exitCode);
      }
    }
  }

  /** Nothing was heard for so many milliseconds. */
  isSilent(milliseconds: number): void {
    if (!this.#mayBeUnanswered)
      this.#observer.doubt(`the verification says nothing for ${milliseconds / 1000} s`, EXIT.notEvaluated);
  }

  /**
   * Another number of files or bytes is not what passed: to read a sparse file of terabytes would
   * take hours, for which the old verdict must not stand.
   */
  #compare({ totalFiles, totalBytes }: Readonly<Record<string, unknown>>): void {
    const { result, artifacts } = this.#before ?? {};
    if (!this.#isEnforced || result !== 'PASSED' || artifacts === undefined || totalBytes === undefined) return;
    const files = artifacts.reduce((sum, one) => sum + one.files, 0);
    const bytes = artifacts.reduce((sum, one) => sum + one.bytes, 0);
    if (Number.isNaN(bytes) || (files === totalFiles && bytes === totalBytes)) return;
    this.#observer.doubt(
      `there are ${totalBytes} bytes in ${totalFiles} files, and what passed had ${bytes} in ${files}`,
    );
  }

  /** @param code - that the process ended with, which has the last word */
  round(code: number, seconds: number): Round {
    const { result, bytes } = this.#verdict ?? {};
    // One that ends well and says nothing did not verify.
    const exitCode = code === EXIT.verified && this.#verdict === undefined ? EXIT.internal : code;
    const isPassed = result === 'PASSED' && exitCode === EXIT.verified;
    return {
      exitCode,
      result: isPassed || result === 'FAILED' ? result : 'UNEVALUATED',
      bytes: typeof bytes === 'number' ? bytes : 0,
      seconds,
      artifacts: this.#artifacts,
    };
  }
}
