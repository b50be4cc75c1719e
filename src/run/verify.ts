import { type Failure, failureOf, WeighlockError } from '../error/index.ts';
import { type LoadedChecksums, loadChecksums } from '../evidence/index.ts';
import type { Listing } from '../fs/index.ts';
import type { HashPool } from '../hash/index.ts';
import type { ArtifactPlan, Plan, Requirement } from '../plan/index.ts';
import { type Location, locationText } from '../source/index.ts';
import { destinationState, Stage } from '../stage/index.ts';
import {
  type ArtifactOutcome,
  allFailures,
  exitCodeFor,
  judge,
  type Measured,
  type RunOutcome,
  resultOf,
} from '../verdict/index.ts';
import { Hashing } from './hashing.ts';
import { stopWithin, unlessAborted } from './interruption.ts';
import { type Observer, Watchdog } from './watchdog.ts';

/** An artifact on its way through the run. */
interface Work {
  readonly artifact: ArtifactPlan;
  readonly failures: Failure[];
  readonly evidence: Map<Requirement, LoadedChecksums>;
  path: string;
  listing?: Listing;
  stage?: Stage;
}

/**
 * One verification run: evidence, listing, hashing (and copying), verdict, publication, in this order, so that what is
 * cheap to refuse is refused before the first large byte moves.
 *
 * It never throws for what is wrong with an artifact: that is in the outcome. After `signal` aborts, the outcome says
 * so, and nothing was published.
 */
export class VerifyRun {
  readonly #plan: Plan;
  readonly #observer: Observer;
  readonly #startedAt = new Date();
  readonly #start = performance.now();
  readonly #works: Work[];
  readonly #runFailures: Failure[] = [];
  readonly #pool: HashPool;
  #hashing?: Hashing;

