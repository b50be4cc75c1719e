import type { Failure } from '../error/index.ts';
import { firstMoved, isAllLocal, type Listing, settle } from '../fs/index.ts';
import type { ArtifactPlan, Limits, ReceiptSettings } from '../plan/index.ts';
import { ReceiptBook, type ReceiptQuestion } from '../receipt/index.ts';
import type { ArtifactOutcome, Evidence, ReceiptOutcome } from '../verdict/index.ts';
import type { ArtifactEvidence } from './evidence.ts';

/** An artifact that lies on a volume. */
export interface OnVolume {
  readonly artifact: ArtifactPlan;
  readonly evidence: ArtifactEvidence;
  readonly path: string;
  readonly listing?: Listing;
  receipt?: ReceiptOutcome;
}

/** Receipts of one run: of what is verified where it lies. */
export class Receipts {
  readonly #book: ReceiptBook;
  readonly #limits: Pick<Limits, 'allowSymlinks'>;
  readonly #startedAt: Date;
  readonly #notice: (text: string) => void;
  readonly #isRound: boolean;
  readonly #areLeft: boolean;
  /**
   * What was known before a byte was read; what is found out later has to be found out again each
   * time.
   */
  readonly #evidence = new Map<Listing, Evidence>();
  /** Files of which every change since then is seen: nothing else has a receipt. */
  readonly #settled = new Set<Listing>();

  constructor(
    settings: ReceiptSettings,
    limits: Pick<Limits, 'allowSymlinks'>,
    startedAt: Date,
    notice: (text: string) => void,
    isRound: boolean,
  ) {
    this.#book = new ReceiptBook(settings);
    this.#limits = limits;
    this.#startedAt = startedAt;
    this.#notice = notice;
    this.#isRound = isRound;
    this.#areLeft = settings.signer !== undefined;
  }

  /**
   * Takes digests from a receipt, where one counts.
   *
   * @param needsMore - it is copied, was signed over other hashes than SHA-256 of whole files, or
   * is looked into
   */
  async use(work: OnVolume, listing: Listing, needsMore: boolean): Promise<ReceiptOutcome> {
    this.#evidence.set(listing, new Map(work.evidence.found));
    const used: ReceiptOutcome = needsMore
      ? {
          isUsed: false,
          why: 'it is copied, signed over other hashes, or looked into: a receipt has SHA-256 of whole files',
        }
      : await this.#unmoved(listing, await this.#book.use(this.#question(work, listing), this.#isRound));
    if (used.isUsed) return used;
    this.#notice(`${work.artifact.name}: everything is hashed: ${used.why}`);
    if (this.#areLeft && !needsMore) await this.#settle(work, listing);
    return used;
  }

  /**
   * What a client of a network remembers of a file may be a minute old; when it is opened, the
   * server is asked.
   */
  async #unmoved(listing: Listing, used: ReceiptOutcome): Promise<ReceiptOutcome> {
    if (!used.isUsed || isAllLocal(listing)) return used;
    const why = await firstMoved(listing);
    if (why === undefined) return used;
    listing.files.hashed.fill(0);
    return { isUsed: false, why };
  }

  /** Before a byte is read: what is changed from here on is seen by its ctime. */
  async #settle(work: OnVolume, listing: Listing): Promise<void> {
    const why = await settle(listing);
    if (why === undefined) this.#settled.add(listing);
    else this.#notice(`${work.artifact.name}: no receipt: ${why}`);
  }

  /** False where a spot check proves the receipt wrong: then nothing of it is taken. */
  confirm(work: OnVolume, listing: Listing, failures: readonly Failure[]): boolean {
    if (work.receipt?.isUsed !== true || failures.length > 0) return true;
    const why = this.#book.confirm(listing.files);
    if (why === undefined) return true;
    work.receipt = { isUsed: false, why };
    this.#notice(`${work.artifact.name}: everything is hashed: ${why}`);
    listing.files.hashed.fill(0);
    return false;
  }

  /** Leaves a receipt of what was hashed, all of it, and passed. */
  leave(work: OnVolume, { result, measured, published }: ArtifactOutcome): void {
    const { listing, receipt } = work;
    if (result !== 'PASSED' || published || listing === undefined || measured?.digest === undefined) return;
    if (receipt === undefined || receipt.isUsed || !this.#settled.has(listing)) return;
    const why = this.#book.leave(this.#question(work, listing), measured.digest, this.#startedAt.getTime());
    if (why !== undefined) this.#notice(`${work.artifact.name}: ${why}`);
  }

  #question({ artifact, path, evidence }: OnVolume, listing: Listing): ReceiptQuestion {
    const known = this.#evidence.get(listing) ?? evidence.found;
    return { artifact, path, listing, evidence: known, allowSymlinks: this.#limits.allowSymlinks };
  }
}
