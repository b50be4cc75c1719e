export { HashPool, type TaskFailures } from './pool.ts';
