import { EXIT, EXIT_CODE_OF, type Failure, failureOf } from '../error/index.ts';
import type { Plan } from '../plan/index.ts';
import type { HashPool } from '../transfer/index.ts';
import {
  type ArtifactOutcome,
  allFailures,
  exitCodeFor,
  type RunOutcome,
  resultOf,
  unjudged,
} from '../verdict/index.ts';
import { ArtifactRun, Replacement } from './artifact-run.ts';
import type { RunContext } from './delivery.ts';
import { Hashing } from './hashing.ts';
import { stopWithin, unlessAborted } from './interruption.ts';
import { requirePartable } from './part.ts';
import { Receipts } from './receipts.ts';
import { Remote } from './remote.ts';
import { type Observer, Watchdog } from './watchdog.ts';

/**
 * One verification run: evidence, listing and resolving, hashing (and copying or fetching),
 * verdict, publication, in this order, so that what is cheap to refuse is refused before the first
 * large byte moves.
 *
 * It never throws for what is wrong with an artifact: that is in the outcome. After `signal`
 * aborts, the outcome says so, and nothing was published.
 */
export class VerifyRun {
  readonly #plan: Plan;
  readonly #observer: Observer;
  readonly #pool: HashPool;
  readonly #startedAt = new Date();
  readonly #start = performance.now();
  #artifacts: ArtifactRun[];
  readonly #runFailures: Failure[] = [];
  #run: RunContext | undefined;
  readonly #receipts: Receipts | undefined;

  /**
   * @param isRound - true for one of many rounds of `watch`: then a receipt counts for what has not
   * changed
   */
  constructor(plan: Plan, pool: HashPool, observer: Observer, isRound = false) {
    this.#plan = plan;
    const { receipts, limits } = plan;
    requirePartable(plan);
    if (receipts !== undefined)
      this.#receipts = new Receipts(receipts, limits, this.#startedAt, (text) => observer.notice?.(text), isRound);
    this.#pool = pool;
    this.#observer = observer;
    this.#artifacts = plan.artifacts.map((artifact) => new ArtifactRun(artifact, plan.limits));
  }

