import { entryText, type PathBytes, toBuffer } from '../fs/index.ts';
import type { LayoutItem } from '../layout/index.ts';
import { hexOf } from '../registry/index.ts';
import type { PullContext } from './context.ts';
import type { PulledFile } from './protocol.ts';

/** Path of an entry below the staging folder's content, as bytes. */
export function stagedPath(content: string | undefined, path: PathBytes): Buffer | undefined {
  return content === undefined ? undefined : Buffer.concat([Buffer.from(`${content}/`), toBuffer(path)]);
}

/**
 * Fetches a blob that is a file. What an earlier attempt left is hashed and continued; if the whole
 * then has the wrong digest, it was not ours, or a mirror's, and the blob is fetched once more from
 * the beginning, from the registry itself.
 */
export async function pullFile(item: LayoutItem & { kind: 'file' }, context: PullContext): Promise<PulledFile> {
  const { descriptor, path } = item;
  const { repository, content, signal, count } = context;
  const writer = await context.openPlain(stagedPath(content, path), path, descriptor.size);
  const sink = (chunk: Buffer) => {
    count(chunk.length);
    return writer.write(chunk);
  };
  const keptSink = (piece: Buffer) => {
    count(piece.length);
    return writer.writeKept(piece);
  };
  try {
    const found = await writer.reuse(descriptor.size, count);
    for (let isLast = found === 0 && !repository.hasMirrors; ; isLast = true) {
      const upstreamOnly = isLast;
      const restart = () => writer.restart();
      await repository.blob(descriptor, { offset: () => writer.size, sink, keptSink, restart }, signal, {
        upstreamOnly,
      });
      const sha256 = await writer.finish();
      if (sha256 === hexOf(descriptor.digest)) return { path, size: descriptor.size, sha256, ...writer.content() };
      await writer.restart();
      if (isLast) {
        const { digest } = descriptor;
        throw repository.wrongContent({ digest, file: entryText(path), expected: hexOf(digest), found: sha256 });
      }
    }
  } finally {
    await writer.close();
  }
}
