import { WeighlockError } from '../error/index.ts';
import type { ArtifactSource, Fetched } from './artifact-source.ts';
import type { Index, Manifest, Platform } from './manifest.ts';
import { choosePlatform, platformText } from './platform.ts';

/**
 * Picks the manifest of a platform out of an index; its digest and size are checked when it is
 * fetched.
 */
export async function childOf(
  source: ArtifactSource,
  { digest: index, document }: Fetched<Index>,
  platform: Platform,
  signal: AbortSignal,
): Promise<Fetched<Manifest>> {
  const chosen = choosePlatform(document, platform);
  if (chosen === undefined) {
    const offered = document.manifests.map((entry) => platformText(entry.platform)).join(', ');
    const missing = new WeighlockError({
      code: source.missingPlatform,
      message: `the index has nothing for ${platformText(platform)}`,
      found: offered === '' ? 'nothing at all' : offered.slice(0, 500),
      remedy: 'choose one with --platform',
    });
    throw source.within(index, missing);
  }
  const child = await source.manifest(chosen.digest, signal, {
    isExpected: true,
    missing: 'SOURCE_UNAVAILABLE',
  });
  if (child.size !== chosen.size) {
    const other = new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: 'the manifest in the index is not what the index promises',
      expected: `${chosen.size} bytes`,
      found: `${child.size} bytes`,
      remedy: 'whoever sends or stores this sends other content: do not use it',
    });
    throw source.within(child.digest, other);
  }
  if (child.document.kind === 'index') {
    const nested = new WeighlockError({
      code: 'UNSAFE_ENTRY',
      message: 'an index inside an index',
      remedy: 'push the artifact again with a current tool',
    });
    throw source.within(child.digest, nested);
  }
  return { ...child, document: child.document };
}
