export { createBudget } from './budget.ts';
export { type ArchiveRecord, loadRecords, parseRecords, recordPaths } from './frames.ts';
export { PullPool } from './pool.ts';
export type { FetchReply, PulledFile, PullReply, Resolved, StoredSignatures, UnreadPlace } from './protocol.ts';
