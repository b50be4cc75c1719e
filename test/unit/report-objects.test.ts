// What a report says: each artifact with its digest, signer and policy, and never more than was
// verified.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { namespaceReport, podReport } from '../../src/cluster/objects.ts';
import type { ArtifactVerdict, PodVerdict } from '../../src/cluster/pod-verdict.ts';
import { REPORT_APIS } from '../../src/cluster/report-api.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes
type Json = any;

const read = (path: string) => JSON.parse(readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8'));
const schemas = { ...read('kyverno/schemas.json'), ...read('openreports/schemas.json') };
const ajv = new Ajv2020({ strict: false });
const A = 'a'.repeat(64);

const artifact = (name: string, result: string, more: Partial<ArtifactVerdict> = {}): ArtifactVerdict => ({
  name,
  result,
  sha256: A,
  ...more,
});

function verdict(result: PodVerdict['result'], artifacts: readonly ArtifactVerdict[], more: Partial<PodVerdict> = {}) {
  const base = { namespace: 'ml', pod: 'p', uid: 'u', isCounted: true, exitCode: 0, codes: [], message: 'said' };
  return { ...base, result, artifacts, time: '2026-11-20T10:00:00Z', ...more } as PodVerdict;
}

const outline = (report: Json) =>
  report.results.map(({ result, properties }: Json) => `${properties.artifact ?? '-'}=${result}`).sort();

describe('17.6: the report of a pod', () => {
  it('17.6: carries the digests, the signer and the policy of each artifact, in both APIs', () => {
    const signed = artifact('weights', 'PASSED', {
      manifest: `sha256:${A}`,
      signers: ['ci: https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main'],
      policies: ['mistral', 'corp'],
    });
    for (const api of Object.values(REPORT_APIS)) {
      const report: Json = podReport(verdict('pass', [signed, artifact('data', 'PASSED')]), api);
      const isValid = ajv.compile(schemas[`${api.apiVersion} ${api.kind}`]);
      assert.ok(isValid(report) as boolean, ajv.errorsText(isValid.errors));
      const [first] = report.results;
      assert.equal(first.policy, 'mistral,corp');
      assert.deepEqual(first.properties, {
        exitCode: '0',
        codes: '',
        artifact: 'weights',
        sha256: A,
        manifest: `sha256:${A}`,
        signer: 'ci: https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main',
        policies: 'mistral, corp',
      });
      assert.deepEqual(report.summary, { pass: 2, fail: 0, warn: 0, error: 0, skip: 0 });
    }
  });

  const cases: readonly [what: string, verdict: PodVerdict, results: readonly string[]][] = [
    ['all passed', verdict('pass', [artifact('a', 'PASSED')]), ['a=pass']],
    [
      'one of two failed',
      verdict('fail', [artifact('a', 'PASSED'), artifact('b', 'FAILED')], { exitCode: 65 }),
      ['a=pass', 'b=fail'],
    ],
    [
      'the one that failed had no room',
      verdict('fail', [artifact('a', 'PASSED')], { exitCode: 65 }),
      ['-=fail', 'a=pass'],
    ],
    ['nobody knows', verdict('error', [artifact('a', 'UNEVALUATED')], { exitCode: 75 }), ['a=error']],
    ['Audit', verdict('warn', [artifact('a', 'PASSED'), artifact('b', 'FAILED')]), ['a=pass', 'b=warn']],
    ["an author's verifier", verdict('warn', [artifact('a', 'PASSED')], { isCounted: false }), ['a=warn']],
    [
      "an author's verifier that failed",
      verdict('fail', [artifact('a', 'PASSED'), artifact('b', 'FAILED')], { isCounted: false, exitCode: 65 }),
      ['a=warn', 'b=fail'],
    ],
    ['it said nothing', verdict('warn', []), ['-=warn']],
    ['a result that there is not', verdict('pass', [artifact('a', 'GREAT')]), ['-=pass', 'a=warn']],
  ];
  for (const [what, said, expected] of cases)
    it(`17.6: ${what}: ${expected.join(', ')}`, () =>
      assert.deepEqual(outline(podReport(said, REPORT_APIS.wgpolicyk8s)), expected));
});

describe('17.6: the report of a namespace', () => {
  it('17.6: is one result for each content, with how many pods use it, the worst first', () => {
    const pods = Array.from({ length: 1000 }, (_, i) =>
      verdict(i % 10 === 0 ? 'fail' : 'pass', [artifact('model', i % 10 === 0 ? 'FAILED' : 'PASSED')], {
        uid: `u${i}`,
        pod: `p${i}`,
      }),
    );
    for (const api of Object.values(REPORT_APIS)) {
      const report: Json = namespaceReport('ml', pods, api);
      const isValid = ajv.compile(schemas[`${api.apiVersion} ${api.kind}`]);
      assert.ok(isValid(report) as boolean, ajv.errorsText(isValid.errors));
      assert.deepEqual(
        report.results.map(({ result, properties }: Json) => [result, properties.pods]),
        [
          ['fail', '100'],
          ['pass', '900'],
        ],
      );
      assert.equal(report.results[0].resources.length, 10);
    }
  });

  it('17.6: fits into an object, whatever pods call their artifacts, and counts all', () => {
    const pods = Array.from({ length: 3000 }, (_, i) =>
      verdict('warn', [artifact(`\u{1f4a5}${i}`.padEnd(63, 'x'), 'PASSED')], { isCounted: false, uid: `u${i}` }),
    );
    const report: Json = namespaceReport('ml', pods, REPORT_APIS.wgpolicyk8s);
    assert.ok(JSON.stringify(report).length < 400_000, `${JSON.stringify(report).length}`);
    assert.equal(report.summary.warn, 3000);
    assert.deepEqual(namespaceReport('ml', [], REPORT_APIS.wgpolicyk8s)['results'], []);
  });
});
