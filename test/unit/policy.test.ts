// Policies: what is meant is read, and what is not meant is refused with its place. The published
// schema agrees.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, stringify } from 'yaml';
import { explainPolicy, type PolicyError, parsePolicy } from '../../src/plan/index.ts';

type Draft = Record<string, unknown>;

const folder = mkdtempSync(join(tmpdir(), 'weighlock-policy-'));
after(() => rmSync(folder, { recursive: true }));
const pem = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
const KEY = pem().toString();
const OTHER = pem().toString();
writeFileSync(join(folder, 'cosign.pub'), KEY);
const FILE = join(folder, 'policy.yaml');
const A = 'a'.repeat(64);

const schema = JSON.parse(readFileSync(new URL('../../schemas/policy.v1alpha1.schema.json', import.meta.url), 'utf8'));
const isValid = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(schema);

const KEYLESS = { issuer: 'https://accounts.example', subject: 'https://ci.example/train' };

/** A policy with everything in it that there is. */
function full(): Draft {
  return {
    apiVersion: 'weighlock.dev/v1alpha1',
    kind: 'VerificationPolicy',
    metadata: { name: 'all' },
    spec: {
      mode: 'Enforce',
      failurePolicy: 'Fail',
      hasher: 'native',
      attestors: [
        { name: 'release', cosign: { key: { file: 'cosign.pub' }, ctlog: { insecureIgnoreTlog: true } } },
        { name: 'inline', cosign: { key: { data: OTHER, hashAlgorithm: 'sha256' } } },
        {
          name: 'ci',
          cosign: {
            keyless: { identities: [KEYLESS, { issuerRegExp: 'https://id\\.example', subjectRegExp: 'x@acme\\..+' }] },
            ctlog: { url: 'https://rekor.sigstore.dev', insecureIgnoreSCT: true, useSignedTimestamps: true },
          },
        },
      ],
      artifacts: [
        {
          name: 'weights',
          source: 'oci://registry.example.com/models/m:v1',
          path: '/models/m',
          require: [
            {
              signature: { attestors: ['release', 'inline', 'ci'], threshold: 2, repository: 'registry.example.com/s' },
            },
            {
              attestation: {
                type: 'slsaprovenance1',
                attestors: ['ci'],
                conditions: ["predicate.runDetails.builder.id == 'x'"],
                maxAge: '720h',
              },
            },
          ],
        },
        {
          name: 'mounted',
          each: 'targets',
          require: [{ anyOf: [{ signature: { attestors: ['ci'] } }, { sha256: { fromEnv: 'DATASET_SHA256' } }] }],
        },
        {
          name: 'table',
          path: '/data/t',
          require: [{ sha256: A }, { checksums: { file: 'SHA256SUMS', sha256: { value: A } } }],
        },
        {
          name: 'listed',
          path: '/data/l',
          require: [
            { checksums: { file: 'SHA256SUMS', signature: { attestors: ['release'], file: 'SHA256SUMS.sig' } } },
          ],
        },
      ],
    },
  };
}

