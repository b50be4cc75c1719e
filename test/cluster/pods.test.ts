// Pods as a kubelet runs them, with the image of this checkout: what is injected, what starts, what
// does not, and why.
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { makeDataset, makeModel } from '../../examples/demo/make-artifacts.ts';
import { passed, run } from '../integration/cli.ts';
import { readExample } from '../system/pod.ts';
import type { Json } from './api-server.ts';
import { hasStarted, podOf, terminated, verifierStatus } from './enforced.ts';
import { onNode, whyNoNode } from './on-node.ts';
import { eventually } from './process-group.ts';

describe('pods on a node', { skip: whyNoNode(), concurrency: 1 }, () => {
  const on = onNode('pods');

  const get = (path: string) => on.world.get(path);
  const create = (path: string, body: Json) => on.world.create(path, body);

  it('the examples start as they stand, and not on a changed artifact', async () => {
    on.cluster.kubectl(['create', 'namespace', 'examples']);
    const model = on.node.volume('examples', 'models');
    const data = on.node.volume('examples', 'datasets');
    const fill = () => {
      makeModel(join(model, 'mistral-small'));
      makeDataset(join(data, 'train'));
    };
    fill();
    const manifests = ['inference-pod.yaml', 'training-job.yaml'].flatMap(readExample) as Json[];
    const name = (kind: string) => manifests.find((one) => one.kind === kind).metadata.name;
    const play = () => {
      for (const one of manifests.filter(({ kind }) => kind !== 'PersistentVolumeClaim'))
        on.cluster.kubectl(['apply', '-n', 'examples', '-f', '-'], stringify(one));
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
    on.cluster.kubectl(['delete', '-n', 'examples', 'pods,jobs', '--all', '--grace-period=0', '--force']);
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
    await on.world.install();
    await on.world.start(podOf('good', 'models'));
    const { exitCode, message } = await on.world.verdict('good');
    assert.equal(exitCode, 0, message);
    await on.world.running('good');
  });

  it('a changed model: the pod does not start, and says which file', async () => {
    await on.world.signed('changed', (folder) => writeFileSync(join(folder, 'config.json'), '{}'));
    await on.world.start(podOf('changed', 'changed'));
    const { exitCode, message, pod } = await on.world.verdict('changed');
    assert.equal(exitCode, 65, message);
    assert.match(message, /DIGEST_MISMATCH.*config\.json/s);
    assert.equal(hasStarted(pod), false);
  });

  it("a planted file, a missing signature, somebody else's key: the pod does not start", async () => {
    await on.world.signed('planted', (folder) => writeFileSync(join(folder, 'modeling_evil.py'), 'print()'));
    await on.world.signed('unsigned', (folder) => rmSync(join(folder, 'model.sig')));
    const other = join(on.work, 'other');
    passed(await run(['keygen', '--output', other]));
    const volume = await on.world.signed('foreign', (folder) => rmSync(join(folder, 'model.sig')));
    passed(await run(['sign', volume, '--key', `${other}.key`]));
    for (const [claim, code] of [
      ['planted', /FILE_UNEXPECTED/],
      ['unsigned', /SIGNATURE_MISSING/],
      ['foreign', /SIGNER_UNTRUSTED|SIGNATURE_INVALID/],
    ] as const) {
      await on.world.start(podOf(claim, claim));
      const { exitCode, message } = await on.world.verdict(claim);
      assert.equal(exitCode, 65, `${claim}: ${message}`);
      assert.match(message, code);
    }
  });

  it('a Job ends at once by the exit code of the verifier, not by its retries', async () => {
    await on.world.signed('datasets', (folder) => writeFileSync(join(folder, 'config.json'), '{"x": 1}'));
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
      assert.equal(terminated(verifierStatus({ status }))?.exitCode, 0, metadata.name);
    }
  });
});