  constructor(plan: Plan, pool: HashPool, observer: Observer) {
    this.#pool = pool;
    this.#plan = plan;
    this.#observer = observer;
    this.#works = plan.artifacts.map((artifact) => ({
      artifact,
      failures: [],
      evidence: new Map(),
      path: locationText(artifact.source),
    }));
  }

  /** @param signal - aborts with the `WeighlockError` to report (a time-out, an interruption) */
  async execute(signal: AbortSignal): Promise<RunOutcome> {
    const watchdog = new Watchdog(this.#plan.limits, this.#observer, () => this.#pool.progress);
    const aborted = AbortSignal.any([signal, watchdog.signal]);
    let outcomes: readonly ArtifactOutcome[];
    try {
      outcomes = await unlessAborted(this.#verify(watchdog), aborted);
    } catch (error) {
      // Nothing may still be written to a staging folder while it is removed.
      await stopWithin(() => this.#pool.stop());
      this.#runFailures.push(failureOf(error));
      outcomes = this.#works.map((work) => this.#outcome(work, undefined));
    } finally {
      watchdog.stop();
      for (const { stage } of this.#works) stage?.discard();
    }
    return this.#finish(outcomes);
  }

  async #verify(watchdog: Watchdog): Promise<readonly ArtifactOutcome[]> {
    const hashing = await Hashing.start(this.#pool, this.#plan.hasher, this.#plan.concurrency);
    this.#hashing = hashing;
    for (const work of this.#works) await attempt(work, () => this.#loadEvidence(work, hashing));
    for (const work of this.#works) await attempt(work, () => this.#list(work, hashing));
    const ready = this.#works.flatMap((work) => (work.listing === undefined ? [] : [{ work, listing: work.listing }]));
    watchdog.expect(ready.map(({ listing }) => listing.files));
    const failures = await hashing.hash(
      ready.map(({ work: { stage }, listing }) => ({
        listing,
        ...(stage === undefined ? {} : { copyTo: stage.folder }),
      })),
    );
    for (const [i, { work }] of ready.entries()) work.failures.push(...(failures[i] ?? []));
    const outcomes: ArtifactOutcome[] = [];
    for (const work of this.#works) {
      const measured = work.listing === undefined ? undefined : await hashing.measure(work.listing, work.failures);
      const outcome = this.#outcome(work, measured);
      outcomes.push(outcome);
      this.#observer.artifact?.(outcome);
    }
    return outcomes;
  }

  async #loadEvidence(work: Work, hashing: Hashing): Promise<void> {
    for (const requirement of work.artifact.requirements) {
      if (requirement.kind !== 'checksums') continue;
      const loaded = await loadChecksums(requirement.file, requirement.digest, await hashing.engine());
      work.evidence.set(requirement, loaded);
    }
  }

  /** Finds out where the artifact is to be read, and lists it; prepares the copy when there is to be one. */
  async #list(work: Work, hashing: Hashing): Promise<void> {
    if (work.failures.length > 0) return;
    const { source, destination } = work.artifact;
    const inPlace = destination !== undefined && destinationState(destination) === 'present';
    work.path = inPlace ? destination : volumePath(source, destination);
    const listing = await hashing.list(work.path, this.#plan.limits);
    if (listing.files.count === 0 && listing.failures.length === 0) throw emptyFolder();
    // Nothing is copied of what is refused already.
    if (destination !== undefined && !inPlace && listing.failures.length === 0)
      work.stage = new Stage(destination, listing);
    work.listing = listing;
    work.failures.push(...listing.failures);
  }

  #outcome(work: Work, measured: Measured | undefined): ArtifactOutcome {
    const { artifact, path, stage } = work;
    const judgement =
      measured === undefined
        ? { requirements: artifact.requirements.map(unmet), failures: [] }
        : judge(artifact.requirements, measured, work.evidence);
    const failures = [...work.failures, ...judgement.failures];
    let published = false;
    if (stage !== undefined && measured !== undefined && failures.length === 0) {
      try {
        stage.publish();
        published = true;
      } catch (error) {
        failures.push(failureOf(error));
      }
    }
    const result = measured === undefined && failures.length === 0 ? 'UNEVALUATED' : resultOf(failures);
    const { requirements } = judgement;
    return {
      artifact,
      result,
      ...(measured === undefined ? {} : { measured }),
      requirements,
      failures,
      path,
      published,
    };
  }

  #finish(artifacts: readonly ArtifactOutcome[]): RunOutcome {
    const plan = this.#plan;
    const failures = allFailures({ artifacts, failures: this.#runFailures });
    const { bytes, files } = this.#pool.progress;
    const engine = this.#hashing?.choice;
    return {
      mode: plan.mode,
      failurePolicy: plan.failurePolicy,
      result: resultOf(failures),
      exitCode: exitCodeFor(failures, plan.mode, plan.failurePolicy),
      artifacts,
      failures: this.#runFailures,
      ...(engine === undefined ? {} : { engine }),
      workers: this.#pool.workers,
      bytes,
      files,
      startedAt: this.#startedAt,
      seconds: (performance.now() - this.#start) / 1000,
    };
  }
}

/** Keeps what is wrong with one artifact from ending the verification of the others. */
async function attempt(work: Work, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    work.failures.push(failureOf(error));
  }
}

function unmet({ kind, origin, digest }: Requirement) {
  return { kind, origin, expected: digest, met: false };
}

/** S24: nothing to verify is not the same as nothing wrong. */
export function emptyFolder(): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'the folder holds no file at all',
    expected: 'at least one file',
    found: 'none',
    remedy: 'check the volume: is it the right one, and was it filled?',
  });
}

/** The path to read, of a source that is on a volume. */
function volumePath(source: Location, destination: string | undefined): string {
  if (source.kind === 'volume') return source.path;
  const local = destination === undefined ? '' : ', or put the content at the destination beforehand';
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `this version cannot fetch ${source.scheme}:// sources`,
    found: source.text,
    remedy: `mount the content as a volume and give its path (file:///... works too)${local}`,
  });
}
