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
import type { LayoutFolder, SmallBlob } from './layout-folder.ts';
import { MAX_BLOBS_SEEN, MAX_BYTES_SEARCHED } from './limits.ts';

/**
 * Looks for everything that says it refers to a digest. What `index.json` lists comes first (`oras copy` puts referrers
 * there, and copies of registries the tag `sha256-<hex>`), then the blobs that nobody lists: `cosign save` leaves bundles
 * out of the index. Whoever writes the layout may put a million of them there; what is not looked at is told.
 */
export class ReferrerSearch {
  readonly #folder: LayoutFolder;
  readonly #subject: Digest;
  readonly #signal: AbortSignal;
  readonly #found = new Map<Digest, Descriptor>();
  readonly #seen = new Set<Digest>();
  readonly #faults: WeighlockError[] = [];
  #bytes = 0;
  #isSpent = false;

  constructor(folder: LayoutFolder, subject: Digest, signal: AbortSignal) {
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
      await this.#attempt(() => (isList ? this.#list(entry) : this.#look(entry)));
    }
    await this.#attempt(() => this.#lookAtAll());
    return { descriptors: [...this.#found.values()].slice(0, MAX_REFERRERS), faults: this.#faults };
  }

  /** The list that a registry without referrers keeps under a tag. */
  async #list({ digest }: Descriptor): Promise<void> {
    const { descriptors, fault } = parseReferrers(await this.#read(digest));
    if (fault !== undefined) this.#faults.push(fault);
    for (const one of descriptors) await this.#attempt(() => this.#look(one));
  }

  async #lookAtAll(): Promise<void> {
    const { blobs, isAll } = await this.#folder.smallBlobs(MAX_MANIFEST_BYTES, this.#signal);
    if (!isAll) this.#faults.push(this.#folder.faults.tooMany('blobs', `${MAX_BLOBS_SEEN} blobs`));
    for (const blob of blobs) await this.#attempt(() => this.#look(blob));
  }

  /** Takes a blob that is a manifest with our subject. What it is attached as, its own manifest says. */
  async #look({ digest, size }: Pick<SmallBlob, 'digest' | 'size'>): Promise<void> {
    if (this.#seen.has(digest) || !this.#mayRead(size)) return;
    this.#seen.add(digest);
    const bytes = await this.#read(digest);
    // Tools write digests as they are; nothing that lacks ours is parsed.
    if (!bytes.includes(hexOf(this.#subject))) return;
    const json = jsonOf(bytes);
    const subject = json?.['subject'];
    const { digest: named } = Object(subject) as { digest?: unknown };
    if (named !== this.#subject) return;
    const mediaType = String(json?.['mediaType'] ?? '');
    this.#found.set(digest, { mediaType, digest, size: bytes.length, annotations: {} });
  }

  async #read(digest: Digest): Promise<Buffer> {
    const bytes = await this.#folder.readBlob(digest, MAX_MANIFEST_BYTES, this.#signal);
    this.#bytes += bytes.length;
    return bytes;
  }

  /** Says so once when there is more than is looked at; every blob after that is left alone. */
  #mayRead(size: number): boolean {
    const isOver = this.#bytes + size > MAX_BYTES_SEARCHED;
    if (isOver && !this.#isSpent) {
      this.#isSpent = true;
      this.#faults.push(this.#folder.faults.tooMany('manifests', `${MAX_BYTES_SEARCHED} bytes`));
    }
    return !this.#isSpent;
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

function jsonOf(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof WeighlockError) return undefined;
    throw error;
  }
}
