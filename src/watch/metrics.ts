import { VERSION } from '../version.ts';
import { visible } from '../visible-text.ts';
import type { Round } from './round.ts';

/** What the rounds came to so far, in the text format of Prometheus (version 0.0.4). */
export class Metrics {
  readonly #rounds = { PASSED: 0, FAILED: 0, UNEVALUATED: 0 };
  #bytes = 0;
  #seconds = 0;
  #last: Round | undefined;
  #lastTime = 0;
  #lastSuccess = 0;

  /** @param now - seconds since the epoch */
  add(round: Round, now: number): void {
    this.#rounds[round.result] += 1;
    this.#bytes += round.bytes;
    this.#seconds += round.seconds;
    this.#last = round;
    this.#lastTime = now;
    if (round.result === 'PASSED') this.#lastSuccess = now;
  }

  text(isReady: boolean): string {
    const lines: string[] = [];
    const metric = (name: string, kind: 'counter' | 'gauge', help: string, samples: readonly [string, number][]) => {
      lines.push(`# HELP weighlock_${name} ${help}`, `# TYPE weighlock_${name} ${kind}`);
      for (const [labels, value] of samples) lines.push(`weighlock_${name}${labels} ${value}`);
    };
    metric('build_info', 'gauge', 'The version, as a label.', [[label({ version: VERSION }), 1]]);
    metric('ready', 'gauge', 'Whether the last verification let the pod be ready.', [['', isReady ? 1 : 0]]);
    metric(
      'verifications_total',
      'counter',
      'Verifications by result.',
      Object.entries(this.#rounds).map(([result, count]) => [label({ result: result.toLowerCase() }), count]),
    );
    metric('verified_bytes_total', 'counter', 'Bytes hashed.', [['', this.#bytes]]);
    metric('verification_seconds_total', 'counter', 'Seconds spent verifying.', [['', this.#seconds]]);
    metric('last_verification_seconds', 'gauge', 'Seconds that the last verification took.', [
      ['', this.#last?.seconds ?? 0],
    ]);
    metric('last_verification_timestamp_seconds', 'gauge', 'When it ended.', [['', this.#lastTime]]);
    metric('last_success_timestamp_seconds', 'gauge', 'When everything was last verified.', [['', this.#lastSuccess]]);
    metric(
      'artifact_verified',
      'gauge',
      'Whether an artifact passed the last verification.',
      (this.#last?.artifacts ?? []).map(({ name, passed }) => [label({ artifact: name }), passed ? 1 : 0]),
    );
    return `${lines.join('\n')}\n`;
  }
}

function label(values: Readonly<Record<string, string>>): string {
  const escaped = (value: string) => visible(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return `{${Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join()}}`;
}
