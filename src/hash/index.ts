export { chooseEngine, type EngineChoice } from './choose.ts';
export {
  awaitBytes,
  type Control,
  checkStop,
  countBytes,
  countEntry,
  countFile,
  createControl,
  depthOf,
  isAnySlow,
  isSlow,
  isStopped,
  limitDepth,
  limitRate,
  MOST_DEPTH,
  markSlow,
  nextInQueue,
  type Progress,
  progressOf,
  requestStop,
  restartQueue,
  Stopped,
  shareDepth,
  takeBytes,
} from './control.ts';
export { createEngine, type Engine, type EngineName, HASHERS, type Hasher } from './engine.ts';
export { hashFiles, secondsOf } from './hash-files.ts';
export type { Input, Inputs } from './inputs.ts';
export {
  createLaneHasher,
  fastestKernel,
  hashInLanes,
  type KernelChoice,
  type LaneCount,
  type LaneHasher,
  laneEngine,
} from './lanes/index.ts';
export {
  closeLine,
  createLine,
  type Line,
  LineSender,
  LineStream,
  type LineStreams,
  PIECE_BYTES,
  serveLine,
} from './line.ts';
export { affordableConnections, affordablePullThreads, affordableReads, affordableThreads } from './memory.ts';
export { availableProcessors } from './processors.ts';
export { fileFailure, type Next, store, takeNext, unitCount } from './queue.ts';
export type { SecondHash, SecondHashName } from './second-hash.ts';
export {
  createShardTable,
  IN_SHARDS,
  limitShards,
  type ShardTable,
  shardAt,
  shardCount,
  shardDigestAt,
  shardDigests,
} from './shards.ts';
export { hashersInLanes, hashersOf } from './stream-hashers.ts';
export type { FileFailure, HashReply, HashRequest, HashTask, Kernel, SecondDigests, TaskContent } from './task.ts';
export { checksumLine, checksumListing, treeDigest, treeDigestWithout } from './tree-digest.ts';
