// From policy to pod: what Kyverno's mutation (evaluated here, and by Kyverno itself where its
// command line is installed) and `weighlock inject` make of a pod is run with the real image, and
// the gate opens or stays closed.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { makeModel } from '../../examples/demo/make-artifacts.ts';
import { passed, run } from '../integration/cli.ts';
import { ATTACKS, injectable, PODS } from '../kyverno/attacks.ts';
import { deny, documentsOf, type Json, load, mutate, NAMESPACE } from '../kyverno/evaluate.ts';
import { fillVolume, type PodResult, readExample, runPod } from './pod.ts';

const UID = 65532;
const work = mkdtempSync(join(tmpdir(), 'weighlock-inject-'));
after(() => rmSync(work, { recursive: true, force: true }));
const version = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version as string;
const IMAGE = `ghcr.io/weighlock/weighlock:${version}`;

/** The signed example as its author would write it: without any verifier. */
function plainPod(): Json {
  const pod = readExample('inference-pod-signed.yaml').find(({ kind }) => kind === 'Pod') as Json;
  delete pod.spec.initContainers;
  pod.spec.volumes = pod.spec.volumes.filter(({ name }: Json) => name === 'models');
  // The model is all that is on the claim: podman's kube play does not honour subPath.
  for (const mount of pod.spec.containers[0].volumeMounts) mount.mountPath = '/models/mistral-small';
  return pod;
}

/** The inject policy with the image that was built here. */
function policy(): Json {
  const made = load('base/pods/inject.yaml');
  made.spec.variables.find(({ name }: Json) => name === 'image').expression = `'${IMAGE}'`;
  return made;
}

function trust(key: string): Json {
  const text = {
    apiVersion: 'weighlock.dev/v1alpha1',
    kind: 'VerificationPolicy',
    metadata: { name: 'platform' },
    spec: {
      attestors: [{ name: 'release', cosign: { key: { file: 'release.pub' }, ctlog: { insecureIgnoreTlog: true } } }],
      artifacts: [{ name: 'mounted', each: 'targets', require: [{ signature: { attestors: ['release'] } }] }],
    },
  };
  const data = { 'policy.yaml': stringify(text), 'release.pub': readFileSync(key, 'utf8') };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'weighlock-trust' }, data };
}

async function play(pod: Json, damage: (folder: string) => void = () => {}): Promise<PodResult> {
  const model = join(mkdtempSync(join(work, 'model-')), 'm');
  makeModel(model);
  const prefix = join(mkdtempSync(join(work, 'key-')), 'release');
  passed(await run(['keygen', '--output', prefix]));
  passed(await run(['sign', model, '--key', `${prefix}.key`]));
  fillVolume('models', UID, (volume) => {
    cpSync(model, volume, { recursive: true });
    damage(volume);
    chownSync(join(volume, 'model.sig'), UID, UID);
  });
  return runPod([trust(`${prefix}.pub`), pod]);
}

describe('the injected pod', () => {
  const injected = () => mutate(policy(), { object: plainPod() });

  it('starts on a signed model', async () => {
    const result = await play(injected());
    assert.deepEqual([result.exitCode, result.started], [0, true], result.log);
  });

  it('does not start on a changed one, and says why', async () => {
    const result = await play(injected(), (folder) => writeFileSync(join(folder, 'config.json'), '{}'));
    assert.deepEqual([result.exitCode, result.started], [65, false], result.log);
    assert.match(result.message, /DIGEST_MISMATCH.*config\.json/s);
  });

  it('is the one that "weighlock inject" makes', async () => {
    const file = join(work, 'pod.yaml');
    writeFileSync(file, stringify(plainPod()));
    const digest = `ghcr.io/weighlock/weighlock@sha256:${'0'.repeat(64)}`;
    const { stdout } = await run(['inject', '-f', file, '--image', digest]);
    assert.deepEqual(parse(stdout), mutate(load('base/pods/inject.yaml'), { object: plainPod() }));
  });
});

const kustomize = spawnSync('kustomize', ['version']).status === 0;

