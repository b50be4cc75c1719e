// Policies for the images of a node: what a pattern matches, what is read and what is refused. The
// published schema agrees.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, stringify } from 'yaml';
import { type NodeImagePolicy, type PolicyError, parseNodeImagePolicy } from '../../src/plan/index.ts';
import { compileImagePattern, imageName, PatternFault } from '../../src/plan/policy/image-pattern.ts';
import { parseReference } from '../../src/registry/index.ts';

const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });
const json = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false });
ajv.addSchema(json('schemas/policy.v1alpha1.schema.json'));
const isValid = ajv.compile(json('schemas/node-image-policy.v1alpha1.schema.json'));

// biome-ignore lint/suspicious/noExplicitAny: drafts are made wrong on purpose
type Draft = any;

function full(): Draft {
  return {
    apiVersion: 'weighlock.dev/v1alpha1',
    kind: 'NodeImagePolicy',
    metadata: { name: 'node' },
    spec: {
      mode: 'Audit',
      failurePolicy: 'Ignore',
      unmatched: 'Allow',
      timeout: '5s',
      registries: {
        credentials: ['config.json'],
        caCertificates: ['/etc/ca.pem'],
        plainHttp: ['localhost:5000'],
        mirrors: ['docker.io=mirror.test'],
      },
      attestors: [{ name: 'release', cosign: { key: { data: KEY.toString() } } }],
      images: [
        { name: 'models', match: ['r.test/models/**'], require: [{ signature: { attestors: ['release'] } }] },
        { name: 'pause', match: ['registry.k8s.io/pause'], digests: [`sha256:${'a'.repeat(64)}`] },
        { name: 'system', match: ['registry.k8s.io/**', 'docker.io/library/*'], allow: true },
      ],
    },
  };
}

async function read(draft: Draft): Promise<{ policy?: NodeImagePolicy; problems: string[] }> {
  const problems: PolicyError[] = [];
  const policy = await parseNodeImagePolicy(stringify(draft), '/etc/weighlock/p.yaml', problems);
  return { ...(policy === undefined ? {} : { policy }), problems: problems.map(({ message }) => message) };
}

describe('17: a pattern of images', () => {
  const name = (text: string) => imageName(parseReference(text));

  it('matches names, however they are written', () => {
    for (const [pattern, image, isSo] of [
      ['r.test/models/*', 'r.test/models/m:v1', true],
      ['r.test/models/*', 'R.TEST:443/models/m', true],
      ['r.test:443/models/*', 'r.test/models/m', true],
      ['r.test/models/*', 'r.test:8443/models/m', false],
      ['r.test/models/*', 'r.test/models/a/b', false],
      ['r.test/models/**', 'r.test/models/a/b', true],
      ['r.test/models/**', 'r.test/models', false],
      ['r.test/models/**', 'r.test/models-evil/m', false],
      ['r.test/models/*', 'xr.test/models/m', false],
      ['r.test/models/*', 'r-test/models/m', false],
      ['r.test/models/m', 'r.test/models/mm', false],
      ['r.test/m*-v?', 'r.test/mx-v1', undefined],
      ['*.test/**', 'a.test/x', true],
      ['*.test/**', 'a.b.test/x', true],
      ['*.test/**', 'a.test.evil/x', false],
      ['r.test/**', 'evil.test/r.test/x', false],
      ['**', 'anything.test/x', true],
      ['docker.io/library/*', 'busybox:1', true],
      ['index.docker.io/library/*', 'docker.io/busybox', true],
      ['docker.io/library/*', 'registry-1.docker.io/library/busybox', true],
      ['localhost:5000/**', 'localhost:5000/a', true],
      ['docker.io/library/*', 'registry.hub.docker.com/library/busybox', true],
      ['[::1]:5000/**', '[::1]:5000/a', true],
      ['[::1]:5000/**', '[0:0:0:0:0:0:0:1]:5000/a', true],
      ['[0:0:0:0:0:0:0:1]:5000/**', '[::1]:05000/a', true],
      ['[::ffff:10.0.0.1]/**', '[::ffff:a00:1]/a', true],
      ['[::ffff:a00:1]/**', '[0:0:0:0:0:ffff:0a00:0001]:443/a', true],
      ['r.test/models/*', 'r.test:0443/models/m', true],
      ['r.test/models/*', 'r.test:00443/models/m', true],
      ['r.test:8443/models/*', 'r.test:08443/models/m', true],
      ['r.test:08443/models/*', 'r.test:8443/models/m', true],
      ['r.test:80/models/*', 'r.test/models/m', false],
      ['10.0.0.1:5000/**', '10.0.0.1:05000/a', true],
      ['10.0.0.1:5000/**', '10.0.1:5000/a', true],
      ['10.0.0.1:5000/**', '012.0.0.1:5000/a', true],
      ['10.0.0.1:5000/**', '0xa000001:5000/a', true],
      ['10.0.0.1:5000/**', '10.0.0.2:5000/a', false],
      ['r.test:99999/**', 'r.test:99999/a', true],
      ['r.test:*/**', 'r.test:8443/a', true],
    ] as const) {
      if (isSo === undefined) assert.throws(() => compileImagePattern(pattern), PatternFault);
      else assert.equal(compileImagePattern(pattern)(name(image)), isSo, `${pattern} ${image}`);
    }
  });

  it('is refused where it would match nothing, or take long', () => {
    for (const pattern of [
      '',
      '*',
      'r.test',
      'r.test/',
      'r.test/m:v1',
      `r.test/m@sha256:${'a'.repeat(64)}`,
      'oci://r.test/m',
      'r.test/M',
      'r.test/m|x',
      'r.test/(m)',
      'docker.io/busybox',
      'r.test/***',
      `r.test/${'a'.repeat(512)}`,
    ])
      assert.throws(() => compileImagePattern(pattern), PatternFault, pattern);
    const slow = compileImagePattern(`r.test/${'**a'.repeat(100)}b`);
    const start = process.cpuUsage();
    assert.equal(slow(`r.test/${'a'.repeat(240)}`), false);
    assert.ok(process.cpuUsage(start).user < 1_000_000);
  });
});

