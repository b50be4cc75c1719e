import { WeighlockError } from '../error/index.ts';
import {
  type Descriptor,
  type Digest,
  hexOf,
  MAX_MANIFEST_BYTES,
  MAX_REFERRERS,
  parseJson,
  parseReferrers,
  type Referrers,
} from '../registry/index.ts';
import { tagOf } from './choose.ts';
import { blobPath, type LayoutFolder } from './layout-folder.ts';
import { SEARCH_LIMITS, type SearchLimits } from './limits.ts';

/**
 * Looks for everything that says it refers to a digest. What `index.json` lists comes first
 * (`oras copy` puts referrers there, and copies of registries the tag `sha256-<hex>`), then the
 * blobs that nobody lists: `cosign save` leaves bundles out of the index. Whoever writes the layout
 * may put a million of them there; what is not looked at is told.
 */
export class ReferrerSearch {
  readonly #folder: LayoutFolder;
  readonly #subject: Digest;
  readonly #signal: AbortSignal;
  readonly #found = new Map<Digest, Descriptor>();
  readonly #seen = new Set<Digest>();
  readonly #faults: WeighlockError[] = [];
  readonly #limits: SearchLimits;
  #bytes = 0;
  #isSpent = false;

  constructor(folder: LayoutFolder, subject: Digest, signal: AbortSignal, limits = SEARCH_LIMITS) {
    this.#limits = limits;
    this.#folder = folder;
    this.#subject = subject;
    this.#signal = signal;
  }

  /**
   * @param entries - of `index.json`
   * @param fault - what is wrong with others of it
   */
  async run(entries: readonly Descriptor[], fault: WeighlockError | undefined): Promise<Referrers> {
    if (fault !== undefined) this.#faults.push(fault);
    for (const entry of entries) {
      const isList = tagOf(entry) === `sha256-${hexOf(this.#subject)}`;
      await this.#attempt(() => (isList ? this.#list(entry) : this.#look(entry.digest, () => true)));
    }
    await this.#attempt(() => this.#lookAtAll());
    return { descriptors: [...this.#found.values()].slice(0, MAX_REFERRERS), faults: this.#faults };
  }

  /** The list that a registry without referrers keeps under a tag. */
  async #list({ digest }: Descriptor): Promise<void> {
    const bytes = await this.#read(digest, () => true);
    if (bytes === undefined) return;
    const { descriptors, fault } = this.#folder.faults.within(blobPath(digest), () => parseReferrers(bytes));
    if (fault !== undefined) this.#faults.push(this.#folder.faults.of(fault, blobPath(digest)));
    for (const one of descriptors) await this.#attempt(() => this.#look(one.digest, () => true));
  }

  async #lookAtAll(): Promise<void> {
    const { blobs: most } = this.#limits;
    const { blobs, isAll } = await this.#folder.smallBlobs(MAX_MANIFEST_BYTES, most, this.#signal);
    if (!isAll) this.#faults.push(this.#folder.faults.tooMany('blobs', `${most} blobs`));
    const isWanted = (bytes: Buffer) => this.#namesSubject(bytes);
    for (const { digest } of blobs) await this.#attempt(() => this.#look(digest, isWanted));
  }

  /**
   * Takes a blob that is a manifest with our subject. What it is attached as, its own manifest
   * says.
   *
   * @param isWanted - whether it matters if these bytes are what they should be
   */
  async #look(digest: Digest, isWanted: (bytes: Buffer) => boolean): Promise<void> {
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    const bytes = await this.#read(digest, isWanted);
    if (bytes === undefined || !this.#namesSubject(bytes)) return;
    const { subject, mediaType } = jsonOf(bytes);
    if ((Object(subject) as { digest?: unknown }).digest !== this.#subject) return;
    this.#found.set(digest, { mediaType: String(mediaType), digest, size: bytes.length, annotations: {} });
  }

  /** Tools write digests as they are; nothing that lacks ours is parsed. */
  #namesSubject(bytes: Buffer): boolean {
    return bytes.includes(hexOf(this.#subject));
  }

  /** @returns undefined for what does not matter, and for what is not looked at any more */
  async #read(digest: Digest, isWanted: (bytes: Buffer) => boolean): Promise<Buffer | undefined> {
    if (this.#bytes >= this.#limits.bytes) {
      if (!this.#isSpent) this.#faults.push(this.#folder.faults.tooMany('manifests', `${this.#limits.bytes} bytes`));
      this.#isSpent = true;
      return undefined;
    }
    const count = (bytes: number) => {
      this.#bytes += bytes;
    };
    const bytes = await this.#folder.read(blobPath(digest), MAX_MANIFEST_BYTES, this.#signal, count);
    if (!isWanted(bytes)) return undefined;
    this.#folder.requireDigest(digest, bytes);
    return bytes;
  }

  /** What cannot be read hides nothing of the rest. */
  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (this.#signal.aborted || !(error instanceof WeighlockError)) throw error;
      if (this.#faults.length < MAX_REFERRERS) this.#faults.push(error);
    }
  }
}

/** The parts of a JSON object; none where it is something else. */
function jsonOf(bytes: Buffer): { readonly subject?: unknown; readonly mediaType?: unknown } {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof WeighlockError) return {};
    throw error;
  }
}