/** Changes a policy at a path such as `spec.artifacts.0.path`. */
function changed(path: string, value: unknown): Draft {
  const policy = full();
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const at = keys.reduce((node, key) => node[key] as Draft, policy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return policy;
}

async function read(text: string): Promise<{ problems: PolicyError[]; lines: string[] }> {
  const problems: PolicyError[] = [];
  const policy = await parsePolicy(text, FILE, problems);
  assert.equal(policy === undefined, problems.length > 0);
  return { problems, lines: policy === undefined ? [] : explainPolicy(policy) };
}

async function refuses(text: string, message: RegExp): Promise<PolicyError[]> {
  const { problems } = await read(text);
  const all = problems.map((one) => `${one.file} ${one.message} ${one.remedy}`).join('\n');
  assert.match(all, message);
  for (const { code, file } of problems) {
    assert.equal(code, 'CONFIG_INVALID');
    assert.match(file ?? '', /policy\.yaml:\d+:\d+$/);
  }
  return problems;
}

describe('a policy', () => {
  it('with everything in it is read, and meets the published schema', async () => {
    const { problems, lines } = await read(stringify(full()));
    assert.deepEqual(problems, []);
    assert.ok(isValid(full()), JSON.stringify(isValid.errors));
    assert.match(lines.join('\n'), /by 2 of:/);
    assert.match(lines.join('\n'), /at least one of these holds/);
    assert.match(lines.join('\n'), /DATASET_SHA256, which the pod's author sets/);
  });

  it('says for what is wrong where it stands and what was meant', async () => {
    const text = stringify(full()).replace('threshold: 2', 'treshold: 2').replace('mode: Enforce', 'mode: enforce');
    const problems = await refuses(text, /unknown key "treshold" did you mean threshold\?/);
    assert.match(problems.map(({ remedy }) => remedy).join(), /did you mean Enforce/);
    const line = text.split('\n').findIndex((one) => one.includes('treshold')) + 1;
    assert.ok(problems.some(({ file }) => file === `${FILE}:${line}:${text.split('\n')[line - 1]!.indexOf('t') + 1}`));
    assert.equal(problems.length, 2, 'all problems, not the first alone');
  });

  const WRONG: readonly [string, unknown, RegExp, 'schema agrees' | 'schema cannot know'][] = [
    ['apiVersion', 'v1', /apiVersion: it cannot be "v1"/, 'schema agrees'],
    ['kind', 'Policy', /kind/, 'schema agrees'],
    ['metadata', undefined, /metadata is missing/, 'schema agrees'],
    ['spec.artifacts', [], /spec.artifacts: it is empty/, 'schema agrees'],
    ['spec.artifacts', undefined, /artifacts is missing/, 'schema agrees'],
    ['spec.artifacts.0.require', [], /require: it is empty/, 'schema agrees'],
    [
      'spec.artifacts.0.require.0',
      { sha256: A, signature: { attestors: ['ci'] } },
      /exclude each other/,
      'schema agrees',
    ],
    ['spec.artifacts.0.require.0', {}, /it says nothing/, 'schema agrees'],
    ['spec.artifacts.0.path', 'models', /must be absolute/, 'schema agrees'],
    ['spec.artifacts.0.path', '/a/../b', /has a "\.\."/, 'schema cannot know'],
    ['spec.artifacts.0.path', 7, /must be text/, 'schema agrees'],
    ['spec.artifacts.1.path', '/x', /each: targets excludes/, 'schema agrees'],
    ['spec.artifacts.1.each', 'target', /did you mean targets/, 'schema agrees'],
    ['spec.artifacts.1.name', 'weights', /name weights is there twice/, 'schema cannot know'],
    ['spec.artifacts.2.path', '/models/m/', /path \/models\/m is there twice/, 'schema cannot know'],
    ['spec.artifacts.2.require.0.sha256', 'A'.repeat(64), /upper-case/, 'schema agrees'],
    ['spec.artifacts.2.require.0.sha256', { fromEnv: 'lower' }, /no name of a variable/, 'schema agrees'],
    ['spec.artifacts.3.require.0.checksums.signature.file', undefined, /has to be named/, 'schema cannot know'],
    ['spec.artifacts.0.require.0.signature.threshold', 4, /only 3 are named/, 'schema cannot know'],
    ['spec.artifacts.0.require.0.signature.threshold', 0, /whole number/, 'schema agrees'],
    ['spec.artifacts.0.require.0.signature.attestors', ['nobody'], /there is no attestor nobody/, 'schema cannot know'],
    ['spec.artifacts.0.require.0.signature.attestors', ['ci', 'ci'], /named twice/, 'schema agrees'],
    ['spec.artifacts.0.require.0.signature.attestors', 'ci', /must be a list/, 'schema agrees'],
    [
      'spec.artifacts.0.require.1.attestation.type',
      'slsaprovenence1',
      /did you mean slsaprovenance1/,
      'schema cannot know',
    ],
    [
      'spec.artifacts.0.require.1.attestation.conditions',
      ['predicate ==='],
      /condition cannot be used/,
      'schema cannot know',
    ],
    [
      'spec.artifacts.0.require.1.attestation.conditions',
      ['unknown == 1'],
      /condition cannot be used/,
      'schema cannot know',
    ],
    ['spec.artifacts.0.require.1.attestation.maxAge', 'a month', /no duration/, 'schema agrees'],
    ['spec.attestors.0.cosign', undefined, /cosign is missing/, 'schema agrees'],
    ['spec.attestors.0.cosign.key', { data: 'no key' }, /not a public key/, 'schema cannot know'],
    ['spec.attestors.0.cosign.key', { file: 'absent.pub' }, /cannot be read: ENOENT/, 'schema cannot know'],
    ['spec.attestors.0.cosign.key', { kms: 'awskms://x' }, /KMS/, 'schema agrees'],
    ['spec.attestors.0.cosign.tuf', { mirror: 'https://x' }, /TUF/, 'schema agrees'],
    ['spec.attestors.1.name', 'release', /two attestors called release/, 'schema cannot know'],
    ['spec.attestors.1.cosign.key', { data: KEY }, /two of them have the same key/, 'schema cannot know'],
    ['spec.attestors.2.cosign.keyless.identities', [], /it is empty/, 'schema agrees'],
    [
      'spec.attestors.2.cosign.keyless.identities',
      [{ subject: 'x' }],
      /without issuer could be anybody/,
      'schema agrees',
    ],
    [
      'spec.attestors.2.cosign.keyless.identities',
      [{ issuer: 'x' }],
      /without subject could be anybody/,
      'schema agrees',
    ],
    [
      'spec.attestors.2.cosign.keyless.identities.0',
      { ...KEYLESS, subject: 'https://ci/*' },
      /wildcard/,
      'schema cannot know',
    ],
    [
      'spec.attestors.2.cosign.keyless.identities.0',
      { issuer: 'x', subjectRegExp: '.*' },
      /matches anybody/,
      'schema cannot know',
    ],
    [
      'spec.attestors.2.cosign.keyless.identities.0',
      { issuer: 'x', subjectRegExp: '(' },
      /expression/,
      'schema cannot know',
    ],
    [
      'spec.attestors.2.cosign.ctlog.url',
      'https://rekor.private.example',
      /key of this log is not known/,
      'schema cannot know',
    ],
    ['spec.attestors.2.cosign.ctlog.insecureIgnoreSCT', 'yes', /write true or false/, 'schema agrees'],
    ['spec.attestors.2.notary', { certs: {} }, /Notary/, 'schema agrees'],
    ['spec.trustedRoot', { data: '{}' }, /media type/, 'schema cannot know'],
  ];
  for (const [path, value, message, bySchema] of WRONG) {
    it(`is refused with ${path} ${JSON.stringify(value)?.slice(0, 60) ?? 'left out'}`, async () => {
      const policy = changed(path, value);
      await refuses(stringify(policy), message);
      assert.equal(isValid(policy), bySchema === 'schema cannot know', bySchema);
    });
  }

  it('that is no policy at all is refused', async () => {
    const cases: [string, RegExp][] = [
      ['', /it is empty/],
      ['# a comment\n', /it is empty/],
      ['just text', /must be a map/],
      ['- a\n- b\n', /must be a map/],
      ['a: 1\na: 2\n', /unique/i],
      ['a: [1', /YAML/],
      [`${stringify(full())}---\n${stringify(full())}`, /more than one document/],
      [stringify(full()).replace('name: all', 'name: &all all'), /anchors/],
      ['a: &a [x]\nb: *a\n', /anchors/],
      [`a: ${'['.repeat(100_000)}`, /nested deeper/],
      [`${'- '.repeat(40)}a`, /nested deeper/],
      [`a: !!js/function x`, /YAML/],
      ['a: !secret x', /YAML/],
    ];
    for (const [text, message] of cases) await refuses(text, message);
  });

  it('full of aliases that multiply is refused before they do', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`);
    await refuses(`l0: &l0 x\n${levels.join('\n')}`, /anchors/);
  });

  it('explains itself the same however it is written', async () => {
    const { lines } = await read(JSON.stringify(parse(stringify(full()))));
    assert.deepEqual(lines, (await read(stringify(full()))).lines);
  });
});
