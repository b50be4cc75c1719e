// npm run fuzz [-- TARGET...] [--runs N] [--seed N] [--minutes N]: feeds each parser of hostile
// bytes many inputs, each parser in a process of its own, as many at once as there are processors.
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TARGETS } from '../../test/fuzz/index.ts';
import type { Campaign, Told } from './protocol.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

/** The young generation is kept small, so that garbage does not look like growth. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=4', '--max-old-space-size=256'];

/**
 * Milliseconds without a word from a process: one input does not end. A batch takes seconds on a
 * busy machine.
 */
const SILENCE = 300_000;

/** The longest that a timer can wait, in milliseconds: 24 days. */
const LONGEST = 2 ** 31 - 1;

/** Milliseconds between two lines of one target. */
const BETWEEN_LINES = 10_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    minutes: { type: 'string', default: '0' },
    concurrency: { type: 'string', short: 'j', default: String(availableParallelism()) },
  },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];
const until = Number(values.minutes) > 0 ? Date.now() + Number(values.minutes) * 60_000 : Number.POSITIVE_INFINITY;
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.some((one) => name.includes(one)));
if (chosen.length === 0) throw new Error(`no such target; there are: ${TARGETS.map(({ name }) => name).join(', ')}`);
console.log(`${chosen.length} targets, ${runs} inputs each, seed ${seed}`);

interface End {
  readonly target: string;
  readonly inputs: number;
  readonly grownBytes: number;
  readonly defect?: string;
}

/** @param most - milliseconds */
function campaign(target: string, most: number): Promise<End> {
  const asked: Campaign = { target, runs, seed };
  const child = fork(WORKER, [JSON.stringify(asked)], {
    execArgv: FLAGS,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let end: End = { target, inputs: 0, grownBytes: 0 };
  let isStopped = false;
  const stop = (defect: string) => {
    end = { ...end, defect };
    isStopped = true;
    child.kill('SIGKILL');
  };
  const silence = setTimeout(() => stop(`an input after the first ${end.inputs} does not end`), SILENCE);
  const limit = setTimeout(
    () => {
      isStopped = true;
      child.kill('SIGKILL');
    },
    Math.min(most, LONGEST),
  );
  let told = Date.now();
  child.on('message', (message: Told) => {
    silence.refresh();
    end = { ...end, inputs: message.inputs };
    if (message.kind === 'defect') end = { ...end, defect: message.report };
    else end = { ...end, grownBytes: message.grownBytes };
    if (Date.now() - told < BETWEEN_LINES) return;
    told = Date.now();
    console.log(`${target}: ${message.inputs} of ${runs}`);
  });
  return new Promise((resolve) => {
    child.on('close', (status, signal) => {
      clearTimeout(silence);
      clearTimeout(limit);
      if (status !== 0 && !isStopped && end.defect === undefined)
        end = { ...end, defect: `its process ended with ${status ?? signal} after ${end.inputs} inputs` };
      const { inputs, grownBytes, defect } = end;
      console.log(
        `${target}: ${inputs} inputs, ${Math.round(grownBytes / (1 << 20))} MiB grown: ${defect ?? 'no defect'}`,
      );
      resolve(end);
    });
  });
}

const queue = chosen.map(({ name }) => name);
const lanes = Math.max(1, Math.min(Number(values.concurrency) || 1, queue.length));
const ends: End[] = [];
const lane = async () => {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    // With a time limit, what is left of it is shared out among the targets that are left.
    ends.push(await campaign(name, Math.max(1000, ((until - Date.now()) * lanes) / (queue.length + lanes))));
  }
};
await Promise.all(Array.from({ length: lanes }, lane));
const defects = ends.filter(({ defect }) => defect !== undefined);
const total = ends.reduce((sum, { inputs }) => sum + inputs, 0);
console.log(`${total} inputs for ${ends.length} targets, seed ${seed}: ${defects.length} targets with a defect`);
for (const { target, defect } of defects) console.log(`\n${target}: ${defect}`);
process.exitCode = defects.length === 0 ? 0 : 1;
