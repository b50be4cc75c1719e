// `npm run demo`, a story in four parts: a shard that was swapped for another one of the same size,
// the signature that would have told so without a digest, a registry that was broken into, and the
// platform's policy. Everything happens on real files in a temporary folder, with the program as it
// is built.
import { spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram, PROGRAM } from '../../scripts/build-program.ts';
import { makeDataset, makeModel } from './make-artifacts.ts';
import { ociModel } from './oci-model.ts';
import { serve } from './registry.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-demo-'));
const program = join(work, '.program', PROGRAM);
const volume = join(work, 'volume');
const model = join(volume, 'mistral-small');
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
): Promise<string> {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  console.log(`$ ${[...variables, 'weighlock', ...args].join(' ').replaceAll(work, '')}`);
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], ...(args[0] === 'verify' ? { WEIGHLOCK_FORMAT: 'text' } : {}), ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const status = await new Promise((resolve) => child.on('close', resolve));
  console.log(output.replaceAll(work, '').trimEnd());
  if (status !== expected) {
    surprises += 1;
    console.log(`\x1b[31mexpected exit code ${expected}, got ${status}\x1b[0m`);
  }
  return output.trim();
}

function shown(folder: string): void {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  console.log(`$ ls ${folder.replaceAll(work, '')}\n${names.join('\n')}`);
}

async function swappedShard(): Promise<string> {
  makeModel(model);
  say('A model in two shards on a volume. The platform pins what it has looked at, as one number:');
  const pin = await weighlock(['digest', model], 0);
  await weighlock(['verify', model, '--sha256', pin], 0);

  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  say(
    `Somebody puts one shard in the place of another. Names and sizes stay (${statSync(join(model, first)).size} bytes), and it loads:`,
  );
  copyFileSync(join(model, second), join(model, first));
  await weighlock(['verify', model, '--sha256', pin], 65);

  say('With a pinned listing instead of one number, the wrong file is named:');
  makeModel(model);
  const sums = join(work, 'SHA256SUMS');
  writeFileSync(sums, `${await weighlock(['digest', '--list', model], 0)}\n`);
  copyFileSync(join(model, second), join(model, first));
  await weighlock(['verify', model, `--checksums=${sums}`, `--checksums-sha256=${pin}`], 65);
  makeModel(model);
  return pin;
}

async function signature(): Promise<string> {
  const keys = join(work, 'release');
  say('Who made it? The release team signs it (OpenSSF Model Signing; model_signing verifies it too):');
  await weighlock(['keygen', `--output=${keys}`], 0);
  await weighlock(['sign', model, `--key=${keys}.key`], 0);
  say('The init container of the inference pod knows the public key only:');
  await weighlock(['verify', model, `--key=${keys}.pub`], 0);

  say('One byte of 8 million is changed, and a file slipped in:');
  const weights = openSync(join(model, 'model-00001-of-00002.safetensors'), 'r+');
  writeSync(weights, Buffer.from([0]), 0, 1, 2_000_000);
  closeSync(weights);
  writeFileSync(join(model, 'modeling_helper.py'), 'import os\n');
  await weighlock(['verify', model, `--key=${keys}.pub`], 65);

  say('He signs it anew with a key of his own. That key is not the one that is trusted:');
  await weighlock(['keygen', `--output=${join(work, 'mallory')}`], 0);
  await weighlock(['sign', model, `--key=${join(work, 'mallory')}.key`], 0);
  await weighlock(['verify', model, `--key=${keys}.pub`], 65);
  return `${keys}.pub`;
}

async function registry(): Promise<void> {
  say('A model in an OCI registry, pinned by its digest: fetched, hashed on the way, published by one rename:');
  const artifact = ociModel();
  const server = await serve(artifact);
  const reference = `oci://${server.host}/models/mistral-small:v1.0@${artifact.digest}`;
  const plain = `--plain-http=${server.host}`;
  await weighlock(['verify', reference, join(volume, 'from-registry'), plain], 0);

  say('The registry is broken into, and one layer replaced by another of the same length:');
  const [largest = ''] = [...server.blobs].sort(([, x], [, y]) => y.length - x.length).map(([name]) => name);
  server.blobs.set(largest, Buffer.alloc(server.blobs.get(largest)?.length ?? 0, 'evil'));
  await weighlock(['verify', reference, join(volume, 'poisoned'), plain], 65);
  shown(volume);
  server.close();
}

async function policy(key: string): Promise<void> {
  say('What may run is written down once, by the platform: signed models, and the dataset that the job has pinned:');
  const trust = join(work, 'trust');
  mkdirSync(trust);
  copyFileSync(key, join(trust, 'release.pub'));
  const text = `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: platform}
spec:
  attestors:
  - name: release-team
    cosign: {key: {file: release.pub}}
  artifacts:
  - name: mounted
    each: targets
    require:
    - anyOf:
      - signature: {attestors: [release-team]}
      - sha256: {fromEnv: DATASET_SHA256}
`;
  writeFileSync(join(trust, 'platform.yaml'), text);
  console.log(`$ cat /trust/platform.yaml\n${readFileSync(join(trust, 'platform.yaml'), 'utf8').trimEnd()}`);
  await weighlock(['policy', 'explain', join(trust, 'platform.yaml')], 0);
  makeDataset(dataset);
  const pin = await weighlock(['digest', dataset], 0);
  const pod = { WEIGHLOCK_TRUST: trust, WEIGHLOCK_TARGETS: dataset };
  await weighlock(['verify'], 0, { ...pod, DATASET_SHA256: pin });

  say('The model that Mallory signed, in a pod that would rather not be checked:');
  await weighlock(['verify', '--mode=Audit'], 65, { ...pod, WEIGHLOCK_TARGETS: model });
}

try {
  await buildProgram(join(work, '.program'));
  await swappedShard();
  const key = await signature();
  await registry();
  await policy(key);
} finally {
  rmSync(work, { recursive: true, force: true });
}

say(surprises === 0 ? 'All of it went as promised.' : `${surprises} steps did not go as promised.`);
process.exit(surprises === 0 ? 0 : 1);
