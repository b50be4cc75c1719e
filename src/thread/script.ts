import { getAsset, isSea } from 'node:sea';

/**
 * Set by the build: the folder, beside the bundle, that holds the bundled workers. Absent when run
 * from source.
 */
declare const WEIGHLOCK_BUNDLED: boolean | undefined;

/** A kind of worker thread: its source file from here, and its name in a build. */
export type ThreadKind = keyof typeof SCRIPTS;

const SCRIPTS = {
  hash: { source: '../transfer/worker.ts', built: 'hash-worker.cjs' },
  pull: { source: '../pull/worker.ts', built: 'pull-worker.cjs' },
} as const;

/**
 * What `new Worker` is given: a file, or (inside the single executable, which has no files) the
 * code itself.
 */
export function threadScript(kind: ThreadKind): { script: URL | string; isCode: boolean } {
  const { source, built } = SCRIPTS[kind];
  if (isSea()) return { script: getAsset(built, 'utf8'), isCode: true };
  const bundled = typeof WEIGHLOCK_BUNDLED !== 'undefined';
  return { script: new URL(bundled ? `./${built}` : source, import.meta.url), isCode: false };
}
