import { EXIT, EXIT_CODE_OF, failureOf, WeighlockError } from '../error/index.ts';
import {
  type ArtifactSource,
  type Descriptor,
  type Digest,
  MAX_SIGNATURE_BYTES,
  MAX_SIGNATURES,
  MAX_SIGNATURES_BYTES,
  type Manifest,
  parseDigest,
} from '../registry/index.ts';
import type { StoredForm, StoredLayer, StoredSignatures, UnreadPlace } from './protocol.ts';

const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle/;
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
const COSIGN_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const ENVELOPE = /^application\/vnd\.(dsse\.envelope\.v1|in-toto)\+json$/;

/**
 * Fetches everything that is stored as a signature or attestation of a manifest: as referrers (new
 * bundles, and the older forms), and under the tags `sha256-<hex>.sig` and `.att`. Each of these
 * places stands for itself: one that cannot be read hides nothing of the others, and is told
 * beside, so that "no signature" is never said of what nobody saw.
 *
 * @param digest - of the manifest or index that was resolved
 */
export async function storedSignatures(
  repository: ArtifactSource,
  digest: Digest,
  signal: AbortSignal,
): Promise<StoredSignatures> {
  const found = new Collector(repository, signal);
  await found.place('the list of referrers', async () => {
    const { descriptors, faults } = await repository.referrers(digest, signal);
    for (const fault of faults) found.unread.push({ where: 'the list of referrers', failure: failureOf(fault) });
    for (const referrer of descriptors.filter(mayBeSignature)) {
      await found.place(referrer.digest, async () => {
        const { document } = await repository.manifest(referrer.digest, signal, { isExpected: true });
        // S21: a referrer that refers to something else.
        if (document.kind !== 'manifest' || document.subject?.digest !== digest) return;
        await found.add(document, referrer.digest);
      });
    }
  });
  let attached: readonly string[] = [];
  await found.place('the list of what is attached', async () => {
    attached = await repository.attached(digest, signal);
  });
  for (const tag of attached) {
    await found.place(tag, async () => {
      const manifest = await manifestAt(repository, tag, signal);
      if (manifest !== undefined) await found.add(manifest, tag);
    });
  }
  return { layers: found.layers, unread: found.unread };
}

/** Old registries leave the type of a referrer out; then its manifest has to be looked at. */
function mayBeSignature({ artifactType }: Descriptor): boolean {
  if (artifactType === undefined || artifactType === 'application/vnd.oci.empty.v1+json') return true;
  // OpenSSF Model Signing has no type of its own yet (OMS section 9): tools name theirs after it.
  const isModel = /model[-_.]?sign/i.test(artifactType);
  return isModel || BUNDLE.test(artifactType) || artifactType === COSIGN_ARTIFACT || artifactType.includes('in-toto');
}

async function manifestAt(repository: ArtifactSource, tag: string, signal: AbortSignal): Promise<Manifest | undefined> {
  try {
    const { document } = await repository.manifest(tag, signal);
    return document.kind === 'manifest' ? document : undefined;
  } catch (error) {
    // A tag may be absent; a digest was listed.
    const mayBeAbsent = parseDigest(tag) === undefined;
    if (mayBeAbsent && error instanceof WeighlockError && error.code === 'FILE_MISSING') return undefined;
    throw error;
  }
}

/**
 * Places that a registry may leave unanswered, each after all its tries, before no more of them are
 * asked.
 */
const MAX_UNANSWERED = 8;

/**
 * Exit codes of what concerns one place only; a wrong configuration or a defect of ours ends the
 * whole.
 */
const OF_A_PLACE = new Set<number>([EXIT.notEvaluated, EXIT.verificationFailed]);

class Collector {
  readonly layers: StoredLayer[] = [];
  readonly unread: UnreadPlace[] = [];
  readonly #repository: ArtifactSource;
  readonly #signal: AbortSignal;
  #bytes = 0;

  constructor(repository: ArtifactSource, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** Looks at one place; what is wrong with it is kept, and the next one is looked at. */
  async place(where: string, look: () => Promise<void>): Promise<void> {
    const unanswered = this.unread.filter(({ failure }) => EXIT_CODE_OF[failure.code] === EXIT.notEvaluated);
    if (unanswered.length >= MAX_UNANSWERED) return;
    try {
      await look();
    } catch (error) {
      if (this.#signal.aborted || !(error instanceof WeighlockError)) throw error;
      if (!OF_A_PLACE.has(EXIT_CODE_OF[error.code])) throw error;
      if (this.unread.length < MAX_SIGNATURES) this.unread.push({ where, failure: failureOf(error) });
    }
  }

  async add({ layers }: Manifest, where: string): Promise<void> {
    for (const layer of layers) {
      const form = formOf(layer);
      if (form === undefined) continue;
      await this.place(where, async () => {
        // S10, S11: ten thousand of them, or one without an end.
        if (this.layers.length >= MAX_SIGNATURES || this.#bytes + layer.size > MAX_SIGNATURES_BYTES) throw tooMany();
        this.#bytes += layer.size;
        const bytes = await this.#repository.smallBlob(layer, this.#signal, MAX_SIGNATURE_BYTES, 'FILE_MISSING');
        this.layers.push({ form, bytes, annotations: layer.annotations, where });
      });
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
