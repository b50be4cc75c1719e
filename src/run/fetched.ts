import type { Failure } from '../error/index.ts';
import { locationText } from '../source/index.ts';
import type { Stage } from '../stage/index.ts';
import { expectedText, type Measured } from '../verdict/index.ts';
import { VERSION } from '../version.ts';
import { type Content, closeStage, type Delivery, type RunContext, type Subject } from './delivery.ts';
import type { Hashed } from './hashing.ts';
import type { Fetched, RemoteSource } from './remote-source.ts';
import { contentDifferences } from './staged-files.ts';

/** What is fetched to a destination, hashed on its way. */
export class FetchedDelivery implements Delivery {
  readonly path: string;
  readonly leftOut = [];
  readonly refused = [];
  readonly #subject: Subject;
  readonly #run: RunContext;
  readonly #source: RemoteSource;
  readonly #destination: string;
  #stage: Stage | undefined;
  #fetched: Fetched | undefined;
  #second: Hashed['second'] | undefined;

  constructor(subject: Subject, run: RunContext, source: RemoteSource, destination: string) {
    this.path = locationText(subject.artifact.source);
    this.#subject = subject;
    this.#run = run;
    this.#source = source;
    this.#destination = destination;
  }

  get manifest(): string | undefined {
    return this.#source.manifest;
  }

  isOfManifest(): boolean {
    return this.#fetched !== undefined;
  }

  get store(): RemoteSource['store'] {
    return this.#source.store;
  }

  async prepare(): Promise<readonly Failure[]> {
    this.#stage = await this.#source.stage(this.#destination);
    return [];
  }

  get expected(): RemoteSource['expected'] {
    return this.#stage === undefined ? undefined : this.#source.expected;
  }

  task(): undefined {}

  async take({ failures }: Hashed): Promise<readonly Failure[]> {
    return failures;
  }

  async complete(): Promise<readonly Failure[]> {
    if (this.#stage === undefined) return [];
    const fetched = await this.#source.fetch(this.#stage, this.#destination);
    this.#fetched = fetched;
    return fetched.failures.length > 0 ? fetched.failures : this.#hashAgain(this.#stage, fetched);
  }

  /**
   * What was fetched was hashed on its way with SHA-256 alone; a signature may list other hashes.
   */
  async #hashAgain(stage: Stage, { files }: Fetched): Promise<readonly Failure[]> {
    const { secondHash: second } = this.#subject.evidence;
    if (second === undefined) return [];
    const { hashing } = this.#run;
    const listing = await hashing.list(stage.folder, { allowSymlinks: false, maxFiles: Number.MAX_SAFE_INTEGER });
    const [hashed] = await hashing.hash([{ listing, second }]);
    this.#second = hashed?.second ?? new Map();
    return [...listing.failures, ...(hashed?.failures ?? []), ...contentDifferences(listing.files, files)];
  }

  get content(): Content | undefined {
    if (this.#fetched === undefined || this.#stage === undefined) return undefined;
    const { kind, files, found } = this.#fetched;
    const { folder } = this.#stage;
    return { kind, files, folder, ...(found && { found }), ...(this.#second && { second: this.#second }) };
  }

  async publish(measured: Measured, replace: boolean): Promise<boolean> {
    if (this.#stage === undefined || this.#fetched === undefined) return false;
    const marker = `${JSON.stringify(this.#marker(measured, this.#fetched), null, 2)}\n`;
    await this.#stage.publish({ verified: measured.files, replace, marker });
    return true;
  }

  /** What is put beside the content, to say what it is. */
  #marker({ digest: sha256, files }: Measured, { records }: Fetched): object {
    const { artifact } = this.#subject;
    const { digest, manifest } = this.#source;
    return {
      apiVersion: 'weighlock.dev/v1alpha1',
      kind: 'VerificationMarker',
      verifier: { name: 'weighlock', version: VERSION },
      source: this.path,
      ...(digest === undefined ? {} : { digest }),
      ...(manifest === undefined ? {} : { manifest }),
      content: { sha256, files: files.count, bytes: files.totalBytes },
      requirements: artifact.requirements.map((one) => ({
        kind: one.kind,
        expected: expectedText(one),
        origin: one.origin,
      })),
      timeVerified: new Date().toISOString(),
      archives: records,
    };
  }

  disown(): void {}

  close(mayResume: boolean): void {
    closeStage(this.#stage, mayResume);
  }
}
