export { type Reply, ThreadGroup } from './group.ts';
