import { WeighlockError } from '../error/index.ts';
import {
  type ArtifactSource,
  type BlobTask,
  type Descriptor,
  type Digest,
  type Fetched,
  hexOf,
  type Index,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseDigest,
  parseJson,
  parseManifest,
  parseReferrers,
  type Referrers,
  type WrongContent,
} from '../registry/index.ts';
import { chooseEntry, isCosignAttachment, tagOf } from './choose.ts';
import { blobPath, LayoutFolder } from './layout-folder.ts';
import { MAX_MARKER_BYTES, SEARCH_LIMITS } from './limits.ts';
import type { LayoutReference } from './reference.ts';
import { ReferrerSearch } from './search.ts';

/** The entries of `index.json`, and what is wrong with those that cannot be used. */
interface Entries {
  readonly entries: readonly Descriptor[];
  readonly fault?: WeighlockError;
}

/**
 * Reads an OCI image layout (image-spec, image-layout.md), as `cosign save`,
 * `oras copy --to-oci-layout` and `skopeo copy oci:` write it. Nothing in it is believed: each blob
 * has the size and digest that it is asked for by.
 */
export class ImageLayout implements ArtifactSource {
  readonly hasMirrors = false;
  readonly missingPlatform = 'FILE_MISSING';
  readonly #reference: LayoutReference;
  readonly #folder: LayoutFolder;
  #loaded: Promise<Entries> | undefined;

  /**
   * @param onProgress - called for everything that is looked at before blobs are streamed: how much
   * that is, the layout's writer decides
   */
  constructor(reference: LayoutReference, onProgress: () => void = () => {}) {
    this.#reference = reference;
    this.#folder = new LayoutFolder(reference.path, onProgress);
  }

  async close(): Promise<void> {
    this.#folder.close();
  }

  async top(signal: AbortSignal): Promise<Fetched<Manifest | Index>> {
    const { tag, digest } = this.#reference;
    return this.manifest(digest ?? (await this.#choose(tag, signal)), signal);
  }

  async manifest(which: Digest | string, signal: AbortSignal): Promise<Fetched<Manifest | Index>> {
    const { entries } = await this.#load(signal);
    const digest = parseDigest(which) ?? (await this.#choose(which, signal));
    const bytes = await this.#folder.readBlob(digest, MAX_MANIFEST_BYTES, signal);
    const listed = entries.filter((entry) => entry.digest === digest);
    for (const { size } of listed) this.#folder.requireSize(digest, size, bytes.length);
    // CVE-2021-41190: each that lists it must list it as what it is.
    const [document] = [undefined, ...listed.map(({ mediaType }) => mediaType)].map((type) =>
      this.#folder.faults.within(blobPath(digest), () => parseManifest(bytes, type)),
    ) as [Manifest | Index];
    return { digest, size: bytes.length, document };
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<Referrers> {
    const { entries, fault } = await this.#load(signal);
    return new ReferrerSearch(this.#folder, subject, signal).run(entries, fault);
  }

  /** What cosign marks does not say of which artifact it is: the signatures themselves do. */
  async attached(subject: Digest, signal: AbortSignal): Promise<readonly string[]> {
    const { entries } = await this.#load(signal);
    const tags = ['sig', 'att'].map((suffix) => `sha256-${hexOf(subject)}.${suffix}`);
    const found = entries.filter((one) => isCosignAttachment(one) || tags.includes(tagOf(one) ?? ''));
    return [...new Set(found.map(({ digest }) => digest))];
  }

  async smallBlob({ digest, size }: Descriptor, signal: AbortSignal, mostBytes = MAX_MANIFEST_BYTES): Promise<Buffer> {
    if (size > mostBytes) throw this.#folder.faults.tooLarge(blobPath(digest), mostBytes);
    const bytes = await this.#folder.readBlob(digest, mostBytes, signal);
    this.#folder.requireSize(digest, size, bytes.length);
    return bytes;
  }

  blob(descriptor: Descriptor, { offset, sink }: BlobTask, signal: AbortSignal): Promise<void> {
    return this.#folder.streamBlob(descriptor, offset(), sink, signal);
  }

  within(manifest: Digest, error: WeighlockError): WeighlockError {
    return this.#folder.faults.of(error, blobPath(manifest));
  }

  wrongContent({ digest, file, expected, found }: WrongContent): WeighlockError {
    return this.#folder.mismatch(digest, expected, found, file === undefined ? '' : ` (${file})`);
  }

  async #choose(tag: string | undefined, signal: AbortSignal): Promise<Digest> {
    const { entries, fault } = await this.#load(signal);
    let bytes = 0;
    const isReferrer = async (digest: Digest) => {
      if (bytes > SEARCH_LIMITS.bytes) throw this.#folder.faults.tooMany('manifests', `${SEARCH_LIMITS.bytes} bytes`);
      const { size, document } = await this.manifest(digest, signal);
      bytes += size;
      return document.kind === 'manifest' && document.subject !== undefined;
    };
    try {
      return await chooseEntry(entries, tag, isReferrer, this.#folder.faults);
    } catch (error) {
      // It may be among those that cannot be used.
      if (error instanceof WeighlockError && error.code === 'FILE_MISSING') throw fault ?? error;
      throw error;
    }
  }

  /** Reads what every layout has, once; a layout that was refused stays so. */
  #load(signal: AbortSignal): Promise<Entries> {
    this.#loaded ??= this.#readIndex(signal);
    return this.#loaded;
  }

  async #readIndex(signal: AbortSignal): Promise<Entries> {
    const { faults } = this.#folder;
    const marker = await this.#folder.read('oci-layout', MAX_MARKER_BYTES, signal);
    const { imageLayoutVersion: version } = faults.within('oci-layout', () => parseJson(marker));
    if (version !== '1.0.0')
      throw faults.unusable(
        'oci-layout',
        'a version of layouts that is not known',
        String(version).slice(0, 100),
        '1.0.0',
      );
    const bytes = await this.#folder.read('index.json', MAX_MANIFEST_BYTES, signal);
    return faults.within('index.json', () => {
      const { descriptors, fault } = parseReferrers(bytes);
      return { entries: descriptors, ...(fault === undefined ? {} : { fault: faults.of(fault, 'index.json') }) };
    });
  }
}
