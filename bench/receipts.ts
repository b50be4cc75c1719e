import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, measure, median, output, printRatios, printTable } from './measure.ts';

const FILES = 100_000;
const GIB = 2 ** 30;

/** What a verification costs that reads nothing, since a receipt says what was read before. */
export async function benchReceipts(work: string, program: readonly string[], rounds: number): Promise<object> {
  const at = join(work, 'verify-once');
  const small = join(at, 'small');
  mkdirSync(join(at, 'receipts'), { recursive: true });
  output(program, 'keygen', '--output', join(at, 'key'));
  for (let i = 0; i < FILES; i++) {
    const folder = join(small, `class-${Math.floor(i / 1000)}`);
    if (i % 1000 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `sample-${i}.json`), `{"sample": ${i}}\n`);
  }
  const large = join(at, 'large');
  mkdirSync(large);
  const names = Array.from({ length: 8 }, (_, file) => `model-${file}.safetensors`);
  for (const name of names) {
    const descriptor = openSync(join(large, name), 'w');
    ftruncateSync(descriptor, 8 * GIB);
    closeSync(descriptor);
  }
  // All of them have the same bytes: one is hashed for the pin, and all once for the receipt.
  const hole = output(program, 'digest', join(large, names[0] ?? ''), '--hasher=native');
  const largePin = createHash('sha256')
    .update(names.map((name) => `${hole}  ${name}\n`).join(''))
    .digest('hex');
  const tiny = join(at, 'tiny');
  mkdirSync(tiny);
  writeFileSync(join(tiny, 'model.bin'), Buffer.alloc(1 << 20, 7));

  /** Verifies with a policy that takes receipts; the first time leaves one. */
  const withReceipt = (name: string, path: string, pin = output(program, 'digest', path)): readonly string[] => {
    const policy = join(at, `${name}.yaml`);
    const spec = [
      `  receipts: {maxAge: 24h, key: {file: key.pub}, volumes: ReadOnly}`,
      `  artifacts: [{name: ${name}, path: ${path}, require: [{sha256: ${pin}}]}]`,
    ];
    const head = `apiVersion: weighlock.dev/v1alpha1\nkind: VerificationPolicy\nmetadata: {name: ${name}}\nspec:\n`;
    writeFileSync(policy, `${head}${spec.join('\n')}\n`);
    const verify = ['verify', '--policy', policy, '--receipts', join(at, 'receipts')];
    output(program, ...verify, '--receipt-key', join(at, 'key.key'), '--hasher=native', '--format=json');
    return [...program, ...verify];
  };
  const seconds = (command: readonly string[]) => async () => (await measure(command)).seconds;
  const find = ['find', small, '-type', 'f', '-printf', '%P\\0%s %D %i %T@ %C@\\n'];
  const many = await inTurns(
    rounds,
    new Map([
      ['find -printf of the same attributes', seconds(find)],
      ['weighlock verify, with a receipt', seconds(withReceipt('small', small))],
    ]),
  );
  printRatios(`${FILES} files (median of ${rounds})`, 'seconds', 'find -printf of the same attributes', many, 2);
  const pin = output(program, 'digest', join(tiny, 'model.bin'));
  const few = await inTurns(
    rounds,
    new Map([
      ['1 MiB, pinned, start to verdict', seconds([...program, 'verify', join(tiny, 'model.bin'), `--sha256=${pin}`])],
      ['the same by a policy, with a receipt', seconds(withReceipt('tiny', tiny))],
      ['64 GiB in 8 files, with a receipt', seconds(withReceipt('large', large, largePin))],
    ]),
  );
  const base = median(few.get('1 MiB, pinned, start to verdict') ?? []);
  printTable('Of holes: nothing of it is read', [
    ['', 'ms', 'x 1 MiB'],
    ...[...few].map(([name, values]) => [name, (median(values) * 1000).toFixed(0), (median(values) / base).toFixed(2)]),
  ]);
  rmSync(at, { recursive: true });
  return { many: Object.fromEntries(many), few: Object.fromEntries(few) };
}
