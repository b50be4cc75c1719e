import type { ContentFound } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import type { FileTable, LeftOutEntry } from '../fs/index.ts';
import type { ArtifactPlan, Plan } from '../plan/index.ts';
import type { Stage } from '../stage/index.ts';
import type { ArtifactOutcome, Measured, ReceiptOutcome, StoreOutcome } from '../verdict/index.ts';
import type { ArtifactEvidence } from './evidence.ts';
import type { Hashed, Hashing, ListedTask } from './hashing.ts';
import type { Receipts } from './receipts.ts';
import type { Remote } from './remote.ts';

/** What all artifacts of one run share. */
export interface RunContext {
  readonly plan: Plan;
  readonly hashing: Hashing;
  readonly remote: Remote;
  /** Where the platform's policy allows them. */
  readonly receipts: Receipts | undefined;
}

/** What a delivery is made for. */
export interface Subject {
  readonly artifact: ArtifactPlan;
  readonly evidence: ArtifactEvidence;
}

/** What was hashed of an artifact, to be summed up and judged. */
export interface Content {
  readonly kind: 'file' | 'folder';
  readonly files: FileTable;
  /** Digests that signatures were made over beside SHA-256 of the whole, by file name. */
  readonly second?: Hashed['second'];
  /** What the files are, where that was asked for. */
  readonly found?: ContentFound;
  /** The folder that the files lie in. */
  readonly folder: string;
}

/**
 * One way for an artifact to get where it is used: verified in place, copied from a volume, or
 * fetched. There is a class for each, which holds what only this way needs; the run calls the
 * methods in the order in which they stand here.
 *
 * What is wrong with the artifact is returned, or thrown as a `WeighlockError`: both end this
 * artifact only.
 */
export interface Delivery {
  /** What a report calls the artifact's place: where it lies, or where it comes from. */
  readonly path: string;
  /** Digest of the manifest that a reference was resolved to. */
  readonly manifest?: string | undefined;
  /**
   * Whether the content is that of the manifest. What was there already may have met another
   * requirement, and whoever writes to the repository says what a tag leads to.
   */
  isOfManifest(measured: Measured): boolean;
  /** What a store says of the files that were fetched. */
  readonly store?: StoreOutcome | undefined;
  /** Finds out what there is, and stages it: not a large byte is read. */
  prepare(): Promise<readonly Failure[]>;
  /** What a platform leaves out of the listing: bookkeeping, which is not the artifact. */
  readonly leftOut: readonly LeftOutEntry[];
  /** What became of a receipt of it; undefined where there is none to be had. */
  readonly receipt?: ReceiptOutcome | undefined;
  /** Of a verification in parts: only this one's share is hashed. */
  readonly part?: Plan['part'];
  /** What the listing proves wrong by itself; it is said again of what was hashed. */
  readonly refused: readonly Failure[];
  /** Files of a volume that are to be hashed, together with those of other artifacts. */
  task(): ListedTask | undefined;
  /** What will be fetched, as far as it is known. */
  readonly expected?: Pick<FileTable, 'totalBytes' | 'count'> | undefined;
  /** Takes what came of the task. @returns what went wrong */
  take(hashed: Hashed): Promise<readonly Failure[]>;
  /** Fetches what is to be fetched, or asks what should lie there: only while nothing is wrong. */
  complete(): Promise<readonly Failure[]>;
  readonly content: Content | undefined;
  /**
   * Makes what was verified visible at its destination.
   *
   * @param replace - what lies there is moved away first
   * @returns false where it lies there already
   */
  publish(measured: Measured, replace: boolean): Promise<boolean>;
  /** Leaves a receipt of what was hashed where it lies, and passed. */
  leaveReceipt?(outcome: ArtifactOutcome): void;
  /** What lies there did not verify: what was said of it before counts no more. */
  disown(): void;
  /**
   * @param mayResume - the content may still be right, and the next run may go on with what is
   * staged
   */
  close(mayResume: boolean): void;
}

/** Keeps what is staged only where the next run can go on with it. */
export function closeStage(stage: Stage | undefined, mayResume: boolean): void {
  if (stage === undefined) return;
  if (stage.resumable && mayResume) stage.leave();
  else stage.discard();
}
