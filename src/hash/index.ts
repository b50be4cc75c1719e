export type { AdditionalHash, SecondHashName } from './additional-hash.ts';
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
  markQuick,
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
export { additionalOf, hashFiles } from './hash-files.ts';
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
export { affordableConnections, affordablePullThreads, affordableReads, affordableThreads } from './memory.ts';
export { availableProcessors } from './processors.ts';
export { fileFailure, type Next, store, takeNext, unitCount } from './queue.ts';
export {
  closeRing,
  createRing,
  PIECE_BYTES,
  type RingBuffer,
  type RingStreams,
} from './ring-buffer.ts';
export { RingSender, RingStream } from './ring-sender.ts';
export { serveRing } from './ring-server.ts';
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
export type { AdditionalDigests, FileFailure, HashReply, HashRequest, HashTask, Kernel, TaskContent } from './task.ts';
export { checksumLine, checksumListing, treeDigest, treeDigestWithout } from './tree-digest.ts';
