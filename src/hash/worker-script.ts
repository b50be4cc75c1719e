import { getAsset, isSea } from 'node:sea';

/** Set by the build: the file that holds the bundled worker, beside the bundle. Absent when run from source. */
declare const WEIGHLOCK_WORKER_FILE: string | undefined;

/** What `new Worker` is given: a file, or (inside the single executable, which has no files) the code itself. */
export function workerScript(): { script: URL | string; isCode: boolean } {
  if (isSea()) return { script: getAsset('hash-worker.cjs', 'utf8'), isCode: true };
  const file = typeof WEIGHLOCK_WORKER_FILE === 'undefined' ? './worker.ts' : WEIGHLOCK_WORKER_FILE;
  return { script: new URL(file, import.meta.url), isCode: false };
}
