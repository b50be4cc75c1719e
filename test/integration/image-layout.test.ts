// OCI image layouts as a source: those that real tools wrote (test/fixtures/oci-layout), and what is made of them.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/oci-layout/${name}`, import.meta.url));
const KEY = [
  '--key',
  fileURLToPath(new URL('../fixtures/cosign/cosign.pub', import.meta.url)),
  '--insecure-ignore-tlog',
];
const DIGESTS = {
  'saved-new': '83250d2f3a3244ff5da3bdaf93a3726b38619e12168af3c843242e1080779bf8',
  'saved-old': '3f893baf4e35a213c24e9c0aee696fc8e77d05ac40f72a243dd19b34e1c326d7',
  copied: '83250d2f3a3244ff5da3bdaf93a3726b38619e12168af3c843242e1080779bf8',
};

async function verify(
  source: string,
  flags: readonly string[],
  destination = join(workFolder(), 'm'),
): Promise<Finished> {
  const result = await run(['verify', source, destination, ...flags]);
  assert.equal(existsSync(destination), result.status === 0);
  return result;
}

describe('15.24: a layout that a tool wrote', () => {
  for (const [name, hex] of Object.entries(DIGESTS)) {
    it(`passes with the signatures and attestations in it (${name})`, async () => {
      const source = `oci-layout://${fixture(name)}`;
      passed(await verify(source, KEY));
      passed(await verify(`${source}@sha256:${hex}`, KEY));
      const card = ['--type', 'modelcard', '--condition', "predicate.builder.id == 'https://ci.example/1'"];
      passed(await verify(source, [...KEY, ...card]));
      refused(await verify(source, [...KEY, '--type', 'spdx']), 'ATTESTATION_MISSING');
    });

    it(`has a digest to pin (${name})`, async () => {
      const { status, stdout } = await run(['digest', `oci-layout://${fixture(name)}`]);
      assert.deepEqual([status, stdout], [0, `sha256:${hex}\n`]);
    });
  }
});
