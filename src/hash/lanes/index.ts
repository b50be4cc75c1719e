export { chooseKernel, fastestKernel, type KernelChoice } from './choose-kernel.ts';
export { createLaneHasher } from './create-lane-hasher.ts';
export { hashInLanes } from './hash-in-lanes.ts';
export { laneEngine } from './lane-engine.ts';
export { LANE_BYTES, type LaneCount, LaneHasher, type LaneKernels } from './lane-hasher.ts';
