import type { Engine } from './engine.ts';
import type { LaneHasher } from './lanes/index.ts';
import type { StreamHashers } from './ring-server.ts';

/** One engine for each stream, one stream after the other. */
export function hashersOf(engines: readonly Engine[]): StreamHashers {
  const engine = (stream: number): Engine => {
    const one = engines[stream];
    if (one === undefined) throw new Error('no such stream');
    return one;
  };
  return {
    begin: (stream) => engine(stream).init(),
    feed(stream, bytes) {
      engine(stream).update(bytes);
      return bytes.length;
    },
    isFull: true,
    run() {},
    end: (stream) => engine(stream).digest(),
    drop() {},
  };
}

/** What is copied into a lane at once: it is still in the second-level cache when it is hashed. */
const FED_BYTES = 1 << 17;

/**
 * The streams in the lanes of the multi-buffer kernel: all that have bytes at a time are hashed
 * together.
 */
export function hashersInLanes(hasher: LaneHasher): StreamHashers {
  const isOver = new Set<number>();
  return {
    begin(stream) {
      isOver.delete(stream);
      hasher.begin(stream);
    },
    feed(stream, bytes) {
      if (!hasher.isIdle(stream)) return 0;
      const room = hasher.room(stream);
      const part = bytes.subarray(0, Math.min(room.length, FED_BYTES));
      part.copy(room);
      hasher.add(stream, part.length);
      return part.length;
    },
    get isFull() {
      return hasher.isFull;
    },
    run: () => hasher.run(),
    end(stream) {
      if (!isOver.has(stream) && hasher.isIdle(stream)) {
        hasher.end(stream);
        isOver.add(stream);
      }
      if (!isOver.has(stream) || !hasher.isIdle(stream)) return undefined;
      isOver.delete(stream);
      return hasher.digest(stream);
    },
    drop(stream) {
      isOver.delete(stream);
      hasher.drop(stream);
    },
  };
}
