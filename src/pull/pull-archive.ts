import { rmSync } from 'node:fs';
import type { LayoutItem } from '../layout/index.ts';
import { digestOf, hexOf } from '../registry/index.ts';
import { ArchiveStream, CannotGoOn, MAX_BEGINNINGS, type Unpacked } from './archive-stream.ts';
import type { PullContext } from './context.ts';
import { recordOf, recordPaths, saveRecord } from './frames.ts';
import type { Placement } from './member-writer.ts';
import type { PulledFile } from './protocol.ts';
import { stagedPath } from './pull-file.ts';
import { repack } from './repack.ts';

type ArchiveItem = LayoutItem & { kind: 'archive' };

/**
 * Streams an archive into the files it is made of. A broken connection resumes; where it cannot, or
 * where a mirror sent something else, what was written is taken away and the archive begun anew.
 */
export async function pullArchive(item: ArchiveItem, place: Placement, context: PullContext): Promise<PulledFile[]> {
  const known = await leftover(item, place, context);
  if (known !== undefined) return known;
  for (let beginning = 1; ; beginning++) {
    const last = beginning === MAX_BEGINNINGS;
    const unpacked = await attempt(item, place, context, beginning > 1, last);
    if (unpacked === undefined) continue;
    const { files, frames } = unpacked;
    if (frames !== undefined && item.unpackedDigest !== undefined && context.records !== undefined) {
      const paths = files.map(({ path }) => path);
      saveRecord(context.records, recordOf(item.unpackedDigest, frames, paths));
    }
    return [...files];
  }
}

/** @returns undefined when it is to be begun anew */
async function attempt(
  { descriptor, compression, unpackedDigest }: ArchiveItem,
  place: Placement,
  context: PullContext,
  upstreamOnly: boolean,
  last: boolean,
): Promise<Unpacked | undefined> {
  const { repository, signal, count } = context;
  const tools = await context.borrowArchiveTools();
  const stream = new ArchiveStream(compression, place, context.content, tools, context.budget);
  let received = 0;
  try {
    await repository.blob(
      descriptor,
      {
        offset: () => received,
        sink: async (chunk) => {
          await stream.push(chunk);
          received += chunk.length;
          count(chunk.length);
        },
        restart: () => {
          throw new CannotGoOn('registry');
        },
      },
      signal,
      { upstreamOnly },
    );
    const unpacked = await stream.finish();
    const found = unpacked.packedSha256;
    const { digest } = descriptor;
    if (found !== hexOf(digest)) throw repository.wrongContent({ digest, expected: hexOf(digest), found });
    const inside = unpacked.unpackedSha256;
    if (unpackedDigest !== undefined && digestOf(inside) !== unpackedDigest)
      throw repository.wrongContent({
        digest,
        expected: `unpacked ${hexOf(unpackedDigest)}`,
        found: `unpacked ${inside}`,
      });
    return unpacked;
  } catch (error) {
    await stream.undo();
    const another = error instanceof CannotGoOn || (repository.hasMirrors && !upstreamOnly);
    if (!another || last || signal.aborted || received === 0) throw error;
    return undefined;
  } finally {
    await stream.close();
    context.returnArchiveTools(tools);
  }
}

/**
 * The files of an archive that an earlier run left; what does not prove itself is taken away to be
 * fetched.
 */
async function leftover(
  { unpackedDigest }: ArchiveItem,
  place: Placement,
  context: PullContext,
): Promise<PulledFile[] | undefined> {
  const { known, content } = context;
  if (unpackedDigest === undefined || known === undefined) return undefined;
  const files = await repack(unpackedDigest, place, context, known);
  if (files !== undefined || content !== known.folder) return files;
  for (const record of known.records.filter(({ digest }) => digest === unpackedDigest)) {
    for (const path of recordPaths(record)) {
      const staged = stagedPath(content, path);
      if (staged !== undefined) rmSync(staged, { force: true });
    }
  }
  return undefined;
}
