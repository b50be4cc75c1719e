// The Kyverno policies of examples/kyverno: every field known to Kyverno's schemas, the CEL
// evaluated, and every attack on the injected verifier refused. `weighlock inject` makes the same
// pod.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { TEMPLATES } from '../../charts/make.ts';
import { MADE } from '../../examples/make-policies.ts';
import { injectPod, problemsOf } from '../../src/inject/index.ts';
import { ATTACKS, injectable, PODS } from '../kyverno/attacks.ts';
import { deny, documentsOf, type Json, load, mutate, NAMESPACE } from '../kyverno/evaluate.ts';
import { randomPod } from '../kyverno/random-pods.ts';

const FOLDER = fileURLToPath(new URL('../../examples/kyverno/', import.meta.url));
const INJECT = load('base/pods/inject.yaml');
const REQUIRE = load('base/pods/require.yaml');
const IMAGE = INJECT.spec.variables.find(({ name }: Json) => name === 'image').expression.slice(1, -1);

const schemas: Json = JSON.parse(readFileSync(new URL('../fixtures/kyverno/schemas.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false });

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));

const annotation = (name: string) => NAMESPACE.metadata.annotations[`weighlock.dev/${name}` as never] as string;
/** What the namespace of the policies says, for `weighlock inject`. */
const settings = {
  image: IMAGE,
  scratchClaims: annotation('scratch-claims').split(','),
  hostPaths: [annotation('host-paths')],
  platformContainers: annotation('platform-containers').split(','),
  volumes: [],
};

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

  for (const [file, make] of Object.entries(MADE))
    it(`${file} is what "node examples/make-policies.ts" makes`, () => {
      assert.equal(readFileSync(join(FOLDER, '..', file), 'utf8'), make());
    });

  for (const [file, make] of Object.entries(TEMPLATES))
    it(`the chart's ${file} is what "node charts/make.ts" makes`, () => {
      const chart = fileURLToPath(new URL(`../../charts/weighlock/templates/${file}`, import.meta.url));
      assert.equal(readFileSync(chart, 'utf8'), make());
    });

  it('17.1: ask for the namespace in no match condition, and are limited to their scope in every validation', () => {
    for (const file of files)
      for (const document of documentsOf(readFileSync(join(FOLDER, file), 'utf8')))
        for (const { expression } of document?.spec?.matchConditions ?? [])
          assert.doesNotMatch(expression, /namespaceObject/, file);
    for (const { message, expression } of REQUIRE.spec.validations)
      assert.match(expression, /^!variables\.inScope \|\| \(.*\)$/s, message);
  });

  it('agree about the image and the volumes, in every form', () => {
    const variable = (policy: Json, name: string) =>
      policy.spec.variables.find((one: Json) => one.name === name).expression;
    for (const name of 'inScope image scratch hostPaths platform named others foreign written emptyVols filled protectedVols'.split(
      ' ',
    ))
      assert.equal(variable(INJECT, name), variable(REQUIRE, name), name);
    assert.equal(load('base/system/image.yaml').data.expression, variable(INJECT, 'image'));
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
        platformContainers: NAMESPACE.metadata.annotations['weighlock.dev/platform-containers'].split(','),
        volumes: metadata.annotations?.['weighlock.dev/volumes']?.split(',') ?? [],
      });
      assert.deepEqual(made ?? { initContainers: pod.spec.initContainers, volumes: pod.spec.volumes }, {
        initContainers: spec.initContainers,
        volumes: spec.volumes,
      });
    });
  }

  it('17: takes no repository below a registry with a port for one that the platform named', () => {
    const download = structuredClone(PODS['a download of an init container']);
    const [first] = download.spec.initContainers;
    for (const [image, isPlatforms] of [
      ['registry.example.com:1', true],
      ['registry.example.com@sha256:0', true],
      ['registry.example.com:5000/evil:1', false],
      ['registry.example.com:5000/evil@sha256:0', false],
    ] as const) {
      Object.assign(first, { name: 'mirror', image });
      const made = injectPod(download.spec, {
        image: IMAGE,
        scratchClaims: [],
        volumes: [],
        platformContainers: ['mirror=registry.example.com'],
      });
      assert.equal(made === undefined, isPlatforms, image);
      assert.equal(mutate(INJECT, { object: download }).spec === download.spec, isPlatforms, image);
    }
  });

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

  it('17.4: is as large as the platform says, and asks a node for all of it only in a Guaranteed pod', () => {
    const size = { cpu: '250m', memory: '1Gi', cpuRequest: '50m', memoryRequest: '512Mi' };
    const policy = structuredClone(INJECT);
    for (const [name, value] of Object.entries(size))
      policy.spec.variables.find((one: Json) => one.name === name).expression = `'${value}'`;
    const limits = { cpu: size.cpu, memory: size.memory };
    const requests = { cpu: size.cpuRequest, memory: size.memoryRequest };
    const full = { cpu: '1', memory: '2Gi' };
    const cases: [string, Json[], object][] = [
      ['no container says anything', [undefined, undefined], requests],
      ['limits alone, which are the requests', [{ limits: full }, { limits: full }], limits],
      ['both, the same', [{ limits: full, requests: full }, { limits: full }], limits],
      ['one container without', [{ limits: full }, undefined], requests],
      ['no memory', [{ limits: full }, { limits: { cpu: '1' } }], requests],
      ['a smaller request', [{ limits: full }, { limits: full, requests: { ...full, cpu: '1m' } }], requests],
    ];
    for (const [name, resources, expected] of cases) {
      const pod = injectable();
      for (const [i, one] of resources.entries()) if (one !== undefined) pod.spec.containers[i].resources = one;
      const [verifier] = mutate(policy, { object: pod }).spec.initContainers;
      assert.deepEqual(verifier.resources, { requests: expected, limits }, name);
      const made = injectPod(pod.spec, { image: IMAGE, ...size, scratchClaims: [], volumes: [] });
      assert.deepEqual(made?.initContainers[0], verifier, name);
    }
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

  it('17.4: a pod that runs already keeps its digest when another one is pinned, and nothing else is let through', () => {
    const later = structuredClone(REQUIRE);
    const image = later.spec.variables.find(({ name }: Json) => name === 'image');
    image.expression = `'ghcr.io/weighlock/weighlock@sha256:${'1'.repeat(64)}'`;
    const running = mutate(INJECT, { object: injectable() });
    const labelled = structuredClone(running);
    labelled.metadata.labels.team = 'x';
    assert.equal(deny(later, { object: labelled, oldObject: running }), undefined);
    const debugged = structuredClone(running);
    debugged.spec.ephemeralContainers = [{ name: 'debugger', image: 'busybox', targetContainerName: 'server' }];
    assert.equal(deny(later, { object: debugged, oldObject: running }), undefined);
    for (const oldObject of [{}, null])
      assert.match(deny(later, { object: running, oldObject }) ?? '', /not the pinned one/, 'a new pod');
    const moved = structuredClone(running);
    moved.spec.initContainers[0].image = 'ghcr.io/weighlock/weighlock:old';
    assert.match(deny(later, { object: moved, oldObject: running }) ?? '', /not the pinned one/);
    // It was in no scope before: nobody has judged its verifier.
    const outside = { ...running, metadata: { ...running.metadata, labels: {} } };
    const namespace = { metadata: { name: 'default' } };
    assert.match(deny(later, { object: running, oldObject: outside, namespace }) ?? '', /not the pinned one/);
  });

  it('17: on what "weighlock inject" cannot make good is told by it, too', () => {
    const refusals = /must be the whole|inside of a volume that others|a second time|mounted over|by digest/;
    const cases = ATTACKS.filter(({ refusal }) => refusals.test(refusal.source));
    assert.ok(cases.length >= 25, `${cases.length}`);
    for (const { name, apply } of cases) {
      const pod = mutate(INJECT, { object: injectable() });
      assert.deepEqual(problemsOf(pod.spec, settings), [], 'before it nothing is wrong');
      apply(pod);
      assert.notEqual(problemsOf(pod.spec, settings)[0], undefined, name);
    }
    for (const [name, pod] of Object.entries(PODS)) {
      if (deny(REQUIRE, { object: mutate(INJECT, { object: pod }) }) !== undefined) continue;
      assert.deepEqual(problemsOf(pod.spec, settings), [], name);
    }
  });

  it('17: is refused by the policies exactly where "weighlock inject" refuses it, on pods that nobody would write', () => {
    let refused = 0;
    for (let seed = 0; seed < 2000; seed++) {
      const pod = randomPod(seed);
      const denied = deny(REQUIRE, { object: mutate(INJECT, { object: pod }) });
      const [problem] = problemsOf(pod.spec, settings);
      // In a cluster injection puts the trust in the place of what has its name.
      if (denied === undefined && /is not the whole ConfigMap/.test(problem ?? '')) continue;
      assert.equal(
        problem === undefined,
        denied === undefined,
        `${seed}: ${problem}; ${denied}\n${JSON.stringify(pod)}`,
      );
      refused += Number(denied !== undefined);
    }
    assert.ok(refused > 500 && refused < 1900, `${refused}`);
  });

  it('17: is refused by both, exactly where "weighlock inject" refuses it: a sidecar that shares its processes', () => {
    for (const field of ['shareProcessNamespace', 'hostPID']) {
      const pod = structuredClone(PODS['a FUSE sidecar']);
      assert.deepEqual(problemsOf(pod.spec, settings), []);
      pod.spec[field] = true;
      assert.match(problemsOf(pod.spec, settings)[0] ?? '', /shares the processes/, field);
      assert.match(deny(REQUIRE, { object: mutate(INJECT, { object: pod }) }) ?? '', /process namespace/, field);
    }
  });

  it('17: by a debugger is none in a pod that shares its processes once the verifier has passed', () => {
    const pod = mutate(INJECT, { object: injectable() });
    pod.spec.shareProcessNamespace = true;
    const debugged = structuredClone(pod);
    debugged.spec.ephemeralContainers = [{ name: 'debug', image: 'x' }];
    const judged = (...initContainerStatuses: object[]) =>
      deny(REQUIRE, { object: { ...debugged, status: { initContainerStatuses } }, oldObject: pod });
    assert.equal(judged({ name: 'weighlock', ready: true }), undefined);
    for (const statuses of [[], [{ name: 'weighlock', ready: false }], [{ name: 'other', ready: true }]])
      assert.match(judged(...statuses) ?? '', /process namespace/);
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

/**
 * What a policy says of a pod. That nothing is missing is found out before, and no pod is let go
 * there that the rules would deny.
 */
function judged(policy: Json, object: Json): string | undefined {
  const { matchConditions, ...spec } = policy.spec;
  const before = matchConditions.filter(({ name }: Json) => name !== 'not-complete');
  assert.equal(before.length, matchConditions.length - 1);
  const denied = deny({ ...policy, spec: { ...spec, matchConditions: before } }, { object });
  assert.equal(deny(policy, { object }), denied, JSON.stringify(object));
  return denied;
}

function deleted(pod: Json): Json {
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
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
    assert.equal(judged(policy, pod(good, [{ name: 'sidecar' }])), undefined);
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
      assert.notEqual(judged(policy, pod(env)), undefined, JSON.stringify(env));
  });

  it('17: lets a pod go that is being deleted, whatever it lacks', () => {
    assert.equal(deny(policy, { object: deleted(pod([])) }), undefined);
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
    assert.equal(judged(policy, pod(notes)), undefined);
    assert.equal(judged(policy, pod({ ...notes, 'model.ai/model-card': 'https://x.example/card' })), undefined);
    const claim = { ...notes, 'model.ai/signature-verified': 'true' };
    assert.match(judged(policy, pod(claim)) ?? '', /not for the author to claim/);
    assert.equal(judged(policy, pod(claim, [{ name: 'weighlock' }])), undefined);
    for (const key of Object.keys(notes)) {
      assert.notEqual(judged(policy, pod({ ...notes, [key]: '' })), undefined, key);
      const { [key as keyof typeof notes]: _, ...rest } = notes;
      assert.notEqual(judged(policy, pod(rest)), undefined, key);
    }
    assert.match(judged(policy, pod({ ...notes, 'model.ai/source': 'oci://r/m:latest' })) ?? '', /by digest/);
    for (const card of ['http://x.example/card', 'javascript:alert(1)', ''])
      assert.match(judged(policy, pod({ ...notes, 'model.ai/model-card': card })) ?? '', /model-card/, card);
  });

  it('17: lets a pod go that is being deleted, whatever it lacks', () => {
    assert.equal(deny(policy, { object: deleted(pod({})) }), undefined);
  });
});

describe('an image volume', () => {
  it('17.4: comes from where signatures are checked', () => {
    const [images, policy] = documentsOf(readFileSync(join(FOLDER, 'images/model-volumes.yaml'), 'utf8'));
    const [{ glob }] = images.spec.matchImageReferences;
    assert.match(policy.spec.validations[0].expression, new RegExp(`startsWith\\('${glob.slice(0, -1)}'\\)`));
    const pod = (...references: string[]): Json => ({
      spec: { volumes: [{ emptyDir: {} }, ...references.map((reference) => ({ image: { reference } }))] },
    });
    assert.equal(deny(policy, { object: pod('ghcr.io/acme/models/m@sha256:1') }), undefined);
    assert.equal(deny(policy, { object: pod() }), undefined);
    for (const other of [
      'docker.io/evil/m',
      'ghcr.io/acme/models-of-mine/m',
      'ghcr.io/acme',
      'x/ghcr.io/acme/models/m',
    ])
      assert.notEqual(deny(policy, { object: pod('ghcr.io/acme/models/m', other) }), undefined, other);
    assert.notEqual(deny(policy, { object: { spec: { volumes: [{ image: {} }] } } }), undefined);
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
