import type { Failure } from '../error/index.ts';
import type { Plan } from '../plan/index.ts';
import type { RunProgress } from '../run/index.ts';
import { locationText } from '../source/index.ts';
import { type ArtifactOutcome, leftOutFields, type RunOutcome, signerText } from '../verdict/index.ts';
import { formatBytes, formatRate, formatSeconds, plural, visible } from './format.ts';
import type { Output, Reporter } from './reporter.ts';
import { consequence } from './wording.ts';

/** A terminal gets a bar and colour; anything else plain lines. */
export interface TextOptions {
  readonly bar: boolean;
  readonly colour: boolean;
  /** Failures shown of one artifact; the report file has all of them. */
  readonly mostFailures?: number;
}

const CLEAR_LINE = '\r\x1b[2K';
const BAR_WIDTH = 24;

/** Files shown that nobody listed and that were let pass; the report file has all of them. */
const MOST_UNLISTED = 10;

/** The report for a person: a progress bar while it runs, then a verdict for each artifact. */
export class TextReporter implements Reporter {
  readonly #out: Output;
  readonly #err: Output;
  readonly #options: TextOptions;
  #barShown = false;

  /** @param out - gets the verdict @param err - gets the bar */
  constructor(out: Output, err: Output, options: TextOptions) {
    this.#out = out;
    this.#err = err;
    this.#options = options;
  }

  start(plan: Plan): void {
    const policy = plan.failurePolicy === 'Fail' ? '' : `, failurePolicy ${plan.failurePolicy}`;
    this.#line(`Verifying ${plural(plan.artifacts.length, 'artifact')}, mode ${plan.mode}${policy}`);
  }

  progress(progress: RunProgress): void {
    if (!this.#options.bar) return;
    this.#err.write(`${CLEAR_LINE}${barLine(progress)}`);
    this.#barShown = true;
  }

  artifact(outcome: ArtifactOutcome): void {
    const { artifact, result, measured, requirements, failures, leftOut = [], path, published, manifest } = outcome;
    const size =
      measured === undefined
        ? ''
        : `  ${plural(measured.files.count, 'file')}, ${formatBytes(measured.files.totalBytes)}`;
    this.#line('');
    this.#line(`${this.#badge(result)} ${visible(artifact.name)}  ${visible(path)}${size}`);
    if (measured?.digest !== undefined) {
      this.#line(`         ${measured.kind === 'file' ? 'sha256' : 'tree digest'} ${measured.digest}`);
    }
    if (manifest !== undefined) this.#line(`         manifest ${manifest}`);
    for (const { origin, met, signers = [], unlisted = [] } of requirements) {
      this.#line(`         ${met ? 'meets' : 'does not meet'} ${visible(origin)}`);
      for (const signer of signers) {
        this.#line(`         signed by ${visible(signerText(signer))}`);
        for (const deviation of signer.deviations) this.#line(`         tolerated: ${visible(deviation)}`);
      }
      for (const { file, why } of unlisted.slice(0, MOST_UNLISTED))
        this.#line(`         not listed, let pass: ${visible(file)} (${visible(why)})`);
      if (unlisted.length > MOST_UNLISTED)
        this.#line(
          `         not listed, let pass: ${unlisted.length - MOST_UNLISTED} more; --report FILE has all of them`,
        );
    }
    for (const { path: entry, by, entries, bytes } of leftOut.slice(0, MOST_UNLISTED).map(leftOutFields))
      this.#line(
        `         left out: ${visible(entry)} (${by}; ${entries === 1 ? '1 entry' : `${entries} entries`}, ${formatBytes(bytes)})`,
      );
    if (leftOut.length > MOST_UNLISTED)
      this.#line(`         left out: ${leftOut.length - MOST_UNLISTED} more; --report FILE has all of them`);
    if (published) {
      this.#line(
        `         copied from ${visible(locationText(artifact.source))} and published at ${visible(artifact.destination ?? '')}`,
      );
    }
    this.#failures(failures);
  }

  notice(text: string): void {
    this.#line(`note: ${visible(text)}`);
  }

  finish(outcome: RunOutcome): void {
    const { bytes, files, seconds, engine, workers, exitCode, result } = outcome;
    this.#failures(outcome.failures);
    this.#line('');
    const how = engine === undefined ? '' : `, ${engine.name} on ${plural(workers, 'thread')}`;
    this.#line(
      `Hashed ${formatBytes(bytes)} in ${plural(files, 'file')}, ${formatSeconds(seconds)} (${formatRate(bytes, seconds)}${how})`,
    );
    this.#line(`${this.#badge(result)} exit ${exitCode}: ${consequence(outcome)}`);
  }

  #failures(failures: readonly Failure[]): void {
    const most = this.#options.mostFailures ?? 50;
    for (const { code, file, message, expected, found, remedy } of failures.slice(0, most)) {
      this.#line(`  ${this.#paint(31, code)}${file === undefined ? '' : `  ${visible(file)}`}`);
      this.#line(`         ${visible(message)}`);
      if (expected !== undefined) this.#line(`         expected  ${visible(expected)}`);
      if (found !== undefined) this.#line(`         found     ${visible(found)}`);
      if (remedy !== undefined) this.#line(`         do next   ${visible(remedy)}`);
    }
    if (failures.length > most) this.#line(`  ... and ${failures.length - most} more; --report FILE has all of them`);
  }

  #badge(result: ArtifactOutcome['result']): string {
    const colour = { PASSED: 32, FAILED: 31, UNEVALUATED: 33 }[result];
    return this.#paint(colour, result.padEnd(6));
  }

  #paint(colour: number, text: string): string {
    return this.#options.colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }

  #line(text: string): void {
    if (this.#barShown) this.#err.write(CLEAR_LINE);
    this.#barShown = false;
    this.#out.write(`${text}\n`);
  }
}

function barLine({ counted, entries, files, bytes, totalBytes, seconds }: RunProgress): string {
  if (!counted && files === 0) return `listing: ${entries} entries`;
  // How many bytes there are in all is known when every file was looked at.
  if (!counted) return `${files} files of ${entries} entries  ${formatBytes(bytes)}  ${formatRate(bytes, seconds)}`;
  const part = totalBytes > 0 ? Math.min(1, bytes / totalBytes) : 1;
  const done = Math.round(part * BAR_WIDTH);
  const bar = '#'.repeat(done) + '-'.repeat(BAR_WIDTH - done);
  const left = bytes > 0 ? formatSeconds(((totalBytes - bytes) / bytes) * seconds) : '?';
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  return `[${bar}] ${percent} %  ${formatBytes(bytes)} of ${formatBytes(totalBytes)}  ${formatRate(bytes, seconds)}  ${left} left`;
}
