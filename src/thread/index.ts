export { type Reply, type StartThread, type Thread, type ThreadEvents, ThreadGroup } from './group.ts';
export type { ThreadKind } from './script.ts';
