export { download } from './download.ts';
export { type Digester, openPlain, type PlainWriter } from './plain-writer.ts';
export { HashPool, type TaskFailures } from './pool.ts';
export { fetchRanges, RANGE_SIZES, type RangeTools } from './ranges.ts';
export { Connections, createRangeLimits, type RangeLimits, shareOf } from './ranges-connections.ts';
export { Pieces } from './ranges-pieces.ts';
export { openStaged, writeAll } from './staged-file.ts';
export { WriteBehind } from './write-behind.ts';
