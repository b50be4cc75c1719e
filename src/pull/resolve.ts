import { WeighlockError } from '../error/index.ts';
import { layOut } from '../layout/index.ts';
import { type ArtifactSource, childOf, type Digest, parseJson } from '../registry/index.ts';
import type { Resolved, ResolveRequest } from './protocol.ts';

/** Finds out, once, what a reference names and which files that is made of. */
export async function resolveArtifact(
  source: ArtifactSource,
  { platform, allowUnknownLayers }: ResolveRequest,
  signal: AbortSignal,
): Promise<Resolved> {
  const top = await source.top(signal);
  const { digest, document } = top;
  const child =
    document.kind === 'index' ? await childOf(source, { ...top, document }, platform, signal) : { digest, document };
  const { config } = child.document;
  const needed = /\+json$/.test(config.mediaType) && !config.mediaType.endsWith('.empty.v1+json');
  const bytesOfConfig = needed ? await source.smallBlob(config, signal) : undefined;
  const parsed = bytesOfConfig === undefined ? {} : saidWith(source, config.digest, () => parseJson(bytesOfConfig));
  const layout = saidWith(source, child.digest, () => layOut(child.document, parsed, allowUnknownLayers));
  const bytes = layout.items.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return { digest, manifest: child.digest, layout, bytes };
}

/** Does something with a document; what is wrong with it is said with where it lies. */
function saidWith<T>(source: ArtifactSource, document: Digest, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof WeighlockError ? source.within(document, error) : error;
  }
}
