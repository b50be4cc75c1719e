import { type Digest, digestOf } from '../registry/index.ts';
import { ArchiveStream } from './archive-stream.ts';
import { createBudget } from './budget.ts';
import type { PullTools } from './context.ts';
import { contentOf, framesOf, type KnownFiles } from './frames.ts';
import type { Placement } from './member-writer.ts';
import type { PulledFile } from './protocol.ts';
import { stagedPath } from './pull-file.ts';

/**
 * The files of an archive that was unpacked earlier, if the archive that they make up again, with
 * the framing that was kept, has this digest. Nothing of what was kept is trusted: the names and
 * sizes are read out of the archive anew.
 *
 * @param digest - of the uncompressed archive
 */
export async function repack(
  digest: Digest,
  place: Placement,
  tools: PullTools,
  { folder, records }: KnownFiles,
): Promise<PulledFile[] | undefined> {
  const record = records.find((candidate) => candidate.digest === digest);
  if (record === undefined) return undefined;
  const archiveTools = await tools.borrowArchiveTools();
  const stream = new ArchiveStream('none', place, undefined, archiveTools, createBudget());
  try {
    await stream.repack(framesOf(record), (path, size) => {
      tools.signal.throwIfAborted();
      tools.count(size);
      return contentOf(stagedPath(folder, path) ?? Buffer.alloc(0), size);
    });
    const { unpackedSha256, files } = await stream.finish();
    return digestOf(unpackedSha256) === digest ? [...files] : undefined;
  } catch (error) {
    tools.signal.throwIfAborted();
    // Whatever is wrong with it, it is no proof; only a hasher that fails is more than that.
    if (error instanceof Error && error.name === 'Stopped') throw error;
    return undefined;
  } finally {
    await stream.close();
    tools.returnArchiveTools(archiveTools);
  }
}
