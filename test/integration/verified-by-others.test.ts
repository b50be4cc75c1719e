// What other verifiers accepted is kept in test/fixtures/verified-by-others, with their words; what
// is written today is of the same form.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { passed, recipe, run, workFolder, write } from './cli.ts';

const kept = (name: string) => new URL(`../fixtures/verified-by-others/${name}`, import.meta.url).pathname;
const work = workFolder();
const model = join(work, 'model');
write(model, { 'weights.bin': 'weights\n', 'config.json': '{}\n' });
const digest = recipe(model);

/** Keys, types and lengths of lists; texts of the format itself stay as they are. */
function formOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => formOf(one));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, formOf(one, name)]));
  return /type|result|levels|version/i.test(key) ? value : typeof value;
}

function formOfBundle(path: string): unknown {
  const bundle = JSON.parse(readFileSync(path, 'utf8'));
  const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());
  return { bundle: formOf(bundle), statement: formOf(statement) };
}

it('19: an attestation and a verdict that cosign 2 and 3 accepted by digest count here too', async () => {
  const output = readFileSync(kept('output.txt'), 'utf8');
  for (const cosign of ['v2', 'v3'])
    for (const file of ['attestation.json', 'verdict.json']) {
      const command = (sha256: string) =>
        `build/cosign/${cosign}/cosign verify-blob-attestation --bundle ${file} .*--digest ${sha256} `;
      assert.match(output, new RegExp(`${command(digest)}.*\nVerified OK\nexit 0\n`));
      assert.match(output, new RegExp(`${command(`${'0'.repeat(63)}1`)}.*\n.*does not match any digest.*\nexit 1\n`));
    }
  const attested = ['--type', 'slsaprovenance1', '--signature', kept('attestation.json'), '--insecure-ignore-tlog'];
  passed(await run(['verify', model, ...attested, '--key', kept('key.pub')]));
  passed(await run(['verify', model, '--accept-verdict', kept('verdict.json'), '--verifier-key', kept('key.pub')]));
});

it('19: what is written today has the form of what they accepted', async () => {
  writeFileSync(
    join(work, 'predicate.json'),
    '{"buildDefinition":{"buildType":"https://example.com/train/v1","externalParameters":{}},"runDetails":{"builder":{"id":"https://ci.example.com/1"}}}',
  );
  const [attestation, verdict, key] = ['attestation.json', 'verdict.json', 'key'].map((name) => join(work, name));
  passed(await run(['keygen', '--output', `${key}`]));
  const said = [
    '--predicate',
    join(work, 'predicate.json'),
    '--type',
    'slsaprovenance1',
    '--signature',
    `${attestation}`,
  ];
  passed(await run(['attest', model, ...said, '--key', `${key}.key`]));
  passed(await run(['verify', model, '--sha256', digest, '--verdict', `${verdict}`, '--verdict-key', `${key}.key`]));
  assert.deepEqual(formOfBundle(`${attestation}`), formOfBundle(kept('attestation.json')));
  assert.deepEqual(formOfBundle(`${verdict}`), formOfBundle(kept('verdict.json')));
});
