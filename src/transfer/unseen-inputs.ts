import {
  AGAIN,
  AT_FDCWD,
  deviceAt,
  EntryReader,
  type FileTable,
  nameAt,
  namesOf,
  type PathBytes,
} from '../fs/index.ts';
import { Stopped } from '../hash/index.ts';
import { FileInput } from './file-input.ts';
import { FileInputs } from './file-inputs.ts';
import type { Unseen } from './protocol.ts';
import type { ReadingThread } from './thread.ts';

/**
 * Larger files are hashed when all are known, the largest first. What is at most this large is read
 * at once, and hashed through the descriptor that it was looked at with: opening and closing it
 * twice would take longer than hashing it.
 */
export const MOST_SMALL_BYTES = 1 << 17;

/**
 * The small ones among files that nobody had looked at. Of the others is taken down what they are,
 * and those that are no regular file any more, or change under our eyes, are listed again later.
 */
export function unseenInputs({ root, files, first }: Unseen, thread: ReadingThread): FileInputs {
  const work = { listing: { root, files } };
  const order = asNumbered(files, first);
  const names = namesOf(files, first);
  const pathOf = (index: number): PathBytes => files.targets.get(index) ?? names[index - first] ?? nameAt(files, index);
  const inputOf = (index: number, reader: EntryReader | undefined, from: number): FileInput | undefined => {
    const opening = performance.now() - from;
    const deviceOf = () => deviceAt(files, index);
    // Where a folder lies its files lie, almost always; and what is found out about the next one
    // makes that right.
    if (thread.pace.isAnySlow) thread.likelyDevice = deviceOf();
    return reader && new FileInput(reader, thread, deviceOf, { opening });
  };
  let at = 0;
  return new FileInputs(
    {
      next() {
        const index = order[at++];
        return index === undefined ? undefined : { work, task: 0, index, length: 0 };
      },
      // In the working folder of the process are only volumes of this machine.
      isSlow: () => root !== AT_FDCWD && thread.pace.isSlow(() => thread.likelyDevice),
      open({ index }) {
        const from = performance.now();
        return inputOf(index, EntryReader.openUnseen(root, pathOf(index), files, index, MOST_SMALL_BYTES), from);
      },
      place: ({ index }) => [root, pathOf(index)],
      opened({ index }, descriptor, stat) {
        const from = performance.now();
        const listed = { root, table: files, index };
        const close = (one: number) => thread.reads.close(one);
        return inputOf(index, EntryReader.openedUnseen(descriptor, stat, listed, MOST_SMALL_BYTES, close), from);
      },
      fault({ index }) {
        files.hashed[index] = AGAIN;
        return undefined;
      },
      failed({ index }, error) {
        if (error instanceof Stopped) throw error;
        files.hashed[index] = AGAIN;
      },
    },
    thread,
  );
}

/**
 * Shorter names first, and the others as they come: numbered files are in the order of their
 * numbers then.
 */
function asNumbered({ nameEnd, count }: FileTable, first: number): Uint32Array {
  const byLength = new Map<number, number[]>();
  for (let i = first, start = nameEnd[first - 1] ?? 0; i < count; i++) {
    const end = nameEnd[i] ?? 0;
    const same = byLength.get(end - start);
    if (same === undefined) byLength.set(end - start, [i]);
    else same.push(i);
    start = end;
  }
  const lengths = [...byLength.keys()].sort((a, b) => a - b);
  return Uint32Array.from(lengths.flatMap((length) => byLength.get(length) ?? []));
}
