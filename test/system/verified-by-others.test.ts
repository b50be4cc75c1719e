// What weighlock writes is verified by programs that others wrote (test/system/build-verifiers.sh
// builds them): an attestation of a folder, and a verdict.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { passed, recipe, run } from '../integration/cli.ts';

const built = (name: string) => fileURLToPath(new URL(`../../build/cosign/${name}`, import.meta.url));
const ROOT = fileURLToPath(new URL('../../src/library/public-good.json', import.meta.url));
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const SUMMARY = 'https://slsa.dev/verification_summary/v1';

const work = mkdtempSync(join(tmpdir(), 'weighlock-others-'));
after(() => rmSync(work, { recursive: true }));
const at = (name: string) => join(work, name);

function ended(program: string, args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { HOME: work, PATH: '' } });
  return { status, output: `${stdout}${stderr}` };
}

let digest = '';
before(async () => {
  mkdirSync(at('model'));
  writeFileSync(at('model/weights.bin'), 'weights');
  writeFileSync(at('predicate.json'), JSON.stringify({ buildDefinition: {}, runDetails: { builder: { id: 'ci' } } }));
  digest = recipe(at('model'));
  for (const name of ['release', 'stranger']) passed(await run(['keygen', '--output', at(name)]));
  const key = at('release.key');
  const said = ['--predicate', at('predicate.json'), '--type', PROVENANCE, '--signature', at('attestation.json')];
  passed(await run(['attest', at('model'), ...said, '--key', key]));
  const verdict = ['--verdict', at('verdict.json'), '--verdict-key', key];
  passed(await run(['verify', at('model'), '--sha256', digest, ...verdict]));
});

for (const version of ['v2', 'v3']) {
  const cosign = built(`${version}/cosign`);
  const skip = existsSync(cosign) ? false : 'cosign is not built: test/system/build-verifiers.sh';
  describe(`19: cosign ${version}`, { skip }, () => {
    const verify = (bundle: string, type: string, sha256: string, key = 'release.pub') =>
      ended(cosign, [
        ...['verify-blob-attestation', '--bundle', at(bundle), '--new-bundle-format', '--type', type],
        ...['--digest', sha256, '--digestAlg', 'sha256', '--key', at(key)],
        ...['--insecure-ignore-tlog', '--trusted-root', ROOT],
      ]);

    for (const [what, bundle, type] of [
      ['an attestation of a folder', 'attestation.json', PROVENANCE],
      ['a verdict', 'verdict.json', SUMMARY],
    ] as const) {
      it(`19: accepts ${what}, by digest`, () => {
        const { status, output } = verify(bundle, type, digest);
        assert.equal(status, 0, output);
        assert.match(output, /Verified OK/);
      });

      it(`19: refuses ${what} for another digest or key`, () => {
        assert.match(verify(bundle, type, '0'.repeat(64)).output, /does not match any digest/);
        // v3 looks at no type where there is a bundle.
        if (version === 'v2') assert.notEqual(verify(bundle, 'https://example.com/other/v1', digest).status, 0);
        assert.notEqual(verify(bundle, type, digest, 'stranger.pub').status, 0);
      });
    }
  });
}
