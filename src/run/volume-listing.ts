import { dirname } from 'node:path';
import { type Failure, WeighlockError } from '../error/index.ts';
import type { Listing, PathBytes } from '../fs/index.ts';
import type { ArtifactPlan } from '../plan/index.ts';
import { judgeListing, type ReceiptOutcome, resultOf, sizeDifferences } from '../verdict/index.ts';
import type { Content, RunContext, Subject } from './delivery.ts';
import type { ArtifactEvidence } from './evidence.ts';
import type { Hashed } from './hashing.ts';
import type { OnVolume } from './receipts.ts';

/**
 * What is refused by its listing is hashed only to say more of it (what else differs, and where a
 * missing file's content is now), which may take a second.
 */
const MOST_REFUSED_BYTES = 256 << 20;

/** The files of a volume, held against the evidence before anything large is hashed. */
export class VolumeListing implements OnVolume {
  readonly artifact: ArtifactPlan;
  readonly evidence: ArtifactEvidence;
  readonly path: string;
  readonly listing: Listing;
  receipt?: ReceiptOutcome;
  refused: readonly Failure[] = [];
  #hashed: Hashed | undefined;

  /** @param path - of the file or folder that was listed */
  constructor({ artifact, evidence }: Subject, path: string, listing: Listing) {
    this.artifact = artifact;
    this.evidence = evidence;
    this.path = path;
    this.listing = listing;
  }

  /**
   * @param needsMore - it is copied, or was signed over other hashes than SHA-256 of whole files
   */
  async useReceipt({ receipts }: RunContext, needsMore: boolean): Promise<void> {
    if (receipts !== undefined && this.listing.failures.length === 0)
      this.receipt = await receipts.use(this, this.listing, needsMore);
  }

  /**
   * Holds names and sizes against the evidence.
   *
   * @param sizes - bytes that somebody promises of files, by name
   */
  compare(sizes?: ReadonlyMap<PathBytes, number>): void {
    const { evidence, listing } = this;
    const refused = evidence.leaves.flatMap((leaf) => [
      ...evidence.refuse(leaf, judgeListing(leaf, listing, evidence.found)),
    ]);
    if (sizes !== undefined) refused.push(...sizeDifferences(listing.files, sizes));
    this.refused = refused;
  }

  /** True for what is refused and too large to be hashed for nothing. */
  get isHopeless(): boolean {
    const isRefused = resultOf([...this.listing.failures, ...this.refused]) === 'FAILED';
    return isRefused && this.listing.files.totalBytes > MOST_REFUSED_BYTES;
  }

  /** Takes what was hashed; hashes everything where a spot check proves a receipt wrong. */
  async take(hashed: Hashed, { receipts, hashing }: RunContext): Promise<readonly Failure[]> {
    const { failures } = hashed;
    this.#hashed = hashed;
    if (receipts?.confirm(this, this.listing, failures) !== false) return failures;
    const [again] = await hashing.hash([{ listing: this.listing }]);
    return again?.failures ?? failures;
  }

  get content(): Content {
    const { kind, files } = this.listing;
    const folder = kind === 'file' ? dirname(this.path) : this.path;
    const { second, content: found } = this.#hashed ?? {};
    return { kind, files, folder, ...(second && { second }), ...(found && { found }) };
  }
}

/**
 * S24: nothing to verify is not the same as nothing wrong.
 *
 * @throws WeighlockError `SOURCE_EMPTY`
 */
export function requireFiles({ files, failures }: Listing): void {
  if (files.count > 0 || failures.length > 0) return;
  throw new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'the folder holds no file at all',
    expected: 'at least one file',
    found: 'none',
    remedy: 'check the volume: is it the right one, and was it filled?',
  });
}
