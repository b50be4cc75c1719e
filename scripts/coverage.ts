// npm run coverage [-- WORD...]: runs the tests, and prints which lines of src/ they reach, in the
// process of the tests and in the programs and threads that these start. Ends with 1 where a file
// is below the limit without a reason beside it.
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleTests } from './bundle-tests.ts';
import { LineCoverage } from './coverage/line-coverage.ts';
import { REASONS } from './coverage/reasons.ts';
import { runBundled } from './run-bundled.ts';

/** Percent of its lines that a file has to have. */
const LIMIT = 85;

const root = fileURLToPath(new URL('..', import.meta.url));
const words = process.argv.slice(2);
const sources = globSync('test/{unit,integration}/**/*.test.ts', { cwd: root })
  .sort()
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
const cache = join(root, 'node_modules/.cache/weighlock');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'coverage-'));
const data = join(folder, 'data');
mkdirSync(data);
// Programs that another user runs write there, too.
chmodSync(data, 0o777);
process.chdir(root);
try {
  const bundled = await bundleTests(sources, folder, { sourceMaps: true });
  // Of functions that come compiled, less is known.
  const environment = { NODE_V8_COVERAGE: data, NODE_DISABLE_COMPILE_CACHE: '1' };
  const hasPassed = await runBundled(bundled, folder, { isBrief: true, environment });
  const coverage = new LineCoverage(join(root, 'src'));
  for (const name of globSync('*.json', { cwd: data })) coverage.add(readFileSync(join(data, name), 'utf8'));
  const below = print(coverage);
  process.exitCode = !hasPassed || (words.length === 0 && below > 0) ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @returns how many files are below the limit without a reason */
function print(coverage: LineCoverage): number {
  const rows = coverage.files().sort((one, other) => one.percent - other.percent);
  let below = 0;
  for (const { path, percent, covered, lines, missing } of rows) {
    const reason = percent < LIMIT ? REASONS[path] : undefined;
    if (percent < LIMIT && reason === undefined) below += 1;
    console.log(
      `${percent.toFixed(1).padStart(5)} %  ${`${covered}/${lines}`.padStart(9)}  src/${path}${reason ? `  (${reason})` : ''}`,
    );
    if (percent < LIMIT) console.log(`${' '.repeat(20)}not reached: ${missing.join(' ')}`);
  }
  const [covered, lines] = rows.reduce(([x, y], row) => [x + row.covered, y + row.lines], [0, 0]);
  console.log(
    `${((100 * covered) / Math.max(1, lines)).toFixed(1)} % of ${lines} lines; ${below} files below ${LIMIT} % without a reason`,
  );
  return below;
}
