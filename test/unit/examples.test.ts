// Every example has only fields that its API knows, and what must be the same in all of them is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseAllDocuments } from 'yaml';
import { dashboard } from '../../examples/monitoring/make-dashboard.ts';
import { type PolicyError, parsePolicy } from '../../src/plan/index.ts';
import { deny, load, mutate } from '../kyverno/evaluate.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes
type Json = any;

const FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url));
const read = (path: string): Json => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const { version } = read('../../package.json');
const { $defs, kinds } = read('../fixtures/kubernetes/schemas.json');
const kyverno = read('../fixtures/kyverno/schemas.json');
const ajv = new Ajv2020({ strict: false });
const compiled = new Map<string, ReturnType<typeof ajv.compile>>();

function validatorOf(key: string): ReturnType<typeof ajv.compile> {
  const schema = kinds[key] ?? kyverno[key];
  assert.ok(schema, `no schema of ${key}`);
  const validator = compiled.get(key) ?? ajv.compile({ ...schema, $defs });
  compiled.set(key, validator);
  return validator;
}

/** Kinds whose schemas are not at hand. */
const UNCHECKED = /^(weighlock\.dev|monitoring\.coreos\.com|kustomize\.config\.k8s\.io|cli\.kyverno\.io)\//;

const documents = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) =>
    parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8'), { merge: true }).map((one) => ({
      file,
      value: one.toJS({ mapAsMap: false }) as Json,
    })),
  );

describe('the examples', () => {
  it('17: the dashboard is what "node examples/monitoring/make-dashboard.ts" makes', () => {
    assert.deepEqual(read('../../examples/monitoring/dashboard.json'), dashboard());
  });

  it('have no field that their API does not know', () => {
    let checked = 0;
    for (const { file, value } of documents) {
      const key = `${value.apiVersion} ${value.kind}`;
      if (UNCHECKED.test(value.apiVersion)) continue;
      const isValid = validatorOf(key);
      assert.ok(isValid(value), `${file}: ${ajv.errorsText(isValid.errors)}`);
      checked += 1;
    }
    assert.ok(checked >= 30, `${checked}`);
    const wrong = structuredClone(
      documents.find(({ file, value }) => file === 'inference-pod.yaml' && value.kind === 'Pod')?.value,
    );
    wrong.spec.initContainers[0].argz = [];
    assert.equal(validatorOf('v1 Pod')(wrong), false, 'unknown fields are seen');
  });

  it('run the verifier of this version, as the restricted profile asks for', () => {
    let found = 0;
    for (const { file, value } of documents.filter(({ file }) => !file.startsWith('kyverno/'))) {
      for (const container of containersIn(value)) {
        if (!/^ghcr\.io\/weighlock\/weighlock[:@]/.test(container.image ?? '')) continue;
        found += 1;
        assert.match(container.image, new RegExp(`:${version}$|@sha256:`), file);
        const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container.securityContext;
        assert.deepEqual(
          [allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities],
          [false, true, { drop: ['ALL'] }],
          file,
        );
        assert.ok(container.resources.limits.memory, file);
        for (const mount of container.volumeMounts ?? [])
          assert.ok(
            mount.readOnly === true ||
              /^inference-pod-(oci|hub|s3|gcs|azure)\.yaml$/.test(file) ||
              mount.name === 'verdicts',
            `${file}: ${mount.name}`,
          );
      }
    }
    assert.ok(found >= 9, `${found}`);
  });

  it('are admitted where the platform injects its verifier and enforces its policies', () => {
    const policies = ['pods/require', 'evidence', 'provenance'].map((name) => load(`base/${name}.yaml`));
    let found = 0;
    // The Jobs of the platform itself run where nothing is injected: what they verify, no other pod
    // was given yet.
    const ofPods = documents.filter(({ file }) => !/^(kyverno|indexed-job)\//.test(file));
    for (const { file, value } of ofPods) {
      for (const { metadata, spec } of podsIn(value)) {
        const pod = mutate(load('base/pods/inject.yaml'), {
          object: structuredClone({ metadata: metadata ?? {}, spec }),
        });
        for (const policy of policies) assert.equal(deny(policy, { object: pod }), undefined, file);
        found += 1;
      }
    }
    assert.ok(found >= 9, `${found}`);
  });

  it('have policies that are valid', async () => {
    let found = 0;
    for (const { file, value } of documents) {
      for (const [name, text] of Object.entries<string>(value.kind === 'ConfigMap' ? (value.data ?? {}) : {})) {
        if (!name.endsWith('.yaml')) continue;
        const problems: PolicyError[] = [];
        assert.ok(await parsePolicy(text, `${file}#${name}`, problems), problems.join());
        found += 1;
      }
    }
    assert.ok(found >= 2);
  });
});

/** Pods, and templates of pods, in an object. */
function podsIn(value: Json): Json[] {
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value.spec?.containers)) return [value];
  return Object.values(value).flatMap(podsIn);
}

function containersIn(value: Json): Json[] {
  if (value === null || typeof value !== 'object') return [];
  const own = typeof value.image === 'string' ? [value] : [];
  return [...own, ...Object.values(value).flatMap(containersIn)];
}
