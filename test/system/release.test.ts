// What is released beside the images, made and verified as the release does it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cycloneDx, sbom } from '../../image/sbom.ts';
import { ROOT } from '../docs/pages.ts';
import { passed, refused, run, workFolder } from '../integration/cli.ts';

function assemble(folder: string): string {
  const script = join(ROOT, 'scripts/release/assemble.ts');
  return execFileSync(process.execPath, [script, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('20: the files of a release', () => {
  it('20: has the same packages in both bills of materials, and every package of the program', () => {
    const spdx = sbom().packages.map((one) => `${one['name']}@${one['versionInfo']}`);
    const cdx = cycloneDx().components.map(
      ({ group, name, version }) => `${group ? `${group}/` : ''}${name}@${version}`,
    );
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
    for (const name of [...Object.keys(dependencies), 'node', 'openssl']) {
      assert.ok(
        spdx.some((one) => one.startsWith(`${name}@`)),
        `${name} is not in the SPDX document`,
      );
      assert.ok(
        cdx.some((one) => one.startsWith(`${name}@`)),
        `${name} is not in the CycloneDX document`,
      );
    }
    assert.deepEqual(
      cdx.filter((one) => !spdx.includes(one)),
      [],
    );
  });

  it('20: are the same bytes when one commit is built twice, are signed as one, and a changed one is found', async () => {
    const work = workFolder();
    const [first, second] = [join(work, 'first'), join(work, 'second')];
    assert.equal(assemble(first), assemble(second));
    for (const name of readdirSync(first))
      assert.deepEqual(readFileSync(join(first, name)), readFileSync(join(second, name)), name);
    passed(await run(['keygen', `--output=${join(work, 'k')}`]));
    passed(await run(['sign', first, `--key=${join(work, 'k.key')}`, `--signature=${join(first, 'weighlock.sig')}`]));
    const verify = (folder: string) =>
      run(['verify', folder, `--key=${join(work, 'k.pub')}`, `--signature=${join(folder, 'weighlock.sig')}`]);
    passed(await verify(first));
    const changed = join(work, 'changed');
    cpSync(first, changed, { recursive: true });
    writeFileSync(join(changed, 'SHA256SUMS'), 'other', { flag: 'r+' });
    refused(await verify(changed), 'DIGEST_MISMATCH', /SHA256SUMS/);
  });

  it('20: hold the chart as helm takes it, and a package with the program, the manual and the completions', () => {
    const folder = join(workFolder(), 'release');
    assemble(folder);
    const list = (start: string) => {
      const name = readdirSync(folder).find((one) => one.startsWith(start) && one.endsWith('.tgz')) ?? '';
      return execFileSync('tar', ['-tzf', join(folder, name)], { encoding: 'utf8' }).split('\n');
    };
    for (const file of ['weighlock/Chart.yaml', 'weighlock/values.yaml', 'weighlock/templates/'])
      assert.ok(list('weighlock-chart').includes(file), file);
    for (const file of ['dist/weighlock.mjs', 'share/man/man1/weighlock.1', 'share/completions/_weighlock', 'LICENSE'])
      assert.ok(list('weighlock-0').includes(`package/${file}`), file);
  });
});
