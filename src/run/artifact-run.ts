import { existsSync } from 'node:fs';
import { type Failure, failureOf } from '../error/index.ts';
import type { ArtifactPlan, Limits, Requirement } from '../plan/index.ts';
import { locationText } from '../source/index.ts';
import { type ArtifactOutcome, expectedText, isVerified, judge, type Measured, resultOf } from '../verdict/index.ts';
import { judgeable } from './content.ts';
import { deliver } from './deliver.ts';
import type { Delivery, RunContext } from './delivery.ts';
import { ArtifactEvidence } from './evidence.ts';
import type { Hashed, Hashing, ListedTask } from './hashing.ts';
import { nameLayout } from './layout-hint.ts';
import { namePointers } from './lfs-pointer.ts';

/**
 * One artifact on its way through a run, whichever way that is. Nothing here throws for what is
 * wrong with the artifact: that is kept, ends this artifact only, and stands in its outcome.
 */
export class ArtifactRun {
  readonly artifact: ArtifactPlan;
  readonly evidence: ArtifactEvidence;
  readonly failures: Failure[] = [];
  /** What lies at the destination is replaced. */
  protected readonly replaces: boolean = false;
  #delivery: Delivery | undefined;

  constructor(artifact: ArtifactPlan, { allowSymlinks }: Pick<Limits, 'allowSymlinks'>) {
    this.artifact = artifact;
    this.evidence = new ArtifactEvidence(artifact, { allowSymlinks, linkRoot: artifact.storage?.linkRoot });
  }

  get path(): string {
    return this.#delivery?.path ?? locationText(this.artifact.source);
  }