describe('17: a policy for the images of a node', () => {
  it('the example is one', async () => {
    const text = readFileSync(new URL('../../examples/node/image-policy.yaml', import.meta.url), 'utf8');
    assert.equal(isValid(parse(text)), true, JSON.stringify(isValid.errors));
    const { policy, problems } = await read(parse(text.replace('file: release.pub', `data: ${JSON.stringify(KEY)}`)));
    assert.deepEqual(problems, []);
    assert.deepEqual(
      policy?.rules.map(({ name }) => name),
      ['models', 'verifier', 'cluster'],
    );
  });

  it('is read with its files beside it, and refuses by itself what it does not say', async () => {
    const { policy, problems } = await read(full());
    assert.deepEqual(problems, []);
    assert.equal(isValid(full()), true, JSON.stringify(isValid.errors));
    assert.deepEqual(policy?.registries.configs, ['/etc/weighlock/config.json']);
    assert.deepEqual(policy?.registries.caFiles, ['/etc/ca.pem']);
    assert.deepEqual(
      [policy?.mode, policy?.failurePolicy, policy?.unmatched, policy?.timeout],
      ['Audit', 'Ignore', 'Allow', 5000],
    );
    const least = full();
    least.spec = { images: [] };
    const usual = await read(least);
    assert.deepEqual(
      [usual.policy?.mode, usual.policy?.failurePolicy, usual.policy?.unmatched],
      ['Enforce', 'Fail', 'Refuse'],
    );
    assert.ok((usual.policy?.timeout ?? 99_999) < 10_000, 'less than containerd waits');
  });

  const wrong: [string, (draft: Draft) => void, RegExp, boolean?][] = [
    ['an unknown key', ({ spec }) => (spec.default = 'Allow'), /unknown key/],
    ['no rules', ({ spec }) => delete spec.images, /images is missing/],
    ['a rule that asks nothing', ({ spec }) => delete spec.images[0].require, /says nothing/],
    ['a rule that asks and allows', ({ spec }) => (spec.images[0].allow = true), /exclude each other/],
    ['allow: false', ({ spec }) => (spec.images[2].allow = false), /cannot be false/],
    ['no patterns', ({ spec }) => (spec.images[0].match = []), /it is empty/],
    ['a tag in a pattern', ({ spec }) => (spec.images[0].match = ['r.test/m:v1']), /no pattern/, true],
    ['a digest that is none', ({ spec }) => (spec.images[1].digests = ['sha256:x']), /no digest/],
    [
      'a digest of content',
      ({ spec }) => (spec.images[0].require = [{ sha256: 'a'.repeat(64) }]),
      /does not see files/,
      true,
    ],
    ['a signature in a file', ({ spec }) => (spec.images[0].require[0].signature.file = 'x'), /not in a file/, true],
    ['paths of models', ({ spec }) => (spec.images[0].require[0].signature.ignorePaths = ['x']), /of models/, true],
    [
      'an attestor that is not there',
      ({ spec }) => (spec.images[0].require[0].signature.attestors = ['x']),
      /no attestor x/,
      true,
    ],
    ['a time that is none', ({ spec }) => (spec.timeout = 'soon'), /no duration/, true],
    ['another kind', (draft) => (draft.kind = 'VerificationPolicy'), /cannot be/],
    ['Warn', ({ spec }) => (spec.mode = 'Warn'), /cannot be/],
    ['one list for another', ({ spec }) => (spec.registries.mirrors = 'x'), /must be a list/],
  ];
  for (const [what, change, message, isBeyondSchema] of wrong)
    it(`refuses ${what}`, async () => {
      const draft = full();
      change(draft);
      const { policy, problems } = await read(draft);
      assert.equal(policy, undefined);
      assert.match(problems.join('\n'), message);
      assert.equal(isValid(parse(stringify(draft))), isBeyondSchema ?? false);
    });
});
