import type { ChildProcess } from 'node:child_process';
import type { Options } from 'yargs';
import { EXIT } from '../error/index.ts';
import { parseDuration } from '../plan/index.ts';
import { JsonLinesReporter } from '../report/index.ts';
import { Changes, Metrics, type Round, runRound, serve } from '../watch/index.ts';
import type { Context, Finished } from './context.ts';
import { addressOf } from './listen.ts';
import { flagOf, type RawValues, textOf, VERIFY_OPTIONS } from './options.ts';
import { usage } from './usage.ts';

export const WATCH_OPTIONS = {
  interval: { type: 'string', default: '5m', describe: 'time from one verification to the next' },
  listen: {
    type: 'string',
    default: '0.0.0.0:8790',
    describe: 'HOST:PORT of /healthz, /readyz and /metrics; the kubelet asks the address of the pod',
  },
  'exit-on-failure': { type: 'boolean', default: false, describe: 'end with its exit code when a verification fails' },
  ...VERIFY_OPTIONS,
} as const satisfies Record<string, Options>;

/**
 * Flags of `watch` alone; everything else is for the verifications, to which the variables of these
 * mean nothing.
 */
const OWN = ['interval', 'listen', 'exit-on-failure'] as const;

const MIN_INTERVAL = 1000;

/**
 * `weighlock watch`: verifies again and again, on an interval and when something changes, and tells
 * probes whether the last verification passed. Each runs in a process of its own; in between this
 * one only waits.
 */
export async function watch(values: RawValues, context: Context): Promise<Finished> {
  const interval = parseDuration(textOf(values, 'interval') ?? '') ?? 0;
  if (interval < MIN_INTERVAL) throw usage('--interval is no duration of at least a second', 'write 30s, 5m or 1h');
  const address = addressOf(textOf(values, 'listen') ?? '');
  const exitsOnFailure = flagOf(values, 'exit-on-failure');
  const words = ownRemoved(context.words);
  const metrics = new Metrics();
  const wakeUp = new Alarm();
  let last: Round | undefined;
  let child: ChildProcess | undefined;
  const isReady = () => last?.exitCode === EXIT.verified;
  const server = await serve(address, { isReady, metrics: () => metrics.text(isReady()) });
  const reporter = new JsonLinesReporter(context.out);
  const everywhere = address.host === '0.0.0.0' || address.host === '::' ? ', on every address of the pod' : '';
  reporter.notice(`probes and metrics are answered on ${address.host}:${address.port}${everywhere}`);
  const changes = new Changes(
    () => wakeUp.ring(),
    (text) => reporter.notice(text),
  );
  const stop = () => {
    child?.kill('SIGTERM');
    wakeUp.ring();
  };
  context.signal.addEventListener('abort', stop);
  try {
    while (!context.signal.aborted) {
      wakeUp.reset();
      const round = await runRound(
        words,
        context.environment,
        (line) => context.out.write(`${line}\n`),
        (one) => {
          child = one;
        },
      );
      child = undefined;
      if (context.signal.aborted) break;
      last = round;
      metrics.add(round, Date.now() / 1000);
      // What no later round can mend: the command line, the configuration.
      if (round.exitCode === EXIT.usage || round.exitCode === EXIT.configuration) return { exitCode: round.exitCode };
      if (round.exitCode !== EXIT.verified && exitsOnFailure) return { exitCode: round.exitCode };
      changes.follow(round.artifacts);
      await wakeUp.within(interval);
    }
    return { exitCode: EXIT.sigterm };
  } finally {
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

/** The command line as `verify` takes it. */
function ownRemoved(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return [...kept, ...words.slice(i)];
    const own = OWN.find((flag) => word === `--${flag}` || word.startsWith(`--${flag}=`) || word === `--no-${flag}`);
    if (own === undefined) kept.push(word);
    else if (word === `--${own}` && own !== 'exit-on-failure') i += 1;
  }
  return kept;
}