  /**
   * Verifies what can be verified before anything of the artifact is read. A signature lies where
   * the artifact comes from; what was published before may have brought it along.
   */
  loadEvidence(hashing: Hashing): Promise<void> {
    return this.#attempt(() =>
      hashing.read(() => {
        const { source, destination } = this.artifact;
        const places = [source.kind === 'volume' ? source.path : undefined, destination];
        const there = places.filter((place) => place !== undefined && existsSync(place)) as string[];
        // Of what is not there no signature is missed: the listing says what is wrong.
        if (source.kind === 'volume' && there.length === 0) return Promise.resolve([]);
        const paths = there.length > 0 ? there : [destination ?? this.path];
        const isThere = there.length > 0 && !this.replaces;
        return this.evidence.load(paths, () => hashing.engine(), isThere);
      }),
    );
  }

  /** Finds out which way it goes and what there is; stages it. */
  async prepare(run: RunContext): Promise<void> {
    if (this.failures.length > 0) return;
    await this.#attempt(() => {
      this.#delivery = deliver(this, run, this.replaces);
      return this.#delivery.prepare();
    });
  }

  /** What is to be hashed of a volume. */
  task(): ListedTask | undefined {
    try {
      return this.#delivery?.task();
    } catch (error) {
      this.failures.push(failureOf(error));
      return undefined;
    }
  }

  get expected(): Delivery['expected'] {
    return this.#delivery?.expected;
  }

  async take(hashed: Hashed): Promise<void> {
    const failures = await this.#delivery?.take(hashed);
    this.failures.push(...(failures ?? hashed.failures));
  }

  /** Fetches what is to be fetched. */
  async complete(): Promise<void> {
    const delivery = this.#delivery;
    if (this.failures.length === 0 && delivery !== undefined) await this.#attempt(() => delivery.complete());
  }

  /** Sums up what was hashed, judges it and publishes it. */
  async conclude(hashing: Hashing): Promise<ArtifactOutcome> {
    const content = this.#delivery?.content;
    if (content === undefined) return this.outcome(undefined);
    const { second } = content;
    const summed = await hashing.measure(content, this.failures);
    const measured = { ...summed, ...(second === undefined ? {} : { second }) };
    if (measured.digest !== undefined) await this.#attempt(() => this.evidence.loadWithDigest(measured));
    const trees = await this.evidence.attestedTrees(measured, () => hashing.engine());
    const inspected = content.found && (await judgeable(content.found, this.evidence.leaves));
    const isPart = this.#delivery?.part === undefined ? {} : ({ isPart: true } as const);
    const outcome = await this.outcome({ ...measured, ...trees, ...isPart, ...inspected });
    this.#delivery?.leaveReceipt?.(outcome);
    return outcome;
  }

  /** @param measured - undefined when it did not come to that: nothing is published then */
  async outcome(measured: Measured | undefined): Promise<ArtifactOutcome> {
    const { artifact, path } = this;
    const delivery = this.#delivery;
    const judgement =
      measured === undefined
        ? { requirements: artifact.requirements.map(unmet), failures: delivery?.refused ?? [] }
        : judge(artifact.requirements, measured, this.evidence.found, this.evidence.refused);
    const { requirements } = judgement;
    const found = nameLayout([...this.failures, ...judgement.failures], artifact.source);
    const folder = delivery?.content?.folder ?? path;
    const failures = measured === undefined ? [...found] : [...namePointers(found, folder, measured.files)];
    const published = await this.#publish(measured, requirements, failures);
    const isWhole = delivery?.part === undefined;
    if (failures.length === 0 && measured !== undefined && isWhole && !requirements.every(({ met }) => met))
      failures.push(unmetWithoutReason());
    this.failures.splice(0, this.failures.length, ...failures);
    if (!published) failures.push(...this.remaining);
    const result = measured === undefined && failures.length === 0 ? 'UNEVALUATED' : resultOf(failures);
    if (result === 'FAILED') delivery?.disown();
    const { manifest, receipt, part, store } = delivery ?? {};
    return {
      artifact,
      result,
      ...(measured === undefined ? {} : { measured }),
      ...(manifest === undefined
        ? {}
        : { manifest, isOfManifest: measured !== undefined && delivery?.isOfManifest(measured) === true }),
      ...(store === undefined ? {} : { store }),
      requirements,
      failures,
      leftOut: delivery?.leftOut ?? [],
      path,
      published,
      ...(receipt === undefined ? {} : { receipt }),
      ...(part === undefined || measured === undefined ? {} : { part, evidence: this.evidence.found }),
    };
  }

  async #publish(
    measured: Measured | undefined,
    requirements: ArtifactOutcome['requirements'],
    failures: Failure[],
  ): Promise<boolean> {
    if (this.#delivery === undefined || !isVerified(measured, requirements, failures)) return false;
    try {
      return await this.#delivery.publish(measured, this.replaces);
    } catch (error) {
      failures.push(failureOf(error));
      return false;
    }
  }

  /**
   * What is wrong with what lies at the destination as long as nothing else was published there.
   */
  protected get remaining(): readonly Failure[] {
    return [];
  }

  /**
   * @param mayResume - whether the next run may go on with what this one staged, given everything
   * that went wrong
   */
  close(mayResume: (failures: readonly Failure[]) => boolean): void {
    this.evidence.close();
    this.#delivery?.close(mayResume(this.failures));
  }

  /** Keeps what is wrong with one artifact from ending the verification of the others. */
  async #attempt(action: () => Promise<readonly Failure[]>): Promise<void> {
    try {
      this.failures.push(...(await action()));
    } catch (error) {
      this.failures.push(failureOf(error));
    }
  }
}

/**
 * An artifact whose destination holds something that did not verify, and that is to be replaced.
 */
export class Replacement extends ArtifactRun {
  protected override readonly replaces = true;
  readonly #old: readonly Failure[];

  /** @param old - why what lies there did not verify */
  constructor({ artifact, failures }: ArtifactOutcome, limits: Pick<Limits, 'allowSymlinks'>) {
    super(artifact, limits);
    this.#old = failures;
  }

  // Whatever kept it from being replaced: a network that does not answer makes nothing better of
  // what lies there.
  protected override get remaining(): readonly Failure[] {
    return this.#old;
  }
}

function unmet(requirement: Requirement) {
  return { kind: requirement.kind, origin: requirement.origin, expected: expectedText(requirement), met: false };
}

/** Can only be a defect of ours, and must not let anything pass. */
function unmetWithoutReason(): Failure {
  return {
    code: 'INTERNAL',
    message: 'a requirement is not met, and no reason is known',
    remedy: 'please report this as a defect',
  };
}
