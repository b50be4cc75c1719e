import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, measure, printRatios } from './measure.ts';

/** From start to verdict on a model of 1 MiB, against a Node that does nothing. */
export async function benchStart(work: string, program: readonly string[], rounds: number): Promise<object> {
  const model = join(work, 'model-1MiB');
  writeFileSync(model, Buffer.alloc(1 << 20, 7));
  const pin = execFileSync('sha256sum', [model], { encoding: 'utf8' }).slice(0, 64);
  const milliseconds = (command: readonly string[]) => async () => (await measure(command)).seconds * 1000;
  const results = await inTurns(
    rounds,
    new Map([
      ['node -e 0', milliseconds([process.execPath, '-e', '0'])],
      ['weighlock verify, 1 MiB', milliseconds([...program, 'verify', model, `--sha256=${pin}`])],
      ['weighlock --version', milliseconds([...program, '--version'])],
    ]),
  );
  printRatios(`Start to verdict (median of ${rounds})`, 'ms', 'node -e 0', results);
  return Object.fromEntries(results);
}
