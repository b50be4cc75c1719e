import type { Failure } from '../error/index.ts';
import type { Plan } from '../plan/index.ts';
import type { RunProgress } from '../run/index.ts';
import { locationText } from '../source/index.ts';
import type { ArtifactOutcome, RequirementOutcome, RunOutcome } from '../verdict/index.ts';
import { type LeftOutOf, leftOutFields } from '../verdict/index.ts';
import { VERSION } from '../version.ts';
import { jsonText } from './format.ts';
import type { Output, Reporter } from './reporter.ts';
import { consequence } from './wording.ts';

/**
 * A line at least this often, so that neither a person nor a stall detector takes a long hash for a
 * hang.
 */
const HEARTBEAT_SECONDS = 10;

/**
 * How much there is of it is told as soon as a run has gone on for so long: it is where `watch`
 * sees that this cannot be what passed.
 */
const SIZE_AFTER_SECONDS = 1;

/**
 * Failure lines of one artifact: a folder of two million wrong files must not become two million
 * log lines.
 */
const MOST_FAILURE_LINES = 1000;

/** Files in a line that nobody listed and that were let pass; the report file has all of them. */
const MOST_UNLISTED = 20;

/**
 * The report for a log collector: one JSON object per line, each with `time`, `level` and `event`.
 */
export class JsonLinesReporter implements Reporter {
  readonly #out: Output;
  readonly #now: () => Date;
  #lastBeat = 0;
  #isSizeTold = false;

  constructor(out: Output, now: () => Date = () => new Date()) {
    this.#out = out;
    this.#now = now;
  }

  start(plan: Plan): void {
    const { mode, failurePolicy, artifacts, hasher, concurrency } = plan;
    const names = artifacts.map(({ name, source, destination }) => ({
      name,
      source: locationText(source),
      destination,
    }));
    this.#line('info', 'start', { version: VERSION, mode, failurePolicy, hasher, concurrency, artifacts: names });
  }

  progress({ seconds, entries, files, bytes, totalBytes, totalFiles, counted }: RunProgress): void {
    const isSizeDue = counted && !this.#isSizeTold && seconds >= SIZE_AFTER_SECONDS;
    if (!isSizeDue && seconds - this.#lastBeat < HEARTBEAT_SECONDS) return;
    this.#lastBeat = seconds;
    this.#isSizeTold = counted;
    if (!counted) {
      // Small files are hashed when they are listed.
      const meanwhile = files === 0 ? {} : { files, bytes };
      this.#line('info', 'progress', { phase: 'list', entries, ...meanwhile, seconds: round(seconds) });
      return;
    }
    const bytesPerSecond = Math.round(bytes / seconds);
    const etaSeconds = bytes > 0 ? Math.round((totalBytes - bytes) / bytesPerSecond) : undefined;
    const done = { files, totalFiles, bytes, totalBytes, bytesPerSecond, etaSeconds };
    this.#line('info', 'progress', { phase: 'hash', ...done, seconds: round(seconds) });
  }

  artifact({
    artifact,
    result,
    measured,
    requirements,
    failures,
    leftOut = [],
    path,
    published,
  }: ArtifactOutcome): void {
    this.#failures(failures, artifact.name);
    const digest = measured?.digest === undefined ? undefined : { sha256: measured.digest };
    const size = { files: measured?.files.count, bytes: measured?.files.totalBytes };
    const { name } = artifact;
    const fields = {
      artifact: name,
      path,
      result,
      kind: measured?.kind,
      digest,
      ...size,
      requirements: requirements.map(short),
      ...leftOutLine(leftOut),
      published,
    };
    this.#line(result === 'PASSED' ? 'info' : 'error', 'artifact', { ...fields, failures: failures.length });
  }

  notice(text: string): void {
    this.#line('warn', 'notice', { message: text });
  }

  finish(outcome: RunOutcome): void {
    this.#failures(outcome.failures);
    const { result, exitCode, bytes, files, seconds, workers, engine, kernels, kernelReason } = outcome;
    const { mode, failurePolicy } = outcome;
    const level = result === 'PASSED' ? 'info' : exitCode === 0 ? 'warn' : 'error';
    const speed = { bytes, files, seconds: round(seconds), bytesPerSecond: Math.round(bytes / seconds), workers };
    const verdict = { result, exitCode, mode, failurePolicy, message: consequence(outcome) };
    const how = { hasher: engine?.name, hasherReason: engine?.reason, kernels, kernelReason };
    this.#line(level, 'verdict', { ...verdict, ...speed, ...how });
  }

  #failures(failures: readonly Failure[], artifact?: string): void {
    for (const failure of failures.slice(0, MOST_FAILURE_LINES))
      this.#line('error', 'failure', { artifact, ...failure });
    const more = failures.length - MOST_FAILURE_LINES;
    if (more > 0)
      this.#line('error', 'failure', { artifact, message: `${more} more failures; --report FILE has all of them` });
  }

  #line(level: 'info' | 'warn' | 'error', event: string, fields: object): void {
    this.#out.write(`${jsonText({ time: this.#now().toISOString(), level, event, ...fields })}\n`);
  }
}

function leftOutLine(leftOut: LeftOutOf): object {
  if (leftOut.length === 0) return {};
  const shown = leftOut.slice(0, MOST_UNLISTED).map(leftOutFields);
  return { leftOut: shown, ...(leftOut.length > MOST_UNLISTED ? { leftOutPaths: leftOut.length } : {}) };
}

/**
 * A log line is for a person: of what was let pass unlisted the first ones, and how many there are.
 */
function short(requirement: RequirementOutcome): object {
  const { unlisted = [] } = requirement;
  if (unlisted.length <= MOST_UNLISTED) return requirement;
  return { ...requirement, unlisted: unlisted.slice(0, MOST_UNLISTED), unlistedFiles: unlisted.length };
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
