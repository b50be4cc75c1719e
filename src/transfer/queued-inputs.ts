import { deviceAt, EntryReader, openFault, openPathAt } from '../fs/index.ts';
import { type HashRequest, type Next, takeNext } from '../hash/index.ts';
import { createCopy } from './copy.ts';
import { FileInput } from './file-input.ts';
import { FileInputs } from './file-inputs.ts';
import type { ReadingThread } from './thread.ts';

/** The files of a request, off the queue that all threads have in common. */
export function queuedInputs(
  request: HashRequest,
  thread: ReadingThread,
  failed: (next: Next, error: unknown) => void,
): FileInputs {
  const deviceOf = ({ work, index }: Next) => deviceAt(work.listing.files, index);
  const inputOf = (next: Next, makeReader: () => EntryReader): FileInput => {
    const { work, index } = next;
    const { copyTo, listing, isAgain = false } = work;
    const makeCopy = copyTo === undefined ? undefined : () => createCopy(copyTo, listing.files, index, isAgain);
    const from = performance.now();
    const reader = makeReader();
    return new FileInput(reader, thread, () => deviceOf(next), { opening: performance.now() - from, makeCopy });
  };
  const listed = ({ work: { listing }, index, shard }: Next) => ({
    root: listing.root,
    table: listing.files,
    index,
    range: shard,
  });
  return new FileInputs(
    {
      next: () => takeNext(request, thread.control),
      isSlow: (next) => thread.pace.isSlow(() => deviceOf(next)),
      open: (next) => inputOf(next, () => EntryReader.open(listed(next))),
      place: ({ work: { listing }, index }) => [listing.root, openPathAt(listing.files, index)],
      opened: (next, descriptor, stat) =>
        inputOf(next, () => EntryReader.opened(descriptor, stat, listed(next), (one) => thread.reads.close(one))),
      fault: ({ work, index }, error) => openFault(work.listing.files, index, error),
      failed,
    },
    thread,
  );
}