  /** @param signal - aborts with the `WeighlockError` to report (a time-out, an interruption) */
  async execute(signal: AbortSignal): Promise<RunOutcome> {
    const watchdog = new Watchdog(
      this.#plan.limits,
      this.#observer,
      () => this.#pool.progress,
      undefined,
      () => this.#run?.hashing.isReading === true,
    );
    const aborted = AbortSignal.any([signal, watchdog.signal]);
    let outcomes: readonly ArtifactOutcome[];
    try {
      outcomes = await unlessAborted(this.#verify(watchdog), aborted);
    } catch (error) {
      // Nothing may still be written to a staging folder while it is removed.
      await stopWithin(() => this.dispose());
      this.#runFailures.push(failureOf(error));
      outcomes = await Promise.all(this.#artifacts.map((one) => one.outcome(undefined)));
    } finally {
      watchdog.stop();
      await this.#run?.remote.stop();
      const mayResume = (failures: readonly Failure[]) => isResumable([...failures, ...this.#runFailures]);
      for (const one of this.#artifacts) one.close(mayResume);
    }
    return this.#finish(outcomes);
  }

  /** Stops all threads at their next chunk. */
  async dispose(): Promise<void> {
    await Promise.all([this.#pool.stop(), this.#run?.remote.stop()]);
  }

  async #verify(watchdog: Watchdog): Promise<readonly ArtifactOutcome[]> {
    const plan = this.#plan;
    const hashing = await Hashing.start(this.#pool, plan.hasher, plan.concurrency, plan.limits);
    const remote = new Remote(plan.remote, hashing, (text) => this.#observer.notice?.(text));
    const run = { plan, hashing, remote, receipts: this.#receipts };
    this.#run = run;
    await remote.refreshTrustedRoots(plan.artifacts);
    const outcomes = await round(this.#artifacts, run, watchdog);
    this.#runFailures.push(...unmetPins(plan.pins, outcomes));
    for (const [i, outcome] of outcomes.entries()) {
      if (this.#mayReplace(outcome)) outcomes[i] = await this.#replace(outcome, i, run, watchdog);
      this.#observer.artifact?.(outcomes[i] ?? outcome);
    }
    return outcomes;
  }

  /** Only a failed verification is a reason to replace something, and only at a destination. */
  #mayReplace({ artifact, result, path }: ArtifactOutcome): boolean {
    return this.#plan.remote.replace && result === 'FAILED' && artifact.destination === path;
  }

  async #replace(old: ArtifactOutcome, at: number, run: RunContext, watchdog: Watchdog): Promise<ArtifactOutcome> {
    const codes = [...new Set(old.failures.map(({ code }) => code))].join(', ');
    this.#observer.notice?.(`${old.path} does not verify (${codes}): replacing it`);
    const replacement = new Replacement(old, this.#plan.limits);
    this.#artifacts = this.#artifacts.with(at, replacement);
    const [outcome] = await round([replacement], run, watchdog);
    return outcome ?? old;
  }

  #finish(artifacts: readonly ArtifactOutcome[]): RunOutcome {
    const plan = this.#plan;
    this.#runFailures.push(...unjudged(artifacts, allFailures({ artifacts, failures: this.#runFailures })));
    const failures = allFailures({ artifacts, failures: this.#runFailures });
    const { bytes, files } = this.#pool.progress;
    const engine = this.#run?.hashing.choice;
    return {
      mode: plan.mode,
      failurePolicy: plan.failurePolicy,
      result: resultOf(failures),
      exitCode: exitCodeFor(failures, plan.mode, plan.failurePolicy),
      artifacts,
      failures: this.#runFailures,
      ...(engine === undefined ? {} : { engine }),
      kernels: this.#pool.kernels,
      ...(this.#pool.kernelReason === undefined ? {} : { kernelReason: this.#pool.kernelReason }),
      workers: Math.max(this.#pool.workers, this.#run?.remote.threads ?? 0),
      bytes,
      files,
      startedAt: this.#startedAt,
      seconds: (performance.now() - this.#start) / 1000,
    };
  }
}

/** Takes artifacts from their evidence to their verdict. */
async function round(
  artifacts: readonly ArtifactRun[],
  run: RunContext,
  watchdog: Watchdog,
): Promise<ArtifactOutcome[]> {
  const { hashing } = run;
  for (const one of artifacts) await one.loadEvidence(hashing);
  for (const one of artifacts) await one.prepare(run);
  const ready = artifacts.flatMap((one) => {
    const task = one.task();
    return task === undefined ? [] : [{ one, task }];
  });
  watchdog.expect([
    ...ready.map(({ task }) => task.listing.files),
    ...artifacts.flatMap(({ expected }) => expected ?? []),
  ]);
  const hashed = await hashing.hash(ready.map(({ task }) => task));
  for (const [i, { one }] of ready.entries()) await one.take(hashed[i] ?? { failures: [], second: new Map() });
  for (const one of artifacts) await one.complete();
  const outcomes: ArtifactOutcome[] = [];
  for (const one of artifacts) outcomes.push(await one.conclude(hashing));
  return outcomes;
}

/**
 * Ends of a run after which the content may still be right: a time-out, a broken network, a signal.
 */
const RESUMABLE = new Set<number>([EXIT.notEvaluated, EXIT.sigterm, EXIT.sigint]);

function isResumable(failures: readonly Failure[]): boolean {
  return failures.length > 0 && failures.every(({ code }) => RESUMABLE.has(EXIT_CODE_OF[code]));
}

/** Digests that were promised of some artifact, and that none has. */
function unmetPins(pins: Plan['pins'], outcomes: readonly ArtifactOutcome[]): Failure[] {
  const found = outcomes.map(({ artifact, measured }) => `${artifact.name}: ${measured?.digest ?? 'not measured'}`);
  return pins
    .filter(({ digest }) => !outcomes.some(({ measured }) => measured?.digest === digest))
    .map(({ digest, origin }) => ({
      code: 'DIGEST_MISMATCH',
      message: `nothing that was verified has the digest ${origin}`,
      expected: digest,
      found: found.join('; '),
      remedy: 'mount the content that the pod promises, or correct the value',
    }));
}
