// Who may change what decides about pods: trust, namespaces, and a pod's own labels.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { injectable } from '../kyverno/attacks.ts';
import { type Admission, hasVerifier, type Mode } from './admission-world.ts';
import type { Answer, Json, User } from './api-server.ts';
import { placed } from './attacked.ts';
import { eventually } from './process-group.ts';

const ENFORCE_NO_MORE = { 'weighlock.dev/enforce': 'no' };
/** What a kubelet says of a verifier that let a pod start. */
const PASSED = {
  image: 'x',
  imageID: 'x',
  restartCount: 0,
  state: { terminated: { exitCode: 0, message: '{"result":"PASSED"}' } },
};

/** One change, in each way to write a patch; one is applied by a new manager of fields. */
function patchesOf(kind: string, name: string, change: Json): [string, Json][] {
  const operations = leavesOf(change).map(([path, value]) => ({ op: 'add', path, value }));
  const applied = { apiVersion: 'v1', kind, ...change, metadata: { name, ...change.metadata } };
  return [
    ['merge-patch+json', change],
    ['strategic-merge-patch+json', change],
    ['json-patch+json', operations],
    ['apply-patch+yaml', applied],
  ];
}

function asNewManager(patch: string): string {
  return `fieldManager=hers${patch.startsWith('apply') ? '&force=true' : ''}`;
}

/** Each value by its pointer (RFC 6901). */
function leavesOf(value: Json): [string, Json][] {
  if (typeof value !== 'object') return [['', value]];
  return Object.entries(value).flatMap(([key, one]) =>
    leavesOf(one).map(([path, leaf]): [string, Json] => [`/${key.replaceAll('/', '~1')}${path}`, leaf]),
  );
}

function binding(name: string, metadata: Json): Json {
  return { metadata: { name, ...metadata }, target: { kind: 'Node', name: 'node-1' } };
}

/** The tests, for one describe. */
export function testRights(mode: Mode, world: () => Admission): void {
  const as = (user: User, method: string, path: string, body?: Json, patch?: string) =>
    world().as(user, method, path, body, patch);
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
    const refused = async (user: User, method: string, path: string, body?: Json, patch?: string) => {
      const { status, message } = await as(user, method, path, body, patch);
      assert.ok(status >= 400, `${user} ${method} ${path} ${patch}`);
      assert.match(message, /decides what is trusted/);
    };
    await refused('alice', 'POST', all, trust);
    for (const user of ['admin', 'bob'] as const) {
      assert.equal((await as(user, 'POST', all, trust)).status, 201, user);
      await refused('alice', 'PATCH', one, { data: { 'policy.yaml': 'hers' } });
      await refused('alice', 'PUT', one, { ...trust, data: {} });
      await refused('alice', 'DELETE', one);
      for (const [patch, change] of patchesOf('ConfigMap', 'weighlock-trust', { immutable: true }))
        await refused('alice', 'PATCH', `${one}?${asNewManager(patch)}`, change, patch);
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
      for (const [patch, change] of patchesOf('Namespace', 'ml', { metadata: { labels: ENFORCE_NO_MORE } })) {
        const path = `/api/v1/namespaces/ml${place}?${asNewManager(patch)}`;
        refused(await as('alice', 'PATCH', path, change, patch), `${patch} ml${place}`);
      }
    }
    const { body } = await as('alice', 'GET', '/api/v1/namespaces/ml');
    delete body.metadata.labels['weighlock.dev/enforce'];
    refused(await as('alice', 'PUT', '/api/v1/namespaces/ml/finalize', body), 'PUT ml/finalize');
    // With the namespace goes what is trusted, and whoever makes it anew says what is.
    const home = '/api/v1/namespaces/weighlock-system?dryRun=All';
    assert.match((await as('alice', 'DELETE', home)).message, /alone delete weighlock-system/);
    assert.equal((await as('bob', 'DELETE', home)).status, 200);
    assert.equal((await as('alice', 'DELETE', '/api/v1/namespaces/other?dryRun=All')).status, 200);
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
    for (const metadata of [{ labels: inference }, { annotations: { 'model.ai/signature-verified': 'true' } }])
      for (const path of [`${pods}/plain/binding`, '/api/v1/namespaces/other/bindings']) {
        const bound = await as('alice', 'POST', `${path}?dryRun=All`, binding('plain', metadata));
        assert.match(bound.message, /or a binding/, path);
      }
    const bound = await as('alice', 'POST', `${pods}/plain/binding?dryRun=All`, binding('plain', {}));
    assert.equal(bound.status, 201, bound.message);
    // These change nothing but what they are for: the API server sees to it.
    for (const place of ['resize', 'ephemeralcontainers']) {
      const other = await as('alice', 'PATCH', `${pods}/plain/${place}?dryRun=All`, {
        metadata: { labels: inference },
      });
      assert.equal(other.body.metadata?.labels, undefined, place);
    }
    assert.equal((await as('alice', 'DELETE', `${pods}/plain?gracePeriodSeconds=0`)).status, 200);
    const verified = placed(injectable(), 'ml');
    verified.metadata.name = 'verified';
    assert.equal((await as('alice', 'POST', '/api/v1/namespaces/ml/pods', verified)).status, 201);
    const ofVerifier = '/api/v1/namespaces/ml/pods/verified/status?dryRun=All';
    for (const field of ['initContainerStatuses', 'containerStatuses']) {
      const said = { status: { [field]: [{ name: 'weighlock', ready: true, ...PASSED }] } };
      assert.match((await as('alice', 'PATCH', ofVerifier, said)).message, /is said by its node/, field);
      assert.equal((await as('admin', 'PATCH', ofVerifier, said)).status, 200, field);
    }
    assert.equal((await as('alice', 'PATCH', ofVerifier, { status: { message: 'hers' } })).status, 200);
    const larger = { name: 'weighlock', resources: { limits: { 'example.com/fuse': '1' } } };
    const resized = await as('alice', 'PATCH', '/api/v1/namespaces/ml/pods/verified/resize?dryRun=All', {
      spec: { initContainers: [larger] },
    });
    assert.ok(resized.status >= 400, 'a device for the verifier, later');
    assert.equal((await as('alice', 'DELETE', '/api/v1/namespaces/ml/pods/verified?gracePeriodSeconds=0')).status, 200);
    const gone = { ...injectable(), metadata: { ...plain.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const made = await tryPod(gone);
    assert.ok(made.status >= 400 || hasVerifier(made), 'a time of deletion is not for its author to say');
  });
}
