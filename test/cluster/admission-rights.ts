// Who may change what decides about pods: trust, namespaces, and a pod's own labels.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { injectable } from '../kyverno/attacks.ts';
import { type Admission, hasVerifier, type Mode } from './admission-world.ts';
import type { Answer, Json, User } from './api-server.ts';
import { placed } from './attacked.ts';
import { eventually } from './process-group.ts';

/** The tests, for one describe. */
export function testRights(mode: Mode, world: () => Admission): void {
  const as = (user: User, method: string, path: string, body?: Json) => world().as(user, method, path, body);
  const tryPod = (pod: Json, namespace?: string) => world().tryPod(pod, namespace);

  it('brings the trust of the platform to an enforced namespace, or lets an admin do so', async () => {
    const path = '/api/v1/namespaces/ml/configmaps/weighlock-trust';
    const { body } = await as('admin', 'GET', '/api/v1/namespaces/weighlock-system/configmaps/weighlock-trust');
    if (!mode.withKyverno) {
      const trust = { metadata: { name: 'weighlock-trust' }, data: body.data };
      const { status, message } = await as('bob', 'POST', '/api/v1/namespaces/ml/configmaps', trust);
      assert.equal(status, 201, message);
    }
    await eventually('the trust of the namespace', async () => {
      const { status, body: copy } = await as('admin', 'GET', path);
      if (status !== 200) return undefined;
      assert.deepEqual(copy.data, body.data);
      return true;
    });
  });

  it('17.2, 17.4: leaves trust to admins: four kinds of users, every way to write or delete it', async () => {
    const all = '/api/v1/namespaces/other/configmaps';
    const one = `${all}/weighlock-trust`;
    const trust = { metadata: { name: 'weighlock-trust' }, data: { 'policy.yaml': 'mine' } };
    const refused = async (user: User, method: string, path: string, body?: Json) => {
      const { status, message } = await as(user, method, path, body);
      assert.ok(status >= 400, `${user} ${method} ${path}`);
      assert.match(message, /decides what is trusted/);
    };
    await refused('alice', 'POST', all, trust);
    for (const user of ['admin', 'bob'] as const) {
      assert.equal((await as(user, 'POST', all, trust)).status, 201, user);
      await refused('alice', 'PATCH', one, { data: { 'policy.yaml': 'hers' } });
      await refused('alice', 'PUT', one, { ...trust, data: {} });
      await refused('alice', 'DELETE', one);
      await refused('alice', 'DELETE', all);
      await refused('alice', 'DELETE', `${all}?fieldSelector=metadata.name%3Dweighlock-trust`);
      assert.equal((await as(user, 'DELETE', one)).status, 200, user);
    }
    const token = world().cluster.kubectl(['create', 'token', 'default', '-n', 'other']).trim();
    world().cluster.kubectl([
      'create',
      'clusterrolebinding',
      'sa',
      '--clusterrole=cluster-admin',
      '--serviceaccount=other:default',
    ]);
    const sa = ['--token', token, 'create', 'configmap', 'weighlock-trust', '-n', 'other'];
    assert.throws(() => world().cluster.kubectl(['--kubeconfig', world().cluster.kubeconfig('sa', token), ...sa]));
    const note = await as('alice', 'POST', all, { metadata: { name: 'mine' }, data: {} });
    assert.equal(note.status, 201, 'what she likes, under another name');
  });

  it('17.2, 17.4: leaves what decides about a namespace to admins, in every way to write it', async () => {
    const refused = ({ status, message }: Answer, what: string) => {
      assert.ok(status >= 400, what);
      assert.match(message, /are set by members of/, what);
    };
    const notes: [string, Json][] = [
      ['enforce', { labels: { 'weighlock.dev/enforce': 'true' } }],
      ['scratch-claims', { annotations: { 'weighlock.dev/scratch-claims': 'models' } }],
      ['host-paths', { annotations: { 'weighlock.dev/host-paths': '/models' } }],
    ];
    for (const [what, metadata] of notes) {
      const namespace = { metadata: { name: 'made', ...metadata } };
      refused(await as('alice', 'POST', '/api/v1/namespaces?dryRun=All', namespace), `made with ${what}`);
      assert.equal((await as('bob', 'POST', '/api/v1/namespaces?dryRun=All', namespace)).status, 201, what);
    }
    const off = { metadata: { labels: { 'weighlock.dev/enforce': null } } };
    for (const place of ['', '/status']) {
      refused(await as('alice', 'PATCH', `/api/v1/namespaces/ml${place}`, off), `PATCH ml${place}`);
      const { body } = await as('alice', 'GET', '/api/v1/namespaces/ml');
      delete body.metadata.annotations;
      refused(await as('alice', 'PUT', `/api/v1/namespaces/ml${place}`, body), `PUT ml${place}`);
    }
    const { body } = await as('alice', 'GET', '/api/v1/namespaces/ml');
    delete body.metadata.labels['weighlock.dev/enforce'];
    refused(await as('alice', 'PUT', '/api/v1/namespaces/ml/finalize', body), 'PUT ml/finalize');
    const free = await as('alice', 'PATCH', '/api/v1/namespaces/ml', { metadata: { labels: { team: 'x' } } });
    assert.equal(free.status, 200, free.message);
  });

  it('17: refuses labels and annotations that decide through pods/status, and nothing else that is written there', async () => {
    const pods = '/api/v1/namespaces/other/pods';
    const plain = placed(injectable(), 'other');
    delete plain.metadata.labels;
    plain.metadata.name = 'plain';
    assert.equal((await as('alice', 'POST', pods, plain)).status, 201);
    const status = (metadata: object) => as('alice', 'PATCH', `${pods}/plain/status?dryRun=All`, { metadata });
    const inference = { 'app.kubernetes.io/component': 'inference' };
    await eventually('the policy', async () => (await status({ labels: inference })).status >= 400 || undefined);
    for (const metadata of [
      { labels: inference },
      { labels: { 'workload-type': 'training' } },
      { annotations: { 'model.ai/signature-verified': 'true' } },
      { annotations: { 'model.ai/name': null } },
    ])
      assert.match((await status(metadata)).message, /through pods, and not through pods\/status/);
    assert.equal((await status({ labels: { team: 'x' }, annotations: { a: 'b' } })).status, 200);
    const running = await as('admin', 'PATCH', `${pods}/plain/status?dryRun=All`, { status: { phase: 'Running' } });
    assert.equal(running.status, 200, running.message);
    assert.equal((await as('alice', 'DELETE', `${pods}/plain?gracePeriodSeconds=0`)).status, 200);
    const gone = { ...injectable(), metadata: { ...plain.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const made = await tryPod(gone);
    assert.ok(made.status >= 400 || hasVerifier(made), 'a time of deletion is not for its author to say');
  });
}
