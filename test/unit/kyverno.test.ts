// The Kyverno policies of examples/kyverno: every field known to Kyverno's schemas, the CEL evaluated, and every attack on
// the injected verifier refused. `weighlock inject` makes the same pod.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { legacy } from '../../examples/kyverno/legacy/make.ts';
import { injectPod } from '../../src/inject/index.ts';
import { ATTACKS, injectable, PODS } from '../kyverno/attacks.ts';
import { deny, documentsOf, type Json, load, mutate, NAMESPACE } from '../kyverno/evaluate.ts';

const FOLDER = fileURLToPath(new URL('../../examples/kyverno/', import.meta.url));
const INJECT = load('base/inject.yaml');
const REQUIRE = load('base/require.yaml');
const IMAGE = INJECT.spec.variables.find(({ name }: Json) => name === 'image').expression.slice(1, -1);

const schemas: Json = JSON.parse(readFileSync(new URL('../fixtures/kyverno/schemas.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false });

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));

describe('the policies', () => {
  it('have no field that Kyverno does not know', () => {
    let checked = 0;
    for (const file of files) {
      for (const document of documentsOf(readFileSync(join(FOLDER, file), 'utf8'))) {
        const schema = schemas[`${document.apiVersion} ${document.kind}`];
        if (schema === undefined) {
          assert.doesNotMatch(document.apiVersion, /^(policies\.)?kyverno\.io/, file);
          continue;
        }
        assert.ok(ajv.validate(schema, document), `${file}: ${ajv.errorsText()}`);
        checked += 1;
      }
    }
    assert.ok(checked >= 14, `${checked}`);
    const typo = structuredClone(INJECT);
    typo.spec.webhookConfiguration.failurePolicy = 'Fail';
    assert.equal(
      ajv.validate(schemas['policies.kyverno.io/v1 MutatingPolicy'], typo),
      false,
      'unknown fields are seen',
    );
  });

  it('agree about the image and the volumes, in every form', () => {
    const variable = (policy: Json, name: string) =>
      policy.spec.variables.find((one: Json) => one.name === name).expression;
    for (const name of 'image scratch hostPaths platform named others foreign written emptyVols filled protectedVols'.split(
      ' ',
    ))
      assert.equal(variable(INJECT, name), variable(REQUIRE, name), name);
    assert.equal(load('base/image.yaml').data.expression, variable(INJECT, 'image'));
    const made = readFileSync(join(FOLDER, 'legacy/require.yaml'), 'utf8');
    assert.equal(
      made,
      legacy(readFileSync(join(FOLDER, 'base/require.yaml'), 'utf8')),
      'node examples/kyverno/legacy/make.ts',
    );
    assert.match(readFileSync(join(FOLDER, 'legacy/inject.yaml'), 'utf8'), new RegExp(`image: ${IMAGE}\n`));
  });
});

describe('injection', () => {
  for (const [name, pod] of Object.entries(PODS)) {
    it(`of ${name} makes a pod that is admitted, and changes nothing a second time`, () => {
      const once = mutate(INJECT, { object: pod });
      assert.equal(deny(REQUIRE, { object: once }), undefined);
      assert.deepEqual(mutate(INJECT, { object: once }), once);
      assert.equal(deny(REQUIRE, { object: pod }) === undefined, once.spec === pod.spec, 'without it, it is not');
    });

    it(`of ${name} is what "weighlock inject" makes`, () => {
      const { spec, metadata } = mutate(INJECT, { object: pod });
      const made = injectPod(pod.spec, {
        image: IMAGE,
        scratchClaims: NAMESPACE.metadata.annotations['weighlock.dev/scratch-claims'].split(','),
        hostPaths: [NAMESPACE.metadata.annotations['weighlock.dev/host-paths']],
        platformContainers: [NAMESPACE.metadata.annotations['weighlock.dev/platform-containers']],
        volumes: metadata.annotations?.['weighlock.dev/volumes']?.split(',') ?? [],
      });
      assert.deepEqual(made ?? { initContainers: pod.spec.initContainers, volumes: pod.spec.volumes }, {
        initContainers: spec.initContainers,
        volumes: spec.volumes,
      });
    });
  }

  it('cannot make good a pod that goes on filling what was verified, or that reads one volume to fill another', () => {
    const download = PODS['a download of an init container'];
    const sidecar = structuredClone(download);
    sidecar.spec.initContainers[0].restartPolicy = 'Always';
    assert.match(deny(REQUIRE, { object: mutate(INJECT, { object: sidecar }) }) ?? '', /must be mounted readOnly/);
    const writes = structuredClone(download);
    writes.spec.containers[0].volumeMounts[0].readOnly = false;
    assert.match(deny(REQUIRE, { object: mutate(INJECT, { object: writes }) }) ?? '', /must be mounted readOnly/);
    const converts = structuredClone(download);
    converts.spec.volumes.push({ name: 'claim', persistentVolumeClaim: { claimName: 'data' } });
    converts.spec.initContainers[0].volumeMounts.push({ name: 'claim', mountPath: '/in', readOnly: true });
    assert.match(deny(REQUIRE, { object: mutate(INJECT, { object: converts }) }) ?? '', /before weighlock has/);
  });

  it('is as large as the platform says', () => {
    const { image, ...size } = { image: IMAGE, cpu: '250m', memory: '256Mi' };
    const policy = structuredClone(INJECT);
    for (const [name, value] of Object.entries(size))
      policy.spec.variables.find((one: Json) => one.name === name).expression = `'${value}'`;
    const [verifier] = mutate(policy, { object: injectable() }).spec.initContainers;
    assert.deepEqual(verifier.resources, { requests: size, limits: size });
    const made = injectPod(injectable().spec, { image, ...size, scratchClaims: [], volumes: [] });
    assert.deepEqual(made?.initContainers[0], verifier);
  });

  it('leaves out pods that are not in scope', () => {
    const pod = injectable();
    delete pod.metadata.labels;
    const namespace = { metadata: { name: 'default' } };
    assert.equal(mutate(INJECT, { object: pod, namespace }), pod);
    assert.equal(deny(REQUIRE, { object: pod, namespace }), undefined);
    const labelled = { ...pod, metadata: { ...pod.metadata, labels: { 'workload-type': 'training' } } };
    assert.notEqual(mutate(INJECT, { object: labelled, namespace }), labelled);
    assert.notEqual(deny(REQUIRE, { object: labelled, namespace }), undefined);
  });
});

describe('an attack', () => {
  for (const { name, refusal, apply } of ATTACKS) {
    it(`is refused: ${name}`, () => {
      const pod = mutate(INJECT, { object: injectable() });
      assert.equal(deny(REQUIRE, { object: pod }), undefined, 'before it the pod is admitted');
      apply(pod);
      assert.match(deny(REQUIRE, { object: pod }) ?? 'admitted', refusal);
      // Also when it comes later, as a change of the running pod.
      const before = mutate(INJECT, { object: injectable() });
      assert.match(deny(REQUIRE, { object: pod, oldObject: before }) ?? 'admitted', refusal);
    });
  }

  it('by a change of any field of the verifier is refused', () => {
    const pristine = mutate(INJECT, { object: injectable() });
    let tried = 0;
    for (const path of leaves(pristine.spec.initContainers[0])) {
      // Neither its name alone (then there is none) nor these can make it verify less.
      if (
        /^(imagePullPolicy|terminationMessagePolicy|resources|securityContext\/(runAsUser|seccompProfile))/.test(path)
      )
        continue;
      const pod = structuredClone(pristine);
      change(pod.spec.initContainers[0], path);
      assert.notEqual(deny(REQUIRE, { object: pod }), undefined, path);
      tried += 1;
    }
    assert.ok(tried >= 18, `${tried}`);
  });

  it('before admission cannot keep the verifier out', () => {
    for (const { apply } of ATTACKS) {
      const pod = injectable();
      pod.spec.initContainers ??= [{ name: 'weighlock', image: 'evil', env: [], volumeMounts: [] }];
      try {
        apply(pod);
      } catch {
        continue;
      }
      const mutated = mutate(INJECT, { object: pod });
      const verdict = deny(REQUIRE, { object: mutated });
      const verifier = mutated.spec.initContainers.filter((c: Json) => c.name === 'weighlock');
      assert.ok(verdict !== undefined || (verifier.length === 1 && verifier[0].image === IMAGE));
    }
  });

  it('by a label that comes later does not bring an unverified pod into scope unseen', () => {
    const namespace = { metadata: { name: 'default' } };
    const pod = injectable();
    const before = { ...pod, metadata: { ...pod.metadata, labels: {} } };
    assert.equal(deny(REQUIRE, { object: before, namespace }), undefined);
    assert.match(deny(REQUIRE, { object: pod, oldObject: before, namespace }) ?? 'admitted', /exactly one weighlock/);
  });

  it('is refused, one by one and all of them', (t) => {
    const refused = ATTACKS.filter(({ apply }) => {
      const pod = mutate(INJECT, { object: injectable() });
      apply(pod);
      return deny(REQUIRE, { object: pod }) !== undefined;
    });
    t.diagnostic(`${ATTACKS.length} attacks attempted, ${refused.length} refused`);
    assert.equal(refused.length, ATTACKS.length);
  });

  it('that only removes finalizers, or changes nothing that matters, is none', () => {
    const pod = injectable();
    const deleting = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    assert.equal(deny(REQUIRE, { object: deleting, oldObject: pod }), undefined);
    const annotated = { ...pod, metadata: { ...pod.metadata, annotations: { a: 'b' } } };
    assert.equal(deny(REQUIRE, { object: annotated, oldObject: pod }), undefined, 'older pods go on');
  });
});

/** Paths of all values in an object, joined by `/`. */
function leaves(value: Json, path = ''): string[] {
  if (value === null || typeof value !== 'object') return [path];
  return Object.entries(value).flatMap(([key, one]) => leaves(one, path === '' ? key : `${path}/${key}`));
}

function change(root: Json, path: string): void {
  const keys = path.split('/');
  const last = keys.pop() ?? '';
  const at = keys.reduce((node, key) => node[key], root);
  const old = at[last];
  at[last] = typeof old === 'boolean' ? !old : `${old}x`;
}

describe('the evidence policy', () => {
  const policy = load('base/evidence.yaml');
  const pod = (env: object[], more: object[] = []): Json => ({
    metadata: { labels: { 'workload-type': 'training' } },
    spec: { containers: [{ name: 'train', env }, ...more] },
  });
  const good = [
    { name: 'DATASET_SHA256', value: 'a'.repeat(64) },
    { name: 'DATASET_SOURCE_URL', value: 'https://data.example.com/train.tar' },
  ];

  it('admits a pod whose sidecars have no environment at all', () => {
    assert.equal(deny(policy, { object: pod(good, [{ name: 'sidecar' }]) }), undefined);
    assert.equal(deny(policy, { object: { metadata: {}, spec: { containers: [{ name: 'x' }] } } }), undefined);
  });

  it('denies what is missing, malformed or not written out', () => {
    const [digest, source] = good;
    for (const env of [
      [],
      [digest],
      [source],
      [{ name: 'DATASET_SHA256', value: 'A'.repeat(64) }, source],
      [{ name: 'DATASET_SHA256', valueFrom: {} }, source],
      [digest, { name: 'DATASET_SOURCE_URL', value: 'http://data.example.com' }],
      [digest, { name: 'DATASET_SOURCE_URL', value: 'https://user:secret@data.example.com' }],
    ] as object[][])
      assert.notEqual(deny(policy, { object: pod(env) }), undefined, JSON.stringify(env));
  });
});

describe('the provenance policy', () => {
  const policy = load('base/provenance.yaml');
  const notes = { 'model.ai/name': 'mistral', 'model.ai/version': '1', 'model.ai/source': 'pvc://models/mistral' };
  const pod = (annotations: object, initContainers: object[] = []): Json => ({
    metadata: { labels: { 'app.kubernetes.io/component': 'inference' }, annotations },
    spec: { containers: [{ name: 'server' }], initContainers },
  });

  it('wants complete annotations, and none that claims what only the verifier can', () => {
    assert.equal(deny(policy, { object: pod(notes) }), undefined);
    const claim = { ...notes, 'model.ai/signature-verified': 'true' };
    assert.match(deny(policy, { object: pod(claim) }) ?? '', /not for the author to claim/);
    assert.equal(deny(policy, { object: pod(claim, [{ name: 'weighlock' }]) }), undefined);
    for (const key of Object.keys(notes))
      assert.notEqual(deny(policy, { object: pod({ ...notes, [key]: '' }) }), undefined);
    assert.match(deny(policy, { object: pod({ ...notes, 'model.ai/source': 'oci://r/m:latest' }) }) ?? '', /by digest/);
  });
});

describe('the trust of a namespace', () => {
  const [, protect, namespaces] = documentsOf(readFileSync(join(FOLDER, 'base/trust.yaml'), 'utf8'));

  it('is written by Kyverno alone', () => {
    const by = (username: string, namespace: string) =>
      deny(protect, { object: {}, request: { namespace, userInfo: { username } } });
    assert.equal(by('alice', 'weighlock-system'), undefined);
    assert.equal(by('system:serviceaccount:kyverno:kyverno-background-controller', 'ml'), undefined);
    assert.notEqual(by('alice', 'ml'), undefined);
    assert.notEqual(by('system:serviceaccount:kyverno:default', 'ml'), undefined);
    assert.notEqual(by('system:serviceaccount:ml:default', 'ml'), undefined);
  });

  it('and whether there must be any, is decided by admins', () => {
    const namespace = (labels: object, annotations: object = {}): Json => ({ metadata: { labels, annotations } });
    const on = { 'weighlock.dev/enforce': 'true' };
    const by = (groups: string[], object: Json, oldObject: Json) =>
      deny(namespaces, { object, oldObject, request: { userInfo: { groups } } });
    assert.notEqual(by(['dev'], namespace({}), namespace(on)), undefined);
    assert.notEqual(by(['dev'], namespace(on, { 'weighlock.dev/scratch-claims': 'models' }), namespace(on)), undefined);
    assert.equal(by(['weighlock-admins'], namespace({}), namespace(on)), undefined);
    assert.equal(by(['dev'], namespace({ ...on, team: 'x' }), namespace(on)), undefined);
  });
});

describe('exec', () => {
  it('into the verifier is refused', () => {
    const policy = load('base/no-exec.yaml');
    assert.notEqual(deny(policy, { object: { container: 'weighlock' } }), undefined);
    assert.equal(deny(policy, { object: { container: 'server' } }), undefined);
    assert.equal(deny(policy, { object: {} }), undefined);
  });
});
