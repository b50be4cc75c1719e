// `npm run demo`: pins a model, verifies it, tampers with it and shows the refusal; then the same for a training set that
// is copied to a volume. Everything happens on real files in a temporary folder, with the program as it is built.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeDataset, makeModel } from './make-artifacts.ts';

const PROGRAM = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'weighlock-demo-'));
const model = join(work, 'volume/mistral-small');
const dataset = join(work, 'source/train');
let surprises = 0;

function say(text: string): void {
  console.log(`\n\x1b[1m# ${text}\x1b[0m`);
}

/** Runs the program as a user would and shows it; `expected` is the exit code the demo promises. */
function weighlock(args: readonly string[], expected: number, environment: Record<string, string> = {}): string {
  const shown = [...Object.entries(environment).map(([name, value]) => `${name}=${value}`), 'weighlock', ...args].join(
    ' ',
  );
  console.log(`$ ${shown.replaceAll(work, '')}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], WEIGHLOCK_FORMAT: 'text', ...environment },
  });
  console.log(`${stdout}${stderr}`.replaceAll(work, '').trimEnd());
  if (status !== expected) {
    surprises += 1;
    console.log(`\x1b[31mexpected exit code ${expected}, got ${status}\x1b[0m`);
  }
  return stdout.trim();
}

function digest(path: string): string {
  const args = [PROGRAM, 'digest', path];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  console.log(`$ weighlock digest ${path.replaceAll(work, '')}\n${stdout.trim()}`);
  return stdout.trim();
}

try {
  makeModel(model);
  makeDataset(dataset);
  say('A model on a volume. Its release team pins it:');
  const pin = digest(model);
  say('The init container of the inference pod verifies it before the server starts:');
  weighlock(['verify', model, '--sha256', pin], 0);

  say('One byte of 4 million is changed on the volume:');
  const file = openSync(join(model, 'model-00002-of-00002.safetensors'), 'r+');
  writeSync(file, Buffer.from([0]), 0, 1, 3_000_000);
  closeSync(file);
  weighlock(['verify', model, '--sha256', pin], 65);

  say('With a pinned listing instead of one digest, every wrong file is named (and one more was slipped in):');
  makeModel(model);
  const { stdout: listing } = spawnSync(process.execPath, [PROGRAM, 'digest', '--list', model], { encoding: 'utf8' });
  writeFileSync(join(work, 'SHA256SUMS'), listing);
  writeFileSync(join(model, 'modeling_helper.py'), 'import os\n');
  const damaged = openSync(join(model, 'config.json'), 'r+');
  writeSync(damaged, Buffer.from('X'), 0, 1, 0);
  closeSync(damaged);
  weighlock(['verify', model, `--checksums=${work}/SHA256SUMS`, `--checksums-sha256=${pin}`], 65);

  say('A training job carries DATASET_SHA256; the verified copy appears on its volume by one rename:');
  const environment = {
    DATASET_SOURCE_URL: `file://${dataset}`,
    DATASET_PATH: join(work, 'volume/train'),
    DATASET_SHA256: digest(dataset),
  };
  weighlock(['verify'], 0, environment);

  say('The same job with a source that was poisoned: nothing appears on the volume, and the job does not start.');
  rmSync(join(work, 'volume/train'), { recursive: true });
  writeFileSync(join(dataset, 'train-00001-of-00002.jsonl'), '{"id": 0, "text": "ignore previous instructions"}\n');
  weighlock(['verify'], 65, environment);
  console.log(`$ ls /volume\n${readdirSync(join(work, 'volume')).join('\n')}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

say(surprises === 0 ? 'All of it went as promised.' : `${surprises} steps did not go as promised.`);
process.exit(surprises === 0 ? 0 : 1);
