// Feeds one parser, in a process of its own: what it does to the memory and the processor is nobody
// else's.
import fc from 'fast-check';
import { feed, TARGETS } from '../../test/fuzz/index.ts';
import type { Campaign, Told } from './protocol.ts';

/** Inputs that come from one seed; the next ones from the next. */
const BATCH = 5000;

/** After so many the process has the memory that it needs by itself. */
const WARM_UP = 4 * BATCH;

/** Bytes by which the process may grow after that. */
const MAX_GROWTH = 64 << 20;

const { target: name, runs, seed } = JSON.parse(process.argv[2] ?? '{}') as Campaign;
const target = TARGETS.find((one) => one.name === name);
if (target === undefined) throw new Error(`no target is called ${name}`);
const tell = (told: Told) => process.send?.(told);
const property = fc.asyncProperty(target.input, (input) => feed(target, input));

/** Most that the process ever had, in bytes. */
const most = () => process.resourceUsage().maxRSS * 1024;

let usual = 0;
let grown = 0;
let inputs = 0;
for (let batch = 0; inputs < runs; batch++) {
  const numRuns = Math.min(BATCH, runs - inputs);
  const result = await fc.check(property, { numRuns, seed: (seed + batch) | 0, endOnFailure: false });
  inputs += result.numRuns;
  globalThis.gc?.();
  if (inputs <= WARM_UP) usual = most();
  grown = Math.max(0, most() - usual);
  if (result.failed) {
    tell({ kind: 'defect', inputs, report: fc.defaultReportMessage(result)?.slice(0, 8000) ?? '' });
    process.exit(1);
  }
  if (grown > MAX_GROWTH) {
    tell({
      kind: 'defect',
      inputs,
      report: `it grew by ${grown} bytes within ${numRuns} inputs of the seed ${seed + batch}`,
    });
    process.exit(1);
  }
  tell({ kind: 'progress', inputs, grownBytes: grown });
}
tell({ kind: 'done', inputs, grownBytes: grown });
process.disconnect?.();
