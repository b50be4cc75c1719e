// `weighlock inject`: manifests of every kind, with their comments, once and no more.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { documentsOf, type Json } from '../kyverno/evaluate.ts';
import { run, workFolder } from './cli.ts';
import { command, type Ended } from './in-process.ts';

const work = workFolder();
const IMAGE = `registry.example.com/weighlock@sha256:${'a'.repeat(64)}`;

function inject(text: string, ...flags: string[]): Promise<Ended> {
  const file = join(work, 'manifest.yaml');
  writeFileSync(file, text);
  return command(['inject', '-f', file, '--image', IMAGE, ...flags]);
}

const DEPLOYMENT = `# The chat model.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat   # keep in step with the gateway
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: server
        image: "registry.example.com/vllm:v1"   # quoted on purpose
        args: ['--model', /models/mistral]
        volumeMounts:
        # read-only: the verifier looks at it once
        - {name: models, mountPath: /models, readOnly: true}
      volumes:
      - name: models   # filled by the pipeline
        persistentVolumeClaim: {claimName: models}
`;

describe('weighlock inject', () => {
  it('keeps every line that was there, with its comment, in its order', async () => {
    const { status, stdout, stderr } = await inject(DEPLOYMENT);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Deployment\/chat: injected/);
    const lines = stdout.split('\n');
    let at = 0;
    for (const line of DEPLOYMENT.split('\n')) {
      const found = lines.slice(at).findIndex((one) => one.replaceAll(/ +/g, ' ') === line.replaceAll(/ +/g, ' '));
      assert.notEqual(found, -1, `lost or out of order: ${line}\n${stdout}`);
      at += found + 1;
    }
    const { initContainers, volumes } = parse(stdout).spec.template.spec;
    assert.equal(initContainers[0].image, IMAGE);
    assert.deepEqual(volumes[0], { name: 'weighlock-trust', configMap: { name: 'weighlock-trust' } });
  });

  it('changes nothing a second time, to the byte, and can say whether it would', async () => {
    const once = (await inject(DEPLOYMENT)).stdout;
    const twice = await inject(once);
    assert.equal(twice.stdout, once);
    assert.match(twice.stderr, /unchanged/);
    const missing = await inject(DEPLOYMENT, '--check');
    assert.deepEqual([missing.status, missing.stdout], [65, '']);
    assert.equal((await inject(once, '--check')).status, 0);
    const other = await command([
      'inject',
      '-f',
      join(work, 'manifest.yaml'),
      '--check',
      '--image',
      IMAGE.replaceAll('a'.repeat(64), 'b'.repeat(64)),
    ]);
    assert.equal(other.status, 65, 'another version of the verifier');
  });

  it('finds the pods of every kind', async () => {
    const pod = {
      containers: [{ name: 'a', image: 'x', volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }] }],
    };
    const spec = { ...pod, volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
    const template = { spec };
    const objects: Json[] = [
      { kind: 'Pod', spec },
      ...['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicaSet'].map((kind) => ({ kind, spec: { template } })),
      { kind: 'CronJob', spec: { jobTemplate: { spec: { template } } } },
      { kind: 'PyTorchJob', spec: { pytorchReplicaSpecs: { Master: { template }, Worker: { template } } } },
      { kind: 'List', items: [{ kind: 'Pod', metadata: { name: 'inner' }, spec }] },
      {
        kind: 'StatefulSet',
        metadata: { name: 'claims' },
        spec: { template: { spec: pod }, volumeClaimTemplates: [{ metadata: { name: 'v' } }] },
      },
      { kind: 'Service', spec: {} },
      { kind: 'Custom', spec: { worker: { template } } },
    ];
    const text = objects
      .map((object) => stringify({ apiVersion: 'v1', metadata: { name: 'x' }, ...object }))
      .join('\n---\n');
    const { status, stdout, stderr } = await inject(text);
    assert.equal(status, 0, stderr);
    const made = documentsOf(stdout);
    assert.equal(made.length, objects.length);
    const count = (value: Json): number => JSON.stringify(value).split('"weighlock-trust","configMap"').length - 1;
    assert.deepEqual(made.map(count), [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 0, 1], stdout);
    assert.match(stderr, /Service\/x: no pod/);
    assert.match(stderr, /Pod\/inner: injected/);
  });

  it('15.13: finds every pod of an object, or does not end with 0', async () => {
    const pod = `{containers: [{name: a, image: x, volumeMounts: [{name: v, mountPath: /v, readOnly: true}]}],
      volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}`;
    const head = (kind: string, group = 'example.com/v1') =>
      `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: x}\n`;
    const cases: [string, string, number, number][] = [
      [
        'Ray, the head and two groups',
        `${head('RayService', 'ray.io/v1')}spec: {rayClusterConfig: {headGroupSpec: {template: {spec: ${pod}}},
          workerGroupSpecs: [{template: {spec: ${pod}}}, {template: {spec: ${pod}}}]}}`,
        3,
        65,
      ],
      ['a list of pods', `${head('PodList', 'v1')}items: [{metadata: {name: a}, spec: ${pod}}]`, 1, 65],
      ['a list in a list', `${head('List', 'v1')}items: [{kind: List, items: [{kind: Pod, spec: ${pod}}]}]`, 1, 65],
      ['a pod without a kind', `spec: ${pod}`, 1, 65],
      ['a Service of Knative', `${head('Service', 'serving.knative.dev/v1')}spec: {template: {spec: ${pod}}}`, 1, 65],
      ['a predictor of KServe', `${head('InferenceService', 'serving.kserve.io/v1')}spec: {predictor: ${pod}}`, 1, 65],
      [
        'anchors',
        `${head('PyTorchJob', 'kubeflow.org/v1')}spec: {pytorchReplicaSpecs: {Master: &m {template: {spec: ${pod}}}, Worker: *m}}`,
        2,
        65,
      ],
      [
        'merges',
        `${head('PyTorchJob', 'kubeflow.org/v1')}spec: {pytorchReplicaSpecs: {Master: &m {template: {spec: ${pod}}}, Worker: {<<: *m, replicas: 3}}}`,
        2,
        65,
      ],
      ['a merge in its place', `${head('Job', 'batch/v1')}spec: {template: {<<: {spec: ${pod}}}}`, 1, 65],
      ['nothing that looks like a pod', `${head('Widget')}spec: {}`, 0, 65],
      ['a container by itself', `${head('Workflow')}spec: {container: {image: x, volumeMounts: [{name: v}]}}`, 0, 65],
      ['a container beside a pod', `${head('Widget')}spec: {pod: ${pod}, script: {volumeMounts: [{name: v}]}}`, 0, 65],
      [
        'a model that KServe brings',
        `${head('InferenceService')}spec: {predictor: {model: {storageUri: s3://x}}}`,
        0,
        65,
      ],
      ['a pattern of a policy', `${head('ClusterPolicy', 'kyverno.io/v1')}spec: {pattern: ${pod}}`, 0, 0],
      ['a ConfigMap', `${head('ConfigMap', 'v1')}data: {a: b}`, 0, 0],
    ];
    for (const [name, text, count, checked] of cases) {
      const { status, stdout, stderr } = await inject(text);
      assert.equal(stdout.split('WEIGHLOCK_TARGETS').length - 1, count, `${name}: ${stderr}${stdout}`);
      assert.equal(status, count === 0 ? checked : 0, `${name}: ${stderr}`);
      assert.equal((await inject(text, '--check')).status, checked, name);
      if (count > 0) assert.equal((await inject(stdout, '--check')).status, 0, `${name}, injected`);
    }
    assert.equal((await inject(`${head('Widget')}spec: {}`, '--kinds-without-pods', 'Widget')).status, 0);
    const mixed = await inject(`${head('Widget')}spec: {}\n---\n${DEPLOYMENT}`);
    assert.deepEqual([mixed.status, /WEIGHLOCK_TARGETS/.test(mixed.stdout)], [65, true], 'the others are injected');
  });

  it('15.13: refuses a pod that cannot be verified as it is written, and says why', async () => {
    const change = (edit: (spec: Json) => void) => {
      const object = parse(DEPLOYMENT);
      edit(object.spec.template.spec);
      return stringify(object);
    };
    const mount = (spec: Json) => spec.containers[0].volumeMounts[0];
    const cases: [RegExp, (spec: Json) => void][] = [
      [
        /server uses the volume models as a block device/,
        (s) => (s.containers[0].volumeDevices = [{ name: 'models' }]),
      ],
      [/mounts a part of models by subPathExpr/, (s) => (mount(s).subPathExpr = '$(X)')],
      [
        /mounts mine at \/models\/config.json, over/,
        (s) => {
          s.volumes.push({ name: 'mine', configMap: { name: 'mine' } });
          s.containers[0].volumeMounts.push({ name: 'mine', mountPath: '/models/config.json', subPath: 'x' });
        },
      ],
      [
        /image volume other is not named by digest/,
        (s) => {
          s.volumes.push({ name: 'other', image: { reference: 'registry.example.com/m:v1' } });
          s.containers[0].volumeMounts.push({ name: 'other', mountPath: '/other' });
        },
      ],
      [
        /two containers name different values of DATASET_SHA256/,
        (s) => {
          s.containers[0].env = [{ name: 'DATASET_SHA256', value: 'a'.repeat(64) }];
          s.containers.push({ name: 'b', env: [{ name: 'DATASET_SHA256', value: 'b'.repeat(64) }] });
        },
      ],
      [
        /DATASET_SHA256 must be written out/,
        (s) => {
          s.containers[0].env = [{ name: 'DATASET_SHA256', valueFrom: {} }];
        },
      ],
      [
        /init container dl uses models before it can be verified/,
        (s) => {
          const volumeMounts = [mount(s), { name: 'out', mountPath: '/out' }];
          s.initContainers = [{ name: 'dl', image: 'x', volumeMounts }];
          s.volumes.push({ name: 'out', emptyDir: {} });
          s.containers[0].volumeMounts.push({ name: 'out', mountPath: '/out', readOnly: true });
        },
      ],
      [
        /sidecar dl goes on writing/,
        (s) => {
          s.initContainers = [
            { name: 'dl', image: 'x', restartPolicy: 'Always', volumeMounts: [{ name: 'out', mountPath: '/out' }] },
          ];
          s.volumes.push({ name: 'out', emptyDir: {} });
          s.containers[0].volumeMounts.push({ name: 'out', mountPath: '/out', readOnly: true });
        },
      ],
      [
        /gke-gcsfuse-sidecar runs evil/,
        (s) => {
          s.initContainers = [{ name: 'gke-gcsfuse-sidecar', image: 'evil.example/x', restartPolicy: 'Always' }];
        },
      ],
    ];
    for (const [why, edit] of cases) {
      const { status, stderr } = await inject(change(edit));
      assert.equal(status, 65, stderr);
      assert.match(stderr, why);
      assert.match(stderr, /Deployment\/chat: refused/);
    }
  });

  it('15.23: gives the verifier what the platform says', async () => {
    const { stdout } = await inject(DEPLOYMENT, '--cpu', '250m', '--memory', '256Mi');
    assert.match(stdout, /cpu: "?250m/);
    assert.equal((await inject(DEPLOYMENT, '--cpu', 'lots')).status, 64);
    const driver = DEPLOYMENT.replace(
      'persistentVolumeClaim: {claimName: models}',
      'hostPath: {path: /usr/lib/nvidia}',
    );
    assert.match((await inject(driver, '--host-paths', '/usr/lib/nvidia')).stderr, /nothing to verify/);
    assert.match((await inject(driver, '--host-paths', '/usr/lib')).stderr, /injected/);
  });

  it('leaves alone what has nothing to verify, and adds what the author names', async () => {
    const web = 'apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: web, image: nginx}]\n';
    const { stdout, stderr } = await inject(web);
    assert.equal(stdout, web);
    assert.match(stderr, /nothing to verify/);
    const scratch = DEPLOYMENT.replace('claimName: models', 'claimName: ckpt');
    assert.match((await inject(scratch, '--scratch-claims', 'ckpt,cache')).stderr, /nothing to verify/);
    assert.match((await inject(scratch, '--scratch-claims', 'ckpt', '--volumes', 'models')).stderr, /injected/);
  });

  it('makes JSON of JSON', async () => {
    const { stdout } = await inject(JSON.stringify([parse(DEPLOYMENT)][0]));
    assert.equal(JSON.parse(stdout).spec.template.spec.initContainers[0].name, 'weighlock');
  });

  it('reads standard input', async () => {
    const { openSync, closeSync } = await import('node:fs');
    writeFileSync(join(work, 'in.yaml'), DEPLOYMENT);
    const input = openSync(join(work, 'in.yaml'), 'r');
    const { stdout } = await run(['inject', '-f', '-', '--image', IMAGE], { stdio: [input, 'pipe', 'pipe'] });
    closeSync(input);
    assert.match(stdout, /name: weighlock-trust/);
  });

  it('refuses what it does not understand', async () => {
    for (const [text, status] of [
      ['', 78],
      ['a: [1', 78],
      ['- list', 78],
      ['a: 1\na: 2', 78],
    ] as const)
      assert.equal((await inject(text)).status, status, text);
    writeFileSync(join(work, 'x.yaml'), DEPLOYMENT);
    const tag = await command([
      'inject',
      '-f',
      join(work, 'x.yaml'),
      '--image',
      'registry.example.com/weighlock:latest',
    ]);
    assert.equal(tag.status, 64);
    assert.match(tag.stderr, /not by digest/);
    assert.equal((await command(['inject', '--image', IMAGE])).status, 64);
    assert.equal((await command(['inject', '-f', join(work, 'absent.yaml'), '--image', IMAGE])).status, 78);
    assert.equal(readFileSync(join(work, 'x.yaml'), 'utf8'), DEPLOYMENT, 'the file itself is never written');
  });
});
