import { WeighlockError } from '../error/index.ts';
import type { ArtifactSource, Fetched } from './artifact-source.ts';
import type { Index, Manifest, Platform } from './manifest.ts';
import { choosePlatform, platformText } from './platform.ts';

/** Picks the manifest of a platform out of an index; its digest and size are checked when it is fetched. */
export async function childOf(
  source: ArtifactSource,
  index: Index,
  platform: Platform,
  signal: AbortSignal,
): Promise<Fetched<Manifest>> {
  const chosen = choosePlatform(index, platform);
  if (chosen === undefined) {
    const offered = index.manifests.map((entry) => platformText(entry.platform)).join(', ');
    throw new WeighlockError({
      code: source.missingPlatform,
      message: `the index has nothing for ${platformText(platform)}`,
      found: offered === '' ? 'nothing at all' : offered.slice(0, 500),
      remedy: 'choose one with --platform',
    });
  }
  const { digest, size, document } = await source.manifest(chosen.digest, signal, {
    isExpected: true,
    missing: 'SOURCE_UNAVAILABLE',
  });
  if (size !== chosen.size) {
    throw new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: 'the manifest in the index is not what the index promises',
      expected: `${chosen.size} bytes`,
      found: `${size} bytes`,
      remedy: 'whoever sends or stores this sends other content: do not use it',
    });
  }
  if (document.kind === 'index') {
    throw new WeighlockError({
      code: 'UNSAFE_ENTRY',
      message: 'an index inside an index',
      remedy: 'push the artifact again with a current tool',
    });
  }
  return { digest, size, document };
}
