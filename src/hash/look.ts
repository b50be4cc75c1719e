import { AGAIN, EntryReader, type FileTable, nameAt, namesOf } from '../fs/index.ts';
import { type Control, checkStop, Stopped } from './control.ts';
import { Input } from './input.ts';
import type { Unseen } from './protocol.ts';
import type { Inputs } from './queue.ts';

/**
 * Larger files are hashed when all are known, the largest first. What is at most this large is read at once, and hashed
 * through the descriptor that it was looked at with: opening and closing it twice would take longer than hashing it.
 */
export const MOST_SMALL_BYTES = 1 << 17;

/**
 * The small ones among files that nobody had looked at. Of the others is taken down what they are, and those that are no regular file
 * any more, or change under our eyes, are listed again later.
 */
export function unseenInputs({ root, files }: Unseen, control: Control): Inputs {
  const work = { listing: { root, files } };
  const order = asNumbered(files);
  const names = namesOf(files);
  let next = 0;
  const take = () => {
    while (next < order.length) {
      const index = order[next++] ?? 0;
      checkStop(control);
      const path = files.targets.get(index) ?? names[index] ?? nameAt(files, index);
      const reader = EntryReader.openUnseen(root, path, files, index, MOST_SMALL_BYTES);
      if (reader === undefined) continue;
      const length = files.size[index] ?? 0;
      return { next: { work, task: 0, index, length }, input: new Input(reader, control) };
    }
    return undefined;
  };
  const failed: Inputs['failed'] = ({ index }, error) => {
    if (error instanceof Stopped) throw error;
    files.hashed[index] = AGAIN;
  };
  return { take, failed };
}

/** Shorter names first, and the others as they come: numbered files are in the order of their numbers then. */
function asNumbered({ nameEnd, count }: FileTable): Uint32Array {
  const byLength = new Map<number, number[]>();
  for (let i = 0, start = 0; i < count; i++) {
    const end = nameEnd[i] ?? 0;
    const same = byLength.get(end - start);
    if (same === undefined) byLength.set(end - start, [i]);
    else same.push(i);
    start = end;
  }
  const lengths = [...byLength.keys()].sort((a, b) => a - b);
  return Uint32Array.from(lengths.flatMap((length) => byLength.get(length) ?? []));
}
