// Runs the unit and integration tests: all of them, or those whose file names contain one of the
// words given.
//   npm test [-- WORD...] [--watch]
// They run from bundles (scripts/bundle-tests.ts). With --watch they run from source, which is what
// is watched.
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleTests } from './bundle-tests.ts';
import { CONCURRENCY, runBundled, TIMEOUT } from './run-bundled.ts';

/**
 * What is made for a run lies where Node finds the packages from, and no tool looks for sources.
 */
const cache = fileURLToPath(new URL('../node_modules/.cache/weighlock', import.meta.url));

const words = process.argv.slice(2).filter((word) => word !== '--watch');
const isWatching = process.argv.includes('--watch');
const sources = ['unit', 'integration']
  .flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`).sort())
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  // Long files take long: the last ones to begin should be short.
  .sort((one, other) => statSync(other).size - statSync(one).size);
if (sources.length === 0) {
  process.stderr.write(`no test file has ${words.join(' or ')} in its name\n`);
  process.exit(1);
}
if (isWatching) watch();
else await runOnce();

function watch(): void {
  const flags = ['--test', '--watch', `--test-concurrency=${CONCURRENCY}`, `--test-timeout=${TIMEOUT}`];
  process.exitCode = spawnSync(process.execPath, [...flags, ...sources], { stdio: 'inherit' }).status ?? 1;
}

async function runOnce(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  // One for each run: two may run at once.
  const folder = mkdtempSync(join(cache, 'tests-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  if (!(await runBundled(await bundleTests(sources, folder), folder))) process.exitCode = 1;
}
