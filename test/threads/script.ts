import { dirname, join } from 'node:path';
import type { ThreadKind } from '../../src/thread/index.ts';

/** The folder of the bundled scripts, beside the folder of the program. */
export const KEPT_SCRIPTS = 'threads';

/** The script of a thread that serves one run after the other; `npm test` bundles it. */
export function keptScript(kind: ThreadKind): string | URL {
  const program = process.env['PROGRAM_UNDER_TEST'];
  if (program === undefined) return new URL(`./${kind}-thread.ts`, import.meta.url);
  return join(dirname(dirname(program)), KEPT_SCRIPTS, `${kind}-thread.cjs`);
}
