import type { FileTable } from '../fs/index.ts';

/**
 * Files that are hashed although a receipt has them: chosen byte by byte, so that a file of twice
 * the size is twice as likely, until they have this share of all bytes. A digest is of a whole
 * file, so it is at least that share.
 *
 * @param share - above 0, at most 1
 * @param random - 0 to 1, which nobody can predict
 */
export function chooseFiles({ count, size, totalBytes }: FileTable, share: number, random: () => number): Set<number> {
  const chosen = new Set<number>();
  if (count === 0) return chosen;
  if (share >= 1) return new Set(Array.from({ length: count }, (_, i) => i));
  // Where each file ends among all bytes.
  const ends = new Float64Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    end += size[i] ?? 0;
    ends[i] = end;
  }
  const wanted = share * totalBytes;
  let bytes = 0;
  for (let tries = 0; chosen.size < count && (bytes < wanted || chosen.size === 0); tries++) {
    // Small files beside large ones are hardly ever hit: after many tries, one after the other.
    const index = tries < 64 * count ? indexOf(ends, random() * end) : firstOther(chosen);
    if (chosen.has(index)) continue;
    chosen.add(index);
    bytes += size[index] ?? 0;
  }
  return chosen;
}

/** The first file that ends behind a byte. */
function indexOf(ends: Float64Array, byte: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] ?? 0) > byte) high = middle;
    else low = middle + 1;
  }
  return low;
}

function firstOther(chosen: ReadonlySet<number>): number {
  let index = 0;
  while (chosen.has(index)) index++;
  return index;
}
