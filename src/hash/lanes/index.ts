import { knownAnswerFault } from '../known-answer.ts';
import { laneEngine } from './lane-engine.ts';
import { LANES, LaneHasher } from './lane-hasher.ts';

export { hashInLanes } from './hash-in-lanes.ts';
export { LANES, LaneHasher };

/**
 * The multi-buffer hasher, after every lane has passed the known-answer test, alone and beside the others.
 *
 * @returns undefined where it cannot be had (a processor or a Node without SIMD) or does not compute rightly: then
 * hash-wasm does the work
 */
export function createLaneHasher(kernel?: string): LaneHasher | undefined {
  try {
    const hasher = new LaneHasher(kernel);
    for (let lane = 0; lane < LANES; lane++)
      for (const together of [false, true])
        if (knownAnswerFault(laneEngine(hasher, lane, together)) !== undefined) return undefined;
    return hasher;
  } catch {
    return undefined;
  }
}
