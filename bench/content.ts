import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFiles } from './files.ts';
import { inTurns, measure, median, output, printRatios, processorSeconds } from './measure.ts';
import { shardHeader } from './shards.ts';

const FILES = 8;
const BYTES = 512 << 20;
const PROCESSORS = 2;

/** What a rule about content costs: the same folder, verified with and without it, in turns. */
export async function benchContent(
  work: string,
  program: readonly string[],
  rounds: number,
  bytes = BYTES,
): Promise<object> {
  const folder = join(work, 'content');
  makeFiles(folder, FILES, bytes);
  for (const name of readdirSync(folder)) {
    const descriptor = openSync(join(folder, name), 'r+');
    const header = shardHeader(bytes);
    writeSync(descriptor, header, 0, header.length, 0);
    closeSync(descriptor);
  }
  const pin = output(program, 'digest', '--hasher=native', folder);
  const result: Record<string, object> = {};
  for (const hasher of ['native', 'wasm']) {
    const words = ['verify', folder, `--sha256=${pin}`, `--hasher=${hasher}`, `--concurrency=${PROCESSORS}`];
    const without = [...program, ...words];
    const within = [...without, '--allow-formats=safetensors'];
    const clock = await inTurns(
      rounds,
      new Map([
        ['without a rule', async () => (await measure(without)).seconds],
        ['with a rule', async () => (await measure(within)).seconds],
      ]),
    );
    const processors = await inTurns(
      rounds,
      new Map([
        ['without a rule', async () => processorSeconds(without)],
        ['with a rule', async () => processorSeconds(within)],
      ]),
    );
    const title = `${FILES} files x ${bytes / 2 ** 20} MiB of safetensors, --hasher ${hasher} (median of ${rounds})`;
    printRatios(`${title}, by the clock`, 'seconds', 'without a rule', clock, 3);
    printRatios(`${title}, time of ${PROCESSORS} processors`, 'seconds', 'without a rule', processors, 3);
    result[hasher] = { clock: ratioOf(clock), processors: ratioOf(processors) };
  }
  rmSync(folder, { recursive: true });
  return result;
}

/** Of each turn its own, since a neighbour's minute hits both of it. */
function ratioOf(taken: ReadonlyMap<string, readonly number[]>): number {
  const [without = [], within = []] = taken.values();
  const ratio = median(within.map((seconds, i) => seconds / (without[i] ?? Number.NaN)));
  console.log(`  with / without, median of the turns: ${ratio.toFixed(3)}`);
  return ratio;
}
