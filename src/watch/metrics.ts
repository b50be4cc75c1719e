import { Exposition } from '../exposition.ts';
import { VERSION } from '../version.ts';
import type { Round } from './round.ts';

/** What the rounds came to so far, in the text format of Prometheus. */
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
    const page = new Exposition();
    const gauge = (name: string, help: string, value: number) => page.add(name, 'gauge', help, [[{}, value]]);
    page.add('build_info', 'gauge', 'The version, as a label.', [[{ version: VERSION }, 1]]);
    gauge('ready', 'Whether the last verification let the pod be ready.', isReady ? 1 : 0);
    page.add(
      'verifications_total',
      'counter',
      'Verifications by result.',
      Object.entries(this.#rounds).map(([result, count]) => [{ result: result.toLowerCase() }, count]),
    );
    page.add('verified_bytes_total', 'counter', 'Bytes hashed.', [[{}, this.#bytes]]);
    page.add('verification_seconds_total', 'counter', 'Seconds spent verifying.', [[{}, this.#seconds]]);
    gauge('last_verification_seconds', 'Seconds that the last verification took.', this.#last?.seconds ?? 0);
    gauge('last_verification_timestamp_seconds', 'When it ended.', this.#lastTime);
    gauge('last_success_timestamp_seconds', 'When everything was last verified.', this.#lastSuccess);
    page.add(
      'artifact_verified',
      'gauge',
      'Whether an artifact passed the last verification.',
      (this.#last?.artifacts ?? []).map(({ name, passed }) => [{ artifact: name }, passed ? 1 : 0]),
    );
    return page.text();
  }
}
