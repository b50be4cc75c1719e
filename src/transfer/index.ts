export { HashPool, type TaskFailures } from './pool.ts';
export { fetchRanges, RANGE_SIZES, type RangeTools } from './ranges.ts';
export { Connections, createRangeLimits, type RangeLimits, shareOf } from './ranges-connections.ts';
export { Pieces } from './ranges-pieces.ts';
