import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { LineCoverage } from '../../scripts/coverage/line-coverage.ts';

describe('20: coverage of lines', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-coverage-'));
  after(() => rmSync(folder, { recursive: true }));
  const source = 'export function used() {\n  return 1;\n}\nexport function unused() {\n  return 2;\n}\n';

  it('20: counts lines of a source by what a bundle of it reached, in any of several processes', async () => {
    writeFileSync(join(folder, 'a.ts'), source);
    const outfile = join(folder, 'out.mjs');
    await build({ entryPoints: [join(folder, 'a.ts')], outfile, bundle: true, format: 'esm', sourcemap: 'linked' });
    const code = readFileSync(outfile, 'utf8');
    const functionAt = (name: string) => {
      const startOffset = code.indexOf(`function ${name}(`);
      return { startOffset, endOffset: code.indexOf('}', startOffset) + 1 };
    };
    const written = (used: number, unused: number) => {
      const whole = { ranges: [{ startOffset: 0, endOffset: code.length, count: 1 }] };
      const functions = [
        whole,
        { ranges: [{ ...functionAt('used'), count: used }] },
        { ranges: [{ ...functionAt('unused'), count: unused }] },
      ];
      return JSON.stringify({
        result: [
          { url: pathToFileURL(outfile).href, functions },
          { url: 'node:fs', functions },
        ],
      });
    };
    const coverage = new LineCoverage(folder);
    coverage.add(written(1, 0));
    const [first] = coverage.files();
    assert.equal(first?.path, 'a.ts');
    assert.ok(first.covered > 0 && first.covered < first.lines, JSON.stringify(first));
    assert.ok(first.missing.includes(5) && !first.missing.includes(2), JSON.stringify(first));
    coverage.add(written(0, 3));
    const all = { path: 'a.ts', lines: first.lines, covered: first.lines, percent: 100, missing: [] };
    assert.deepEqual(coverage.files(), [all]);
  });

  it('20: says nothing of sources outside of the folder', async () => {
    const outfile = join(folder, 'out.mjs');
    const coverage = new LineCoverage(join(folder, 'elsewhere'));
    const functions = [{ ranges: [{ startOffset: 0, endOffset: 10, count: 1 }] }];
    coverage.add(JSON.stringify({ result: [{ url: pathToFileURL(outfile).href, functions }] }));
    assert.deepEqual(coverage.files(), []);
  });
});
