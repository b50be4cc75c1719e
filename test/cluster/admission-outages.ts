// Admission while whoever decides is not there, or is there anew.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { injectable } from '../kyverno/attacks.ts';
import { type Admission, hasVerifier, type Mode } from './admission-world.ts';
import type { Answer, Json, User } from './api-server.ts';
import { placed } from './attacked.ts';
import { eventually } from './process-group.ts';

/** The tests, for one describe. */
export function testOutages(mode: Mode, world: () => Admission): void {
  const as = (user: User, method: string, path: string, body?: Json) => world().as(user, method, path, body);
  const tryPod = (pod: Json, namespace?: string) => world().tryPod(pod, namespace);

  it('17: while its certificate is replaced, admits nothing unjudged, and goes on with the new one', {
    skip: !mode.withKyverno,
  }, async () => {
    const secrets = ['kyverno-svc.kyverno.svc.kyverno-tls-ca', 'kyverno-svc.kyverno.svc.kyverno-tls-pair'];
    const decoded = (text: string) => Buffer.from(text, 'base64').toString();
    const certificate = async (name: string): Promise<string> => {
      const { body } = await as('admin', 'GET', `/api/v1/namespaces/kyverno/secrets/${name}`);
      return decoded(body.data?.['tls.crt'] ?? '');
    };
    const before = await Promise.all(secrets.map(certificate));
    assert.ok(before.every((one) => one !== ''));
    for (const name of secrets) world().cluster.kubectl(['delete', 'secret', '-n', 'kyverno', name]);
    const unjudged: Answer[] = [];
    const tried = async () => {
      const answer = await tryPod(injectable());
      if (answer.status === 201 && !hasVerifier(answer)) unjudged.push(answer);
      return answer;
    };
    await eventually('other certificates', async () => {
      await tried();
      const now = await Promise.all(secrets.map(certificate));
      return now.every((one, i) => one !== '' && one !== before[i]) || undefined;
    });
    const [authority = '-'] = await Promise.all(secrets.map(certificate));
    await eventually('the new authority in the webhooks', async () => {
      await tried();
      const kinds = 'validatingwebhookconfigurations,mutatingwebhookconfigurations';
      const { items } = JSON.parse(world().cluster.kubectl(['get', kinds, '-o', 'json'])) as Json;
      const bundles = items.flatMap(({ webhooks = [] }: Json) =>
        webhooks.map((one: Json) => decoded(one.clientConfig.caBundle ?? '')),
      );
      return (bundles.length > 0 && bundles.every((one: string) => one.includes(authority))) || undefined;
    });
    await eventually('an answer by the new certificate', async () => hasVerifier(await tried()) || undefined);
    assert.deepEqual(unjudged, []);
  });

  it('17.4: while it is down, stops only what it must judge', { skip: !mode.withKyverno }, async () => {
    const judged = placed(injectable(), 'ml');
    judged.metadata.name = 'judged';
    assert.equal((await as('alice', 'POST', '/api/v1/namespaces/ml/pods', judged)).status, 201);
    await world().kyverno?.stop();
    assert.equal((await as('alice', 'POST', '/api/v1/namespaces', { metadata: { name: 'fresh' } })).status, 201);
    await eventually('the certificates of a new namespace', async () => {
      const { status } = await as('alice', 'GET', '/api/v1/namespaces/fresh/configmaps/kube-root-ca.crt');
      return status === 200 || undefined;
    });
    await eventually('the service account of a new namespace', async () => {
      const { status } = await as('alice', 'GET', '/api/v1/namespaces/fresh/serviceaccounts/default');
      return status === 200 || undefined;
    });
    const plain = placed(injectable(), 'fresh');
    delete plain.metadata.labels;
    const made = await as('alice', 'POST', '/api/v1/namespaces/fresh/pods', plain);
    assert.equal(made.status, 201, made.message);
    const call = await as('alice', 'GET', '/api/v1/namespaces/fresh/pods/infer/exec?container=server&command=sh');
    assert.doesNotMatch(call.message, /webhook/);
    const label = { metadata: { labels: { team: 'y' } } };
    assert.equal((await as('alice', 'PATCH', '/api/v1/namespaces/fresh', label)).status, 200);
    assert.equal((await as('alice', 'DELETE', '/api/v1/namespaces/fresh/pods/infer')).status, 200);
    for (const [namespace, pod] of [
      ['ml', plain],
      ['fresh', injectable()],
    ] as const)
      assert.match((await tryPod(pod, namespace)).message, /failed calling webhook/, namespace);
    const trust = await as('alice', 'POST', '/api/v1/namespaces/fresh/configmaps', {
      metadata: { name: 'weighlock-trust' },
    });
    assert.match(trust.message, /failed calling webhook/);
    // A kubelet goes on saying what became of a pod that was judged before.
    const phase = await as('admin', 'PATCH', '/api/v1/namespaces/ml/pods/judged/status', {
      status: { phase: 'Failed' },
    });
    assert.equal(phase.status, 200, phase.message);
    await world().kyverno?.start();
    await world().counting(hasVerifier, injectable());
    assert.equal((await as('alice', 'DELETE', '/api/v1/namespaces/ml/pods/judged?gracePeriodSeconds=0')).status, 200);
  });

  it('holds after the API server was restarted', async () => {
    await world().cluster.restartApiServer();
    // Kyverno ends with its API server; whoever runs it starts it again.
    const { kyverno } = world();
    if (kyverno !== undefined) {
      await kyverno.stop();
      await kyverno.start();
    }
    await world().counting(hasVerifier, injectable());
  });
}
