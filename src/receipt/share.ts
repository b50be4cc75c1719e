import type { FileTable } from '../fs/index.ts';

/** Opening a file costs about as much as hashing so many bytes. */
const OPEN_BYTES = 64 << 10;

/** One of several parts of a verification. */
export interface Part {
  /** From 0. */
  readonly index: number;
  readonly of: number;
}

/** More parts than any Job has pods for. */
export const MOST_PARTS = 10_000;

/**
 * Which part hashes which file: the largest first, each to the part that has least so far, of
 * several the first. Whoever has the same list comes to the same shares, without asking anybody.
 *
 * @returns the number of a part for each file
 */
export function shares({ count, size }: Pick<FileTable, 'count' | 'size'>, of: number): Uint32Array {
  const order = Float64Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => (size[b] ?? 0) - (size[a] ?? 0) || a - b);
  const share = new Uint32Array(count);
  const heap = new LeastFirst(of);
  for (const index of order) share[index] = heap.add((size[index] ?? 0) + OPEN_BYTES);
  return share;
}

/** Parts by what they have so far: a binary heap, the part with least on top. */
class LeastFirst {
  readonly #load: Float64Array;
  readonly #heap: Uint32Array;

  constructor(parts: number) {
    this.#load = new Float64Array(parts);
    this.#heap = Uint32Array.from({ length: parts }, (_, i) => i);
  }

  /** Gives something to the part that has least. @returns its number */
  add(bytes: number): number {
    const part = this.#heap[0] ?? 0;
    this.#load[part] = (this.#load[part] ?? 0) + bytes;
    this.#sink();
    return part;
  }

  #sink(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && this.#isBefore(heap[left] ?? 0, heap[least] ?? 0)) least = left;
      if (right < heap.length && this.#isBefore(heap[right] ?? 0, heap[least] ?? 0)) least = right;
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least] ?? 0, heap[at] ?? 0];
      at = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#load[one] ?? 0, this.#load[other] ?? 0];
    return a === b ? one < other : a < b;
  }
}
