import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFiles } from './files.ts';
import { inTurns, measure, median, output, printRatios } from './measure.ts';
import { shardHeader } from './shards.ts';

const FILES = 8;
const BYTES = 512 << 20;
const PROCESSORS = 2;

/** What a rule about content costs: the same folder, verified with and without it, in turns. */
export async function benchContent(work: string, program: readonly string[], rounds: number): Promise<object> {
  const folder = join(work, 'content');
  makeFiles(folder, FILES, BYTES);
  for (const name of readdirSync(folder)) {
    const descriptor = openSync(join(folder, name), 'r+');
    const header = shardHeader(BYTES);
    writeSync(descriptor, header, 0, header.length, 0);
    closeSync(descriptor);
  }
  const pin = output(program, 'digest', '--hasher=native', folder);
  const verify = (hasher: string, ...more: string[]) => {
    const words = ['verify', folder, `--sha256=${pin}`, `--hasher=${hasher}`, `--concurrency=${PROCESSORS}`, ...more];
    return async () => (await measure([...program, ...words])).seconds;
  };
  const result: Record<string, object> = {};
  for (const hasher of ['native', 'wasm']) {
    const taken = await inTurns(
      rounds,
      new Map([
        ['without a rule', verify(hasher)],
        ['with a rule', verify(hasher, '--allow-formats=safetensors')],
      ]),
    );
    const [without = [], rule = []] = taken.values();
    printRatios(
      `${FILES} files x ${BYTES / 2 ** 20} MiB of safetensors, --hasher ${hasher}, ${PROCESSORS} processors (median of ${rounds})`,
      'seconds',
      'without a rule',
      taken,
      3,
    );
    // Of each turn its own, since a neighbour's minute hits both of it.
    const ratio = median(rule.map((seconds, i) => seconds / (without[i] ?? Number.NaN)));
    console.log(`  with / without, median of the turns: ${ratio.toFixed(3)}`);
    result[hasher] = { seconds: Object.fromEntries(taken), ratio };
  }
  rmSync(folder, { recursive: true });
  return result;
}
