// Pods as a kubelet runs them, with the image of this checkout: what is injected, what starts, what does not, and why.
import assert from 'node:assert/strict';
import { chownSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { makeDataset, makeModel } from '../../examples/demo/make-artifacts.ts';
import { passed, run } from '../integration/cli.ts';
import { readExample } from '../system/pod.ts';
import type { Json } from './api-server.ts';
import { lacking } from './build.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type ClusterNode, lackingNode, startNode } from './node.ts';
import { eventually } from './process-group.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const BUSYBOX = 'docker.io/library/busybox:1.37';
const work = mkdtempSync(join(tmpdir(), 'weighlock-pods-'));
after(() => rmSync(work, { recursive: true, force: true }));

describe('pods on a node', { skip: lacking() ?? lackingNode() ?? false, concurrency: 1 }, () => {
  let cluster: Cluster;
  let node: ClusterNode;
  let key: string;

  before(async () => {
    cluster = await startCluster();
    node = await startNode(cluster);
  });
  after(async () => {
    await node?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  async function enforce(): Promise<void> {
    key = join(work, 'release');
    passed(await run(['keygen', '--output', key]));
    cluster.kubectl(['apply', '-k', `${EXAMPLES}admission/overlays/enforce`]);
    for (const kind of ['mutatingadmissionpolicy', 'validatingadmissionpolicy']) pin(kind);
    cluster.kubectl(['create', 'namespace', 'ml']);
    cluster.kubectl(['label', 'namespace', 'ml', 'weighlock.dev/enforce=true']);
    cluster.kubectl(['apply', '-n', 'ml', '-f', '-'], stringify(trust()));
    await signed('models');
    await eventually('injection', async () => {
      const pod = podOf('probe', 'models');
      const { body, status } = await cluster.api.ask('admin', 'POST', '/api/v1/namespaces/ml/pods?dryRun=All', pod);
      return (status === 201 && body.spec.initContainers?.[0].image === node.image) || undefined;
    });
  }

  /** Names the image of this checkout in a policy. */
  function pin(kind: string): void {
    const name = kind.startsWith('mutating') ? 'inject-weighlock' : 'require-weighlock';
    const { spec } = JSON.parse(cluster.kubectl(['get', kind, name, '-o', 'json']));
    const index = spec.variables.findIndex(({ name: one }: Json) => one === 'image');
    const patch = [{ op: 'replace', path: `/spec/variables/${index}/expression`, value: `'${node.image}'` }];
    cluster.kubectl(['patch', kind, name, '--type=json', '-p', JSON.stringify(patch)]);
  }

  function trust(): Json {
    const attestor = { name: 'release', cosign: { key: { file: 'release.pub' }, ctlog: { insecureIgnoreTlog: true } } };
    const policy = {
      apiVersion: 'weighlock.dev/v1alpha1',
      kind: 'VerificationPolicy',
      metadata: { name: 'platform' },
      spec: {
        attestors: [attestor],
        artifacts: [{ name: 'mounted', each: 'targets', require: [{ signature: { attestors: ['release'] } }] }],
      },
    };
    const data = { 'policy.yaml': stringify(policy), 'release.pub': readFileSync(`${key}.pub`, 'utf8') };
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'weighlock-trust' }, data };
  }

  /** A claim with a signed model, and what somebody does to it. */
  async function signed(claim: string, damage: (folder: string) => void = () => {}): Promise<string> {
    const model = join(mkdtempSync(join(work, 'model-')), 'm');
    makeModel(model);
    passed(await run(['sign', model, '--key', `${key}.key`]));
    const volume = node.volume('ml', claim);
    cpSync(model, volume, { recursive: true });
    damage(volume);
    for (const name of readdirSync(volume)) chownSync(join(volume, name), 65_532, 65_532);
    return volume;
  }

  const labels = { 'app.kubernetes.io/component': 'inference' };
  const annotations = { 'model.ai/name': 'm', 'model.ai/version': '1', 'model.ai/source': 'pvc://models' };
  function podOf(name: string, claim: string, spec: Json = {}): Json {
    const server = {
      name: 'server',
      image: BUSYBOX,
      command: ['sh', '-c', 'echo started; sleep 600'],
      volumeMounts: [{ name: 'model', mountPath: '/models', readOnly: true }],
    };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'ml', labels, annotations },
      spec: {
        containers: [server],
        volumes: [{ name: 'model', persistentVolumeClaim: { claimName: claim } }],
        terminationGracePeriodSeconds: 0,
        ...spec,
      },
    };
  }

  const get = async (path: string): Promise<Json> => (await cluster.api.ask('admin', 'GET', path)).body;
  async function create(path: string, body: Json): Promise<void> {
    const { status, message } = await cluster.api.ask('admin', 'POST', path, body);
    assert.equal(status, 201, message);
  }
  const terminated = (status: Json) => status?.state?.terminated ?? status?.lastState?.terminated;
  /** What became of the verifier of a pod. */
  async function verdict(name: string): Promise<{ exitCode: number; message: string; reason: string; pod: Json }> {
    return eventually(`a verdict in ${name}`, async () => {
      const pod = await get(`/api/v1/namespaces/ml/pods/${name}`);
      const ended = terminated(pod.status?.initContainerStatuses?.find(({ name: one }: Json) => one === 'weighlock'));
      return ended && { exitCode: ended.exitCode, message: ended.message ?? '', reason: ended.reason, pod };
    });
  }
  const isRunning = async (name: string) =>
    (await get(`/api/v1/namespaces/ml/pods/${name}`)).status.containerStatuses?.[0]?.state?.running !== undefined;

  it('the examples start as they stand, and not on a changed artifact', async () => {
    cluster.kubectl(['create', 'namespace', 'examples']);
    const model = node.volume('examples', 'models');
    const data = node.volume('examples', 'datasets');
    const fill = () => {
      makeModel(join(model, 'mistral-small'));
      makeDataset(join(data, 'train'));
    };
    fill();
    const manifests = ['inference-pod.yaml', 'training-job.yaml'].flatMap(readExample) as Json[];
    const name = (kind: string) => manifests.find((one) => one.kind === kind).metadata.name;
    const play = () => {
      for (const one of manifests.filter(({ kind }) => kind !== 'PersistentVolumeClaim'))
        cluster.kubectl(['apply', '-n', 'examples', '-f', '-'], stringify(one));
    };
    play();
    await eventually('the inference pod', async () => {
      const { status } = await get(`/api/v1/namespaces/examples/pods/${name('Pod')}`);
      return status.containerStatuses?.[0]?.state?.running ?? status.containerStatuses?.[0]?.state?.terminated;
    });
    await eventually('the training job', async () => {
      const { status } = await get(`/apis/batch/v1/namespaces/examples/jobs/${name('Job')}`);
      return status?.succeeded === 1 || undefined;
    });
    cluster.kubectl(['delete', '-n', 'examples', 'pods,jobs', '--all', '--grace-period=0', '--force']);
    for (const folder of [join(model, 'mistral-small'), join(data, 'train')]) {
      const [first = ''] = readdirSync(folder).filter((file) => /safetensors|jsonl/.test(file));
      writeFileSync(join(folder, first), 'x');
    }
    play();
    const job = await eventually('the failure of the training job', async () => {
      const { status } = await get(`/apis/batch/v1/namespaces/examples/jobs/${name('Job')}`);
      return status?.conditions?.find(({ type }: Json) => type === 'Failed');
    });
    assert.equal(job.reason, 'PodFailurePolicy', job.message);
    const ended = await eventually('a verdict about the inference pod', async () => {
      const { status } = await get(`/api/v1/namespaces/examples/pods/${name('Pod')}`);
      return terminated(status?.initContainerStatuses?.[0]);
    });
    assert.equal(ended.exitCode, 65, ended.message);
  });

  it('a signed model: the pod starts', async () => {
    await enforce();
    await create('/api/v1/namespaces/ml/pods', podOf('good', 'models'));
    const { exitCode, message } = await verdict('good');
    assert.equal(exitCode, 0, message);
    await eventually('the server', async () => (await isRunning('good')) || undefined);
  });

  it('a changed model: the pod does not start, and says which file', async () => {
    await signed('changed', (folder) => writeFileSync(join(folder, 'config.json'), '{}'));
    await create('/api/v1/namespaces/ml/pods', podOf('changed', 'changed'));
    const { exitCode, message, pod } = await verdict('changed');
    assert.equal(exitCode, 65, message);
    assert.match(message, /DIGEST_MISMATCH.*config\.json/s);
    assert.equal(pod.status.containerStatuses[0].state.running, undefined);
  });

  it("a planted file, a missing signature, somebody else's key: the pod does not start", async () => {
    await signed('planted', (folder) => writeFileSync(join(folder, 'modeling_evil.py'), 'print()'));
    await signed('unsigned', (folder) => rmSync(join(folder, 'model.sig')));
    const other = join(work, 'other');
    passed(await run(['keygen', '--output', other]));
    const volume = await signed('foreign', (folder) => rmSync(join(folder, 'model.sig')));
    passed(await run(['sign', volume, '--key', `${other}.key`]));
    for (const [claim, code] of [
      ['planted', /FILE_UNEXPECTED/],
      ['unsigned', /SIGNATURE_MISSING/],
      ['foreign', /SIGNER_UNTRUSTED|SIGNATURE_INVALID/],
    ] as const) {
      await create('/api/v1/namespaces/ml/pods', podOf(claim, claim));
      const { exitCode, message } = await verdict(claim);
      assert.equal(exitCode, 65, `${claim}: ${message}`);
      assert.match(message, code);
    }
  });

  it('a verifier without the memory it needs, or killed: the pod does not start', async () => {
    const pod = podOf('killed', 'models', { restartPolicy: 'Never', activeDeadlineSeconds: 1 });
    await create('/api/v1/namespaces/ml/pods', pod);
    await eventually('the end of the pod', async () => {
      const { status } = await get('/api/v1/namespaces/ml/pods/killed');
      return status.phase === 'Failed' || status.phase === 'Succeeded' || undefined;
    });
  });

  it('a Job ends at once by the exit code of the verifier, not by its retries', async () => {
    await signed('datasets', (folder) => writeFileSync(join(folder, 'config.json'), '{"x": 1}'));
    const template = podOf('x', 'datasets', { restartPolicy: 'Never' });
    delete template.metadata.name;
    template.metadata.labels = {};
    const rules = [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [64, 65, 78] } }];
    const spec = { backoffLimit: 6, podFailurePolicy: { rules }, template: { spec: template.spec } };
    await create('/apis/batch/v1/namespaces/ml/jobs', { metadata: { name: 'train' }, spec });
    const failed = await eventually('the failure of the Job', async () => {
      const { status } = await get('/apis/batch/v1/namespaces/ml/jobs/train');
      return status?.conditions?.find(({ type }: Json) => type === 'Failed');
    });
    assert.equal(failed.reason, 'PodFailurePolicy', failed.message);
    assert.match(failed.message, /exit code 65/);
  });

  it('Deployment, StatefulSet, CronJob and Indexed Job: each pod of them is verified', async () => {
    const base = podOf('x', 'models');
    const template = { metadata: { labels: { app: 'x' } }, spec: base.spec };
    const selector = { matchLabels: { app: 'x' } };
    await create('/apis/apps/v1/namespaces/ml/deployments', {
      metadata: { name: 'web' },
      spec: { replicas: 2, selector, template },
    });
    const other = { ...template, metadata: { labels: { app: 'y' } } };
    await create('/apis/apps/v1/namespaces/ml/statefulsets', {
      metadata: { name: 'set' },
      spec: { replicas: 1, serviceName: 'set', selector: { matchLabels: { app: 'y' } }, template: other },
    });
    const once = structuredClone(base.spec);
    once.restartPolicy = 'Never';
    once.containers[0].command = ['true'];
    await create('/apis/batch/v1/namespaces/ml/jobs', {
      metadata: { name: 'indexed' },
      spec: { completions: 2, parallelism: 2, completionMode: 'Indexed', template: { spec: once } },
    });
    const job = { template: { spec: once } };
    await create('/apis/batch/v1/namespaces/ml/cronjobs', {
      metadata: { name: 'cron' },
      spec: { schedule: '* * * * *', jobTemplate: { spec: job } },
    });
    await eventually('the Deployment and the StatefulSet', async () => {
      const deployment = await get('/apis/apps/v1/namespaces/ml/deployments/web');
      const set = await get('/apis/apps/v1/namespaces/ml/statefulsets/set');
      return (deployment.status?.readyReplicas === 2 && set.status?.readyReplicas === 1) || undefined;
    });
    await eventually('the Indexed Job', async () => {
      const { status } = await get('/apis/batch/v1/namespaces/ml/jobs/indexed');
      return status?.succeeded === 2 || undefined;
    });
    await eventually(
      'a Job of the CronJob',
      async () => {
        const { items } = await get('/apis/batch/v1/namespaces/ml/jobs');
        return items.find(({ metadata, status }: Json) => /^cron-/.test(metadata.name) && status?.succeeded === 1);
      },
      150,
    );
    const { items } = await get('/api/v1/namespaces/ml/pods');
    const ran = items.filter(({ metadata }: Json) => /^(web|set|indexed|cron)-/.test(metadata.name));
    assert.ok(ran.length >= 6, `${ran.length}`);
    for (const { metadata, status } of ran) {
      const ended = terminated(status.initContainerStatuses?.find(({ name }: Json) => name === 'weighlock'));
      assert.equal(ended?.exitCode, 0, metadata.name);
    }
  });
});
