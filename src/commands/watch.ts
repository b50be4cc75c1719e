import type { ChildProcess } from 'node:child_process';
import { EXIT } from '../error/index.ts';
import { parseDuration } from '../plan/index.ts';
import { JsonLinesReporter } from '../report/index.ts';
import { Changes, Metrics, type Round, type RoundObserver, runRound, serve } from '../watch/index.ts';
import type { Context, Finished } from './context.ts';
import { addressOf } from './listen.ts';
import { flagOf, type RawValues, textOf } from './option-values.ts';
import { variableOf } from './option-variables.ts';
import { usage } from './usage.ts';
import { OWN_WATCH_OPTIONS } from './watch-options.ts';

/** Options of `watch` alone; everything else is for the verifications. */
const OWN = Object.keys(OWN_WATCH_OPTIONS);

const MIN_INTERVAL = 1000;
/** 24 days: timers count milliseconds in 31 bits, and a longer one would end at once. */
const MAX_INTERVAL = 24 * 24 * 3_600_000;

/** A process that has said what it came to ends at once, unless it is stuck. */
const END_MILLISECONDS = 5000;

/**
 * `weighlock watch`: verifies again and again, on an interval and when something changes, and tells
 * probes whether the last verification passed. Each runs in a process of its own; in between this
 * one only waits.
 */
export async function watch(values: RawValues, context: Context): Promise<Finished> {
  const interval = parseDuration(textOf(values, 'interval') ?? '') ?? 0;
  if (interval < MIN_INTERVAL || interval > MAX_INTERVAL)
    throw usage('--interval is no duration from a second to 24 days', 'write 30s, 5m or 1h');
  const address = addressOf(textOf(values, 'listen') ?? '');
  const exitsOnFailure = flagOf(values, 'exit-on-failure');
  const { words, given } = splitOwn(context.words);
  const metrics = new Metrics();
  const wakeUp = new Alarm();
  let last: Round | undefined;
  let child: ChildProcess | undefined;
  let isDoubted = false;
  const isReady = () => !isDoubted && last?.exitCode === EXIT.verified;
  const server = await serve(address, { isReady, metrics: () => metrics.text(isReady()) });
  const reporter = new JsonLinesReporter(context.out);
  const everywhere = address.host === '0.0.0.0' || address.host === '::' ? ', on every address of the pod' : '';
  reporter.notice(`probes and metrics are answered on ${address.host}:${address.port}${everywhere}`);
  const changes = new Changes(
    () => wakeUp.ring(),
    (text) => reporter.notice(text),
  );
  let unended = Promise.withResolvers<number>();
  const endWith = (exitCode: number) => setTimeout(() => unended.resolve(exitCode), END_MILLISECONDS);
  const stop = () => {
    child?.kill('SIGTERM');
    wakeUp.ring();
    endWith(EXIT.sigterm);
  };
  context.signal.addEventListener('abort', stop);
  try {
    while (!context.signal.aborted) {
      wakeUp.reset();
      unended = Promise.withResolvers<number>();
      const observer: RoundObserver = {
        line: (line) => context.out.write(`${line}\n`),
        started: (one) => {
          child = one;
        },
        doubt: (why, exitCode) => {
          if (isReady()) reporter.notice(`what was verified before counts no more: ${why}`);
          isDoubted = true;
          if (exitsOnFailure && exitCode !== undefined) endWith(exitCode);
        },
      };
      const environment = withoutVariables(context.environment, given);
      const since = Date.now();
      const round = await Promise.race([runRound(words, environment, observer, { before: last }), unended.promise]);
      // It says what it came to and does not end: it waits for storage that does not answer.
      if (typeof round === 'number') return { exitCode: round };
      child = undefined;
      if (context.signal.aborted) break;
      last = round;
      isDoubted = false;
      metrics.add(round, Date.now() / 1000);
      // What no later round can mend: the command line, the configuration.
      if (round.exitCode === EXIT.usage || round.exitCode === EXIT.configuration) return { exitCode: round.exitCode };
      if (round.exitCode !== EXIT.verified && exitsOnFailure) return { exitCode: round.exitCode };
      void changes.follow(round.artifacts, since);
      await wakeUp.within(interval);
    }
    return { exitCode: EXIT.sigterm };
  } finally {
    child?.kill('SIGKILL');
    changes.close();
    server.closeAllConnections();
    server.close();
  }
}

/** Waits until it rings, or the time is up. A ring before somebody waits is not lost. */
class Alarm {
  #hasRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  reset(): void {
    this.#hasRung = false;
  }

  within(milliseconds: number): Promise<void> {
    if (this.#hasRung) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The command line as `verify` takes it, and the options of `watch` that it had. */
function splitOwn(words: readonly string[]): { words: string[]; given: Set<string> } {
  const kept: string[] = [];
  const given = new Set<string>();
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') {
      kept.push(...words.slice(i));
      break;
    }
    const own = OWN.find((flag) => word === `--${flag}` || word.startsWith(`--${flag}=`) || word === `--no-${flag}`);
    if (own === undefined) kept.push(word);
    else given.add(own);
    if (own !== undefined && word === `--${own}` && own !== 'exit-on-failure') i += 1;
  }
  return { words: kept, given };
}

/**
 * What a round is told: a variable that the command line overrules says nothing. The others are
 * judged there, beside the policies (`requireNoMuting`).
 */
function withoutVariables(environment: NodeJS.ProcessEnv, given: ReadonlySet<string>): NodeJS.ProcessEnv {
  const overruled = new Set([...given].map(variableOf));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !overruled.has(name)));
}
