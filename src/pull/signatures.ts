import { WeighlockError } from '../error/index.ts';
import {
  type Descriptor,
  type Digest,
  hexOf,
  MAX_SIGNATURE_BYTES,
  MAX_SIGNATURES,
  MAX_SIGNATURES_BYTES,
  type Manifest,
  type Repository,
} from '../registry/index.ts';
import type { StoredForm, StoredLayer } from './protocol.ts';

const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle/;
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const COSIGN_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const ENVELOPE = /^application\/vnd\.(dsse\.envelope\.v1|in-toto)\+json$/;

/**
 * Fetches everything that is stored as a signature or attestation of a manifest: as referrers (new bundles, and the older
 * forms), and under the tags `sha256-<hex>.sig` and `.att`. An error of the registry is an error, never "no signature".
 *
 * @param digest - of the manifest or index that was resolved
 */
export async function storedSignatures(
  repository: Repository,
  digest: Digest,
  signal: AbortSignal,
): Promise<StoredLayer[]> {
  const found = new Collector(repository, signal);
  for (const referrer of await repository.referrers(digest, signal)) {
    if (!mayBeSignature(referrer)) continue;
    const { document } = await repository.manifest(referrer.digest, signal);
    // S21: a referrer that refers to something else.
    if (document.kind !== 'manifest' || document.subject?.digest !== digest) continue;
    await found.add(document, referrer.digest);
  }
  for (const suffix of ['sig', 'att']) {
    const tag = `sha256-${hexOf(digest)}.${suffix}`;
    const manifest = await manifestAt(repository, tag, signal);
    if (manifest !== undefined) await found.add(manifest, tag);
  }
  return found.layers;
}

/** Old registries leave the type of a referrer out; then its manifest has to be looked at. */
function mayBeSignature({ artifactType }: Descriptor): boolean {
  if (artifactType === undefined || artifactType === 'application/vnd.oci.empty.v1+json') return true;
  // OpenSSF Model Signing has no type of its own yet (OMS section 9): tools name theirs after it.
  const isModel = /model[-_.]?sign/i.test(artifactType);
  return isModel || BUNDLE.test(artifactType) || artifactType === COSIGN_ARTIFACT || artifactType.includes('in-toto');
}

async function manifestAt(repository: Repository, tag: string, signal: AbortSignal): Promise<Manifest | undefined> {
  try {
    const { document } = await repository.manifest(tag, signal);
    return document.kind === 'manifest' ? document : undefined;
  } catch (error) {
    if (error instanceof WeighlockError && error.code === 'FILE_MISSING') return undefined;
    throw error;
  }
}

class Collector {
  readonly layers: StoredLayer[] = [];
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  #bytes = 0;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  async add({ layers }: Manifest, where: string): Promise<void> {
    for (const layer of layers) {
      const form = formOf(layer);
      if (form === undefined) continue;
      this.#bytes += layer.size;
      // S10, S11: ten thousand of them, or one without an end.
      if (this.layers.length >= MAX_SIGNATURES || this.#bytes > MAX_SIGNATURES_BYTES) throw tooMany();
      const bytes = await this.#repository.smallBlob(layer, this.#signal, MAX_SIGNATURE_BYTES);
      this.layers.push({ form, bytes, annotations: layer.annotations, where });
    }
  }
}

function formOf({ mediaType }: Descriptor): StoredForm | undefined {
  if (BUNDLE.test(mediaType)) return 'bundle';
  if (mediaType === SIMPLE_SIGNING) return 'simplesigning';
  return ENVELOPE.test(mediaType) ? 'envelope' : undefined;
}

function tooMany(): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'more signatures and attestations than anybody needs',
    expected: `at most ${MAX_SIGNATURES} of ${MAX_SIGNATURES_BYTES} bytes together`,
    found: 'more',
    remedy: 'remove what was attached to the artifact, or keep signatures in a repository of their own',
  });
}
