export { chooseEngine, type EngineChoice } from './choose.ts';
export {
  type Control,
  checkStop,
  countBytes,
  countEntry,
  countFile,
  createControl,
  nextInQueue,
  type Progress,
  progressOf,
  requestStop,
  restartQueue,
  Stopped,
} from './control.ts';
export { createEngine, type Engine, type EngineName, HASHERS, type Hasher } from './engine.ts';
export { closeLine, createLine, type Line, LineSender, LineStream, type LineStreams, PIECE_BYTES } from './line.ts';
export { affordablePullThreads, affordableThreads } from './memory.ts';
export { HashPool, type TaskFailures } from './pool.ts';
export { availableProcessors } from './processors.ts';
export type { HashTask, Kernel } from './protocol.ts';
export type { SecondHash, SecondHashName } from './second-hash.ts';
export { createShardTable, IN_SHARDS, type ShardTable } from './shards.ts';
export { checksumListing, treeDigest } from './tree-digest.ts';
