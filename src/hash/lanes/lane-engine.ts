import type { Engine } from '../engine.ts';
import { LANES, type LaneHasher } from './lane-hasher.ts';

/**
 * One lane as an engine, for the known-answer test and the test vectors.
 *
 * @param together - the other lanes hash something else meanwhile, so that it goes through the vector registers
 */
export function laneEngine(hasher: LaneHasher, lane: number, together: boolean): Engine {
  const others = together ? Array.from({ length: LANES }, (_, i) => i).filter((other) => other !== lane) : [];
  const run = () => {
    while (!hasher.isIdle(lane)) {
      for (const other of others) {
        if (!hasher.isIdle(other)) continue;
        const room = hasher.room(other);
        room.fill(other, 0, 16_384);
        hasher.add(other, 16_384);
      }
      hasher.run();
    }
  };
  return {
    name: 'wasm',
    chunkBytes: 1 << 17,
    init() {
      for (let other = 0; other < LANES; other++) hasher.drop(other);
      hasher.begin(lane);
      for (const other of others) hasher.begin(other);
    },
    update(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const room = hasher.room(lane);
        const piece = chunk.subarray(at, at + room.length);
        room.set(piece);
        hasher.add(lane, piece.length);
        at += piece.length;
        run();
      }
    },
    digest() {
      hasher.end(lane);
      run();
      const digest = hasher.digest(lane);
      for (const other of others) hasher.drop(other);
      return digest;
    },
  };
}
