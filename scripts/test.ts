// Runs the unit and integration tests: all of them, or those whose file names contain one of the words given.
//   npm test [-- WORD...] [--watch]
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const words = process.argv.slice(2).filter((word) => word !== '--watch');
const files = ['unit', 'integration']
  .flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`).sort())
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (files.length === 0) {
  process.stderr.write(`no test file has ${words.join(' or ')} in its name\n`);
  process.exit(1);
}
// The runner's own default leaves one processor free: of two that is half.
const flags = [`--test-concurrency=${Math.max(2, availableParallelism() - 1)}`, '--test-timeout=120000'];
if (process.argv.includes('--watch')) flags.push('--watch');
const { status } = spawnSync(process.execPath, ['--test', ...flags, ...files], { stdio: 'inherit' });
process.exitCode = status ?? 1;
