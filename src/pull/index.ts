export { PullPool } from './pool.ts';
export type { PulledFile, PullReply, Resolved } from './protocol.ts';
