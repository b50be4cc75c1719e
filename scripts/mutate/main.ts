// npm run mutate [-- PATTERN]: breaks each security check of `test/mutations/*.ts`, one at a time,
// in a private copy of the checkout, and wants a failing test for each.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Checkout } from './checkout.ts';
import { type Baselines, judge, type Outcome } from './judge.ts';
import { mutations } from './lists.ts';
import type { Mutation } from './mutation.ts';
import { runTests } from './run-tests.ts';
import { isGoodEnough, summary } from './summary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function work(queue: Mutation[], baselines: Baselines, told: (outcome: Outcome) => void): Promise<void> {
  using checkout = new Checkout(root);
  const bench = {
    read: (file: string) => checkout.read(file),
    with: <T>(file: string, content: string, action: () => Promise<T>) => checkout.with(file, content, action),
    run: (tests: readonly string[], name: string | undefined, limit: number) => runTests(checkout, tests, name, limit),
  };
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) told(await judge(next, bench, baselines));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { concurrency: { type: 'string', short: 'j', default: String(availableParallelism()) } },
});
const patterns = positionals.map((text) => new RegExp(text));
const all = await mutations();
const chosen = all.filter(({ id, file }) => patterns.every((one) => one.test(id) || one.test(file)));
const outcomes: Outcome[] = [];
const tell = (outcome: Outcome) => {
  outcomes.push(outcome);
  const { mutation, result, seconds, detail } = outcome;
  console.log(`${result.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s  ${mutation.id}  (${detail})`);
};
// Only then are the private copies removed.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => queue.splice(0));
const queue = [...chosen];
const baselines: Baselines = new Map();
const benches = Math.max(1, Math.min(Number(values.concurrency) || 1, chosen.length));
await Promise.all(Array.from({ length: benches }, () => work(queue, baselines, tell)));
console.log(summary(outcomes));
process.exitCode = isGoodEnough(outcomes, { isFull: patterns.length === 0, wanted: chosen.length }) ? 0 : 1;
