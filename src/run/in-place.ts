import { createContentTable } from '../content/index.ts';
import { type Failure, failureOf } from '../error/index.ts';
import type { LeftOutEntry } from '../fs/index.ts';
import { createShardTable } from '../hash/index.ts';
import type { Plan } from '../plan/index.ts';
import { removeMarker } from '../stage/index.ts';
import { type ArtifactOutcome, compareChecksums, type Measured, type ReceiptOutcome } from '../verdict/index.ts';
import type { Content, Delivery, RunContext, Subject } from './delivery.ts';
import type { Hashed, ListedTask } from './hashing.ts';
import { passOver, requirePlainHashes } from './part.ts';
import type { RemoteSource } from './remote-source.ts';
import { requireFiles, VolumeListing } from './volume-listing.ts';

/**
 * What lies on a volume and is used there: a volume's content, or what was put at a destination
 * before.
 */
export class InPlace implements Delivery {
  readonly path: string;
  readonly #subject: Subject;
  readonly #run: RunContext;
  readonly #source: RemoteSource | undefined;
  leftOut: readonly LeftOutEntry[] = [];
  receipt: ReceiptOutcome | undefined;
  #listed: VolumeListing | undefined;
  /** Takes back that files of other parts were passed over. */
  #takeBack: (() => void) | undefined;

  /** @param source - what should lie there, where it was fetched from */
  constructor(subject: Subject, run: RunContext, path: string, source?: RemoteSource) {
    this.path = path;
    this.#subject = subject;
    this.#run = run;
    this.#source = source;
  }

  get part(): Plan['part'] {
    return this.#run.plan.part;
  }

  get manifest(): string | undefined {
    return this.#source?.manifest;
  }

  isOfManifest({ files, unknown }: Measured): boolean {
    const checksums = this.#source?.promised;
    return checksums !== undefined && compareChecksums(files, { checksums }, unknown).failures.length === 0;
  }

  /** More than SHA-256 of whole files, as far as is known. */
  get #needsMore(): boolean {
    const { secondHash, shardBytes, asksContent } = this.#subject.evidence;
    return secondHash !== undefined || shardBytes !== undefined || asksContent;
  }

  async prepare(): Promise<readonly Failure[]> {
    const { hashing, plan } = this.#run;
    const { artifact, evidence } = this.#subject;
    const how = { ...plan.limits, storage: artifact.storage };
    if (this.part !== undefined) requirePlainHashes(evidence);
    const isListed = this.#needsMore || this.#run.receipts !== undefined || this.part !== undefined;
    const listing = await (isListed
      ? hashing.list(this.path, how, this.#run.receipts === undefined)
      : hashing.listHashing(this.path, how));
    requireFiles(listing);
    this.leftOut = listing.leftOut?.entries ?? [];
    const listed = new VolumeListing(this.#subject, this.path, listing);
    try {
      await this.#source?.consult(this.path);
    } catch (error) {
      // Not a byte is read of what cannot be finished.
      return [...listing.failures, failureOf(error)];
    }
    // Signatures of a registry are evidence too, and may be over other hashes.
    await listed.useReceipt(this.#run, this.#needsMore);
    this.receipt = listed.receipt;
    listed.compare(this.#source?.sizes);
    if (listed.isHopeless) return [...listing.failures, ...listed.refused];
    this.#listed = listed;
    return listing.failures;
  }

  get refused(): readonly Failure[] {
    return this.#listed?.refused ?? [];
  }

  task(): ListedTask | undefined {
    if (this.#listed === undefined) return undefined;
    const { listing } = this.#listed;
    const { secondHash: second, shardBytes, asksContent } = this.#subject.evidence;
    // A pin that may be of any artifact needs the digest of each.
    const { pins, needsDigests } = this.#run.plan;
    if (shardBytes !== undefined && pins.length === 0 && needsDigests !== true)
      return { listing, shards: createShardTable(listing.files, shardBytes) };
    if (this.part !== undefined) this.#takeBack = passOver(listing.files, this.part, this.#subject.evidence);
    const content = asksContent ? { content: createContentTable(listing.files.count) } : {};
    return { listing, ...(second && { second }), ...content };
  }

  async take(hashed: Hashed): Promise<readonly Failure[]> {
    this.#takeBack?.();
    if (this.#listed === undefined) return hashed.failures;
    const failures = await this.#listed.take(hashed, this.#run);
    this.receipt = this.#listed.receipt;
    return failures;
  }

  async complete(): Promise<readonly Failure[]> {
    return (await this.#source?.promise(this.path)) ?? [];
  }

  get content(): Content | undefined {
    return this.#listed?.content;
  }

  async publish(): Promise<boolean> {
    return false;
  }

  leaveReceipt(outcome: ArtifactOutcome): void {
    if (this.#listed !== undefined) this.#run.receipts?.leave(this.#listed, outcome);
  }

  disown(): void {
    if (this.path === this.#subject.artifact.destination) removeMarker(this.path);
  }

  close(): void {}
}
