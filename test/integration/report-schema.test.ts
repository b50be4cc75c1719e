import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { recipe, run, workFolder, write } from './cli.ts';

const schema = JSON.parse(readFileSync(new URL('../../schemas/report.v1alpha1.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, validateFormats: false }).compile(schema);

async function reportOf(args: readonly string[]): Promise<Record<string, unknown>> {
  const file = join(workFolder(), 'report.json');
  await run(['verify', ...args, '--report', file]);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const valid: boolean = validate(report);
  assert.ok(valid, JSON.stringify(validate.errors, null, 1));
  return report;
}

describe('the report', () => {
  it('follows its schema, whatever the run came to', async () => {
    const folder = workFolder();
    write(folder, { a: 'x', 'b\n\x1b[2J': 'y' });
    assert.equal((await reportOf([folder, '--sha256', recipe(folder)]))['verificationResult'], 'PASSED');
    assert.equal((await reportOf([folder, '--sha256', 'a'.repeat(64)]))['verificationResult'], 'FAILED');
    assert.equal((await reportOf([folder, '--sha256', 'nonsense']))['exitCode'], 78);
    // Nobody listens there: nothing of a volume is read when the time is over.
    const late = ['https://127.0.0.1:1/model', join(workFolder(), 'm'), '--sha256', 'a'.repeat(64), '--timeout=1ms'];
    assert.equal((await reportOf(late))['verificationResult'], 'UNEVALUATED');
    const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
    const identity = [
      '--certificate-identity',
      'a@tny.town',
      '--certificate-oidc-issuer',
      'https://github.com/login/oauth',
    ];
    const signed = [fixture('public-good/a.txt'), '--signature', fixture('public-good/a.txt.sigstore')];
    assert.equal((await reportOf([...signed, ...identity]))['exitCode'], 0);
    assert.equal((await reportOf([...signed, '--key', fixture('cosign/cosign.pub')]))['exitCode'], 65);
    const target = join(workFolder(), 'copy');
    assert.equal((await reportOf([`file://${folder}`, target, '--sha256', recipe(folder)]))['exitCode'], 0);
    writeFileSync(join(folder, 'SUMS'), `${'a'.repeat(64)}  a\n`);
    symlinkSync('a', join(folder, 'link'));
    assert.equal(
      (await reportOf([folder, '--checksums', join(folder, 'SUMS'), '--checksums-sha256', 'a'.repeat(64)]))['exitCode'],
      65,
    );
  });

  it('does not have a field that its schema does not know', () => {
    const report = { apiVersion: 'weighlock.dev/v1alpha1', surprise: 1 };
    assert.equal(validate(report), false);
  });
});
