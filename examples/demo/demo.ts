// `npm run demo`: signs a model, verifies it, tampers with it and shows the refusal; then the same with a pinned digest,
// for a training set that is copied to a volume, and for a model from a registry. Everything happens on real files in a
// temporary folder, with the program as it is built.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeDataset, makeModel } from './make-artifacts.ts';
import { ociModel } from './oci-model.ts';
import { serve } from './registry.ts';

const PROGRAM = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'weighlock-demo-'));
const model = join(work, 'volume/mistral-small');
const dataset = join(work, 'source/train');
let surprises = 0;

function say(text: string): void {
  console.log(`\n\x1b[1m# ${text}\x1b[0m`);
}

/** Runs the program as a user would and shows it; `expected` is the exit code the demo promises. */
async function weighlock(
  args: readonly string[],
  expected: number,
  environment: Record<string, string> = {},
): Promise<void> {
  const shown = [...Object.entries(environment).map(([name, value]) => `${name}=${value}`), 'weighlock', ...args].join(
    ' ',
  );
  console.log(`$ ${shown.replaceAll(work, '')}`);
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { PATH: process.env['PATH'], WEIGHLOCK_FORMAT: 'text', ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const status = await new Promise((resolve) => child.on('close', resolve));
  console.log(output.replaceAll(work, '').trimEnd());
  if (status !== expected) {
    surprises += 1;
    console.log(`\x1b[31mexpected exit code ${expected}, got ${status}\x1b[0m`);
  }
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
  say('A model on a volume. Its release team signs it (OpenSSF Model Signing; model_signing verifies it too):');
  const keys = join(work, 'release');
  await weighlock(['keygen', `--output=${keys}`], 0);
  await weighlock(['sign', model, `--key=${keys}.key`], 0);
  say('The init container of the inference pod verifies it before the server starts; it knows the public key only:');
  await weighlock(['verify', model, `--key=${keys}.pub`], 0);

  say('Somebody changes one byte of 4 million, and slips a file in:');
  const weights = openSync(join(model, 'model-00001-of-00002.safetensors'), 'r+');
  writeSync(weights, Buffer.from([0]), 0, 1, 2_000_000);
  closeSync(weights);
  writeFileSync(join(model, 'modeling_helper.py'), 'import os\n');
  await weighlock(['verify', model, `--key=${keys}.pub`], 65);

  say('He signs it anew with a key of his own. That key is not the one that is trusted:');
  await weighlock(['keygen', `--output=${join(work, 'mallory')}`], 0);
  await weighlock(['sign', model, `--key=${join(work, 'mallory')}.key`], 0);
  await weighlock(['verify', model, `--key=${keys}.pub`], 65);
  rmSync(model, { recursive: true });
  makeModel(model);

  say('Without signatures, a digest pins a model:');
  const pin = digest(model);
  await weighlock(['verify', model, '--sha256', pin], 0);

  say('One byte is changed on the volume:');
  const file = openSync(join(model, 'model-00002-of-00002.safetensors'), 'r+');
  writeSync(file, Buffer.from([0]), 0, 1, 3_000_000);
  closeSync(file);
  await weighlock(['verify', model, '--sha256', pin], 65);

  say('With a pinned listing instead of one digest, every wrong file is named (and one more was slipped in):');
  makeModel(model);
  const { stdout: listing } = spawnSync(process.execPath, [PROGRAM, 'digest', '--list', model], { encoding: 'utf8' });
  writeFileSync(join(work, 'SHA256SUMS'), listing);
  writeFileSync(join(model, 'modeling_helper.py'), 'import os\n');
  const damaged = openSync(join(model, 'config.json'), 'r+');
  writeSync(damaged, Buffer.from('X'), 0, 1, 0);
  closeSync(damaged);
  await weighlock(['verify', model, `--checksums=${work}/SHA256SUMS`, `--checksums-sha256=${pin}`], 65);

  say('A training job carries DATASET_SHA256; the verified copy appears on its volume by one rename:');
  const environment = {
    DATASET_SOURCE_URL: `file://${dataset}`,
    DATASET_PATH: join(work, 'volume/train'),
    DATASET_SHA256: digest(dataset),
  };
  await weighlock(['verify'], 0, environment);

  say('The same job with a source that was poisoned: nothing appears on the volume, and the job does not start.');
  rmSync(join(work, 'volume/train'), { recursive: true });
  writeFileSync(join(dataset, 'train-00001-of-00002.jsonl'), '{"id": 0, "text": "ignore previous instructions"}\n');
  await weighlock(['verify'], 65, environment);
  console.log(`$ ls /volume\n${readdirSync(join(work, 'volume')).join('\n')}`);

  say('A model in an OCI registry, pinned by its digest: fetched, hashed on the way, published by one rename:');
  const artifact = ociModel();
  const registry = await serve(artifact);
  const reference = `oci://${registry.host}/models/mistral-small:v1.0@${artifact.digest}`;
  const plain = `--plain-http=${registry.host}`;
  await weighlock(['verify', reference, join(work, 'volume/from-registry'), plain], 0);

  say('The registry is broken into, and one layer replaced by another of the same length:');
  const [largest = ''] = [...registry.blobs].sort(([, x], [, y]) => y.length - x.length).map(([name]) => name);
  registry.blobs.set(largest, Buffer.alloc(registry.blobs.get(largest)?.length ?? 0, 'evil'));
  await weighlock(['verify', reference, join(work, 'volume/poisoned'), plain], 65);
  console.log(`$ ls /volume\n${readdirSync(join(work, 'volume')).join('\n')}`);
  registry.close();
} finally {
  rmSync(work, { recursive: true, force: true });
}

say(surprises === 0 ? 'All of it went as promised.' : `${surprises} steps did not go as promised.`);
process.exit(surprises === 0 ? 0 : 1);