describe('kustomize', { skip: kustomize ? false : 'it is not installed' }, () => {
  const build = (overlay: string) =>
    documentsOf(
      execFileSync(
        'kustomize',
        ['build', fileURLToPath(new URL(`../../examples/kyverno/overlays/${overlay}`, import.meta.url))],
        { encoding: 'utf8' },
      ),
    );

  it('makes policies that deny, and policies that only audit', () => {
    const actions = (documents: Json[]) =>
      documents
        .filter(({ kind, metadata }) => kind === 'ValidatingPolicy' && !metadata.name.startsWith('protect-'))
        .map(({ spec }) => spec.validationActions[0]);
    assert.deepEqual(new Set(actions(build('enforce'))), new Set(['Deny']));
    assert.deepEqual(new Set(actions(build('audit'))), new Set(['Audit']));
    assert.ok(actions(build('audit')).length >= 4);
  });
});

const kyverno = ['kyverno', 'kubectl-kyverno'].find((name) => spawnSync(name, ['version']).status === 0);

describe("Kyverno's command line", { skip: kyverno === undefined ? 'it is not installed' : false }, () => {
  const folder = fileURLToPath(new URL('../../examples/kyverno/', import.meta.url));

  it('passes the suites of examples/kyverno/tests', () => {
    const out = execFileSync(`${kyverno}`, ['test', join(folder, 'tests')], { encoding: 'utf8' });
    assert.match(out, /[1-9]\d* tests passed and 0 tests failed/);
  });

  it('makes the same of every pod', () => {
    const names = Object.keys(PODS);
    const pods = names.map((name, i) => {
      const pod = structuredClone(PODS[name]) as Json;
      pod.metadata.name = `pod-${i}`;
      return pod;
    });
    const place = mkdtempSync(join(work, 'mutated-'));
    const values = {
      apiVersion: 'cli.kyverno.io/v1alpha1',
      kind: 'Value',
      metadata: { name: 'values' },
      namespaces: [{ apiVersion: 'v1', kind: 'Namespace', metadata: NAMESPACE.metadata }],
    };
    writeFileSync(join(place, 'values.yaml'), stringify(values));
    writeFileSync(join(place, 'pods.yaml'), pods.map((pod) => stringify(pod)).join('---\n'));
    mkdirSync(join(place, 'out'));
    const files = ['-r', join(place, 'pods.yaml'), '-f', join(place, 'values.yaml'), '-o', join(place, 'out')];
    execFileSync(`${kyverno}`, ['apply', join(folder, 'base/pods/inject.yaml'), ...files], { stdio: 'pipe' });
    const made = new Map<string, Json>();
    for (const file of readdirSync(join(place, 'out')))
      for (const pod of documentsOf(readFileSync(join(place, 'out', file), 'utf8')))
        if (pod !== null) made.set(pod.metadata.name, pod.spec);
    assert.ok(made.size >= 20, `${made.size}`);
    for (const [i, pod] of pods.entries()) {
      const { spec } = mutate(load('base/pods/inject.yaml'), { object: pod });
      assert.deepEqual(made.get(`pod-${i}`) ?? pod.spec, JSON.parse(JSON.stringify(spec)), `${names[i]}`);
    }
  });

  it('comes to the same verdict about every attack', () => {
    const require = load('base/pods/require.yaml');
    const pods = [{ name: 'nothing', apply: () => {} }, ...ATTACKS].map(({ apply }, i) => {
      const pod = mutate(load('base/pods/inject.yaml'), { object: injectable() });
      pod.metadata.name = `attack-${i}`;
      apply(pod);
      return pod;
    });
    const file = join(work, 'attacks.yaml');
    writeFileSync(file, pods.map((pod) => stringify(pod)).join('---\n'));
    const args = ['apply', join(folder, 'base/pods/require.yaml'), '-r', file, '-f', join(folder, 'tests/values.yaml')];
    const { stdout } = spawnSync(`${kyverno}`, args, { encoding: 'utf8' });
    const denied = new Set([...stdout.matchAll(/ml\/Pod\/(attack-\d+) failed/g)].map(([, name]) => name));
    for (const pod of documentsOf(readFileSync(file, 'utf8')))
      assert.equal(denied.has(pod.metadata.name), deny(require, { object: pod }) !== undefined, pod.metadata.name);
    assert.equal(denied.size, ATTACKS.length);
  });
});
