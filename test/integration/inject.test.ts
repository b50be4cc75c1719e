// `weighlock inject`: manifests of every kind, with their comments, once and no more.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { documentsOf, type Json } from '../kyverno/evaluate.ts';
import { type Finished, run, workFolder } from './cli.ts';

const work = workFolder();
const IMAGE = `registry.example.com/weighlock@sha256:${'a'.repeat(64)}`;

function inject(text: string, ...flags: string[]): Promise<Finished> {
  const file = join(work, 'manifest.yaml');
  writeFileSync(file, text);
  return run(['inject', '-f', file, '--image', IMAGE, ...flags]);
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
    const other = await run([
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
    const pod = { containers: [{ name: 'a', image: 'x', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] };
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
    const { status, stdout, stderr } = await inject(text, '--pod-path', 'spec.worker.template');
    assert.equal(status, 0, stderr);
    const made = documentsOf(stdout);
    assert.equal(made.length, objects.length);
    const count = (value: Json): number => JSON.stringify(value).split('"weighlock-trust","configMap"').length - 1;
    assert.deepEqual(made.map(count), [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 0, 1], stdout);
    assert.match(stderr, /Service\/x: no pod/);
    assert.match(stderr, /Pod\/inner: injected/);
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
    const tag = await run(['inject', '-f', join(work, 'x.yaml'), '--image', 'registry.example.com/weighlock:latest']);
    assert.equal(tag.status, 64);
    assert.match(tag.stderr, /not by digest/);
    assert.equal((await run(['inject', '--image', IMAGE])).status, 64);
    assert.equal((await run(['inject', '-f', join(work, 'absent.yaml'), '--image', IMAGE])).status, 78);
    assert.equal(readFileSync(join(work, 'x.yaml'), 'utf8'), DEPLOYMENT, 'the file itself is never written');
  });
});
