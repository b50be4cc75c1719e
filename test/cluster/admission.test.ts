// Every rule of admission against a real API server: by Kyverno itself, and by the API server alone.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ATTACKS, injectable, PODS } from '../kyverno/attacks.ts';
import { deny, mutate, NAMESPACE } from '../kyverno/evaluate.ts';
import type { Answer, Json, User } from './api-server.ts';
import {
  attacked,
  BY_ITSELF,
  clean,
  essence,
  HELD,
  INJECT,
  outcomeOf,
  placed,
  REQUIRE,
  verifierOf,
} from './attacked.ts';
import { lacking } from './build.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Kyverno, policiesReady, startKyverno } from './kyverno.ts';
import { eventually } from './process-group.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
interface Mode {
  readonly name: string;
  readonly overlays: string;
  /** Resources that put the verifier in. */
  readonly inject: string;
  readonly withKyverno: boolean;
}

/** What a kubelet says of a container that has ended well, as far as an API server asks for it. */
const RAN = { image: 'x', imageID: 'x', restartCount: 0, state: { terminated: { exitCode: 0 } } };

const MODES: readonly Mode[] = [
  {
    name: 'Kyverno',
    overlays: 'kyverno/overlays',
    inject: 'mutatingpolicies.policies.kyverno.io',
    withKyverno: true,
  },
  {
    name: 'the API server alone',
    overlays: 'admission/overlays',
    inject: 'mutatingadmissionpolicies',
    withKyverno: false,
  },
];

for (const mode of MODES)
  describe(`admission by ${mode.name}`, { skip: lacking() ?? false, concurrency: 1 }, () => {
    let cluster: Cluster;
    let kyverno: Kyverno | undefined;
    const as = (user: User, method: string, path: string, body?: Json) => cluster.api.ask(user, method, path, body);
    const tryPod = (pod: Json, namespace = 'ml', user: User = 'alice') =>
      as(user, 'POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, placed(pod, namespace));
    const apply = async (overlay: string) => {
      // Kyverno makes its certificate anew when it starts, and answers nobody for a moment.
      await eventually(`the overlay ${overlay}`, async () =>
        cluster.kubectl(['apply', '-k', `${EXAMPLES}${mode.overlays}/${overlay}`]),
      );
      if (mode.withKyverno) await policiesReady(cluster);
    };
    /** Policies count a moment after they were written. */
    const counting = (isSo: (answer: Answer) => boolean, pod: Json, namespace?: string) =>
      eventually('a change of the policies', async () => isSo(await tryPod(pod, namespace)) || undefined);
    const hasVerifier = ({ body }: Answer) => verifierOf(body) !== undefined;

    before(async () => {
      cluster = await startCluster();
      if (mode.withKyverno) kyverno = await startKyverno(cluster);
      // By RBAC alice and bob may do everything: what they may not is for admission to say.
      cluster.kubectl([
        'create',
        'clusterrolebinding',
        'all',
        '--clusterrole=cluster-admin',
        '--user=alice',
        '--user=bob',
      ]);
      await apply('enforce');
      const { labels, annotations } = NAMESPACE.metadata;
      for (const metadata of [{ name: 'ml', labels, annotations }, { name: 'other' }])
        await eventually(`the namespace ${metadata.name}`, async () => {
          const { status, message } = await as('bob', 'POST', '/api/v1/namespaces', { metadata });
          if (status !== 201) throw new Error(message);
          return true;
        });
      await counting(hasVerifier, injectable());
    });
    after(() => cluster[Symbol.asyncDispose]());

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

    it('makes of every pod what the evaluation of the same policy makes, and the same a second time', async () => {
      for (const [name, pod] of Object.entries(PODS)) {
        const placedPod = placed(pod, 'ml');
        const { status, body, message } = await tryPod(pod);
        // The API server drops fields that it does not know: such a volume is an empty one then.
        const volumes = body.spec?.volumes?.filter(({ name: one }: Json) => one !== 'weighlock-trust');
        if (volumes !== undefined) placedPod.spec.volumes = volumes;
        const expected = mutate(INJECT, { object: placedPod });
        const denied = deny(REQUIRE, { object: expected });
        if (status >= 300) {
          assert.ok(denied !== undefined || BY_ITSELF.test(message), `${name}: ${message}`);
          continue;
        }
        assert.equal(denied, undefined, name);
        assert.deepEqual(essence(verifierOf(body)), essence(verifierOf(expected)), name);
        const again = await tryPod(clean(body));
        assert.equal(again.status, 201, `${name}: ${again.message}`);
        assert.deepEqual(again.body.spec, body.spec, name);
      }
    });

    it('refuses, or repairs, every attack on a pod behind injection', async () => {
      const outcomes = new Map<string, number>();
      for (const { name, refusal, apply: attack } of ATTACKS) {
        const pod = attacked(attack);
        const answer = await tryPod(pod);
        const outcome = outcomeOf(answer, refusal);
        assert.ok(outcome !== undefined, `${name}: ${answer.status} ${answer.message}`);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      assert.ok((outcomes.get('refused') ?? 0) > 20, JSON.stringify([...outcomes]));
    });

    it('17.1: refuses every attack by the requirement alone, also on a pod without labels', async () => {
      cluster.kubectl(['delete', mode.inject, '--all']);
      await counting((answer) => !hasVerifier(answer), injectable());
      const byItself: string[] = [];
      for (const labels of [injectable().metadata.labels, undefined])
        for (const { name, refusal, apply: attack } of [
          { name: 'no verifier', refusal: /exactly one weighlock/, apply: () => {} },
          ...ATTACKS,
        ]) {
          // Who does not say that it is for inference may have nothing to verify.
          if (labels === undefined && refusal.test('nothing to verify')) continue;
          const pod = name === 'no verifier' ? placed(injectable(), 'ml') : attacked(attack);
          if (labels === undefined) delete pod.metadata.labels;
          const { status, message } = await tryPod(pod);
          assert.ok(status >= 400, `${name} was admitted`);
          if (BY_ITSELF.test(message)) byItself.push(name);
          else if (labels !== undefined) assert.match(message, refusal, name);
        }
      // Debuggers come through a subresource; of the others each is a pod that an API server would take.
      assert.deepEqual(
        byItself.filter((name) => !/ephemeral|debugger/.test(name)),
        [],
      );
      assert.equal((await tryPod(mutate(INJECT, { object: placed(injectable(), 'ml') }))).status, 201);
      const plain = placed(injectable(), 'other');
      assert.match((await tryPod(plain, 'other')).message, /exactly one weighlock/, 'by its label');
      delete plain.metadata.labels;
      assert.equal((await tryPod(plain, 'other')).status, 201, 'nobody asked for it');
      await apply('enforce');
      await counting(hasVerifier, injectable());
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
      const token = cluster.kubectl(['create', 'token', 'default', '-n', 'other']).trim();
      cluster.kubectl([
        'create',
        'clusterrolebinding',
        'sa',
        '--clusterrole=cluster-admin',
        '--serviceaccount=other:default',
      ]);
      const sa = ['--token', token, 'create', 'configmap', 'weighlock-trust', '-n', 'other'];
      assert.throws(() => cluster.kubectl(['--kubeconfig', cluster.kubeconfig('sa', token), ...sa]));
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

    it('17.4: keeps running pods changeable when another digest is pinned, and judges what changes them', async () => {
      const pods = '/api/v1/namespaces/ml/pods';
      const pod = placed(injectable(), 'ml');
      pod.metadata.name = 'live';
      const made = await as('alice', 'POST', pods, pod);
      assert.equal(made.status, 201, made.message);
      for (const [name, field] of [
        ['shared', 'shareProcessNamespace'],
        ['node', 'hostPID'],
      ] as const) {
        const other = { ...pod, metadata: { ...pod.metadata, name }, spec: { ...pod.spec, [field]: true } };
        assert.equal((await as('alice', 'POST', pods, other)).status, 201, name);
      }
      const kind = mode.withKyverno ? 'validatingpolicies.policies.kyverno.io' : 'validatingadmissionpolicies';
      const names = mode.withKyverno ? ['require-weighlock', 'require-weighlock-labelled'] : ['require-weighlock'];
      for (const name of names) {
        const index = REQUIRE.spec.variables.findIndex(({ name: one }: Json) => one === 'image');
        const value = `'ghcr.io/weighlock/weighlock@sha256:${'1'.repeat(64)}'`;
        const patch = [{ op: 'replace', path: `/spec/variables/${index}/expression`, value }];
        cluster.kubectl(['patch', kind, name, '--type=json', '-p', JSON.stringify(patch)]);
      }
      await counting(({ message }) => /not the pinned one/.test(message), injectable());
      const label = await as('alice', 'PATCH', `${pods}/live`, { metadata: { labels: { team: 'x' } } });
      assert.equal(label.status, 200, label.message);
      const debug = (targetContainerName: string) =>
        as('alice', 'PATCH', `${pods}/live/ephemeralcontainers?dryRun=All`, {
          spec: { ephemeralContainers: [{ name: 'd', image: 'busybox', targetContainerName }] },
        });
      const into = await debug('server');
      assert.equal(into.status, 200, into.message);
      assert.match((await debug('weighlock')).message, /process namespace/);
      for (const { name, refusal, apply: attack } of ATTACKS.filter(({ name }) => /ephemeral|debugger/.test(name))) {
        const { ephemeralContainers, shareProcessNamespace = false, hostPID = false } = attacked(attack).spec;
        assert.ok(ephemeralContainers.length > 0, name);
        const living = shareProcessNamespace ? 'shared' : hostPID ? 'node' : 'live';
        const path = `${pods}/${living}/ephemeralcontainers?dryRun=All`;
        const { message } = await as('alice', 'PATCH', path, { spec: { ephemeralContainers } });
        assert.match(message, refusal, name);
      }
      // Once the kubelet says that the verifier has passed, a debugger sees nothing of it.
      const passed = { status: { initContainerStatuses: [{ name: 'weighlock', ready: true, ...RAN }] } };
      assert.equal((await as('admin', 'PATCH', `${pods}/shared/status`, passed)).status, 200);
      const late = { spec: { ephemeralContainers: [{ name: 'd', image: 'busybox' }] } };
      const debugged = await as('alice', 'PATCH', `${pods}/shared/ephemeralcontainers?dryRun=All`, late);
      assert.equal(debugged.status, 200, debugged.message);
      const init = (image: string) => ({ spec: { initContainers: [{ ...verifierOf(made.body), image }] } });
      const evil = await as('alice', 'PATCH', `${pods}/live?dryRun=All`, init('evil'));
      assert.match(evil.message, /not the pinned one/);
      for (const verb of ['exec', 'attach']) {
        const call = (container: string) =>
          as('alice', 'GET', `${pods}/live/${verb}?container=${container}&command=sh`);
        assert.match((await call('weighlock')).message, /into, and no attach to/, verb);
        assert.doesNotMatch((await call('server')).message, HELD, verb);
      }
      await apply('enforce');
      await counting(({ status }) => status === 201, injectable());
      for (const name of ['live', 'shared', 'node'])
        assert.equal((await as('alice', 'DELETE', `${pods}/${name}?gracePeriodSeconds=0`)).status, 200, name);
    });

    it('17: refuses labels and annotations that decide through pods/status, and nothing else that is written there', async () => {
      const pods = '/api/v1/namespaces/other/pods';
      const plain = placed(injectable(), 'other');
      delete plain.metadata.labels;
      plain.metadata.name = 'plain';
      assert.equal((await as('alice', 'POST', pods, plain)).status, 201);
      const status = (metadata: object) => as('alice', 'PATCH', `${pods}/plain/status?dryRun=All`, { metadata });
      const inference = { 'app.kubernetes.io/component': 'inference' };
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

    it('17: judges a pod of a megabyte, and two hundred volumes, as any other', async () => {
      const large = placed(injectable(), 'ml');
      large.spec.containers[0].env.push(
        ...Array.from({ length: 10 }, (_, i) => ({ name: `X${i}`, value: 'x'.repeat(100_000) })),
      );
      const wide = (source: (i: number) => Json) => {
        const pod = placed(injectable(), 'ml');
        for (let i = 0; i < 198; i++) {
          pod.spec.volumes.push({ name: `v${i}`, ...source(i) });
          for (const { volumeMounts = [] } of pod.spec.containers.slice(0, 1))
            volumeMounts.push({ name: `v${i}`, mountPath: `/v/${i}`, readOnly: true });
        }
        return pod;
      };
      const scratch = wide(() => ({ emptyDir: {} }));
      const claims = wide((i) => ({ persistentVolumeClaim: { claimName: `c${i}` } }));
      for (const [name, pod, mounts] of [
        ['large', large, 3],
        ['scratch', scratch, 3],
        ['claims', claims, 201],
      ] as const) {
        const made = await tryPod(pod);
        assert.equal(made.status, 201, `${name}: ${made.message}`);
        assert.equal(essence(verifierOf(made.body)).volumeMounts.length, mounts, name);
        const writes = structuredClone(pod);
        writes.spec.containers[0].volumeMounts[0].readOnly = false;
        assert.match((await tryPod(writes)).message, /must be mounted readOnly/, name);
      }
    });

    it('17: while its certificate is replaced, admits nothing unjudged, and goes on with the new one', {
      skip: !mode.withKyverno,
    }, async () => {
      const secrets = ['kyverno-svc.kyverno.svc.kyverno-tls-ca', 'kyverno-svc.kyverno.svc.kyverno-tls-pair'];
      const certificate = async (name: string): Promise<string | undefined> =>
        (await as('admin', 'GET', `/api/v1/namespaces/kyverno/secrets/${name}`)).body.data?.['tls.crt'];
      const before = await Promise.all(secrets.map(certificate));
      assert.ok(before.every((one) => one !== undefined && one !== ''));
      for (const name of secrets) cluster.kubectl(['delete', 'secret', '-n', 'kyverno', name]);
      const unjudged: Answer[] = [];
      const tried = async () => {
        const answer = await tryPod(injectable());
        if (answer.status === 201 && !hasVerifier(answer)) unjudged.push(answer);
        return answer;
      };
      await eventually('other certificates', async () => {
        await tried();
        const now = await Promise.all(secrets.map(certificate));
        return now.every((one, i) => one !== undefined && one !== '' && one !== before[i]) || undefined;
      });
      const [authority] = await Promise.all(secrets.map(certificate));
      await eventually('the new authority in the webhooks', async () => {
        await tried();
        const kinds = 'validatingwebhookconfigurations,mutatingwebhookconfigurations';
        const { items } = JSON.parse(cluster.kubectl(['get', kinds, '-o', 'json'])) as Json;
        const bundles = items.flatMap(({ webhooks = [] }: Json) =>
          webhooks.map((one: Json) => one.clientConfig.caBundle),
        );
        return (bundles.length > 0 && bundles.every((one: string) => one.includes(authority ?? '-'))) || undefined;
      });
      await eventually('an answer by the new certificate', async () => hasVerifier(await tried()) || undefined);
      assert.deepEqual(unjudged, []);
    });

    it('17.4: while it is down, stops only what it must judge', { skip: !mode.withKyverno }, async () => {
      const judged = placed(injectable(), 'ml');
      judged.metadata.name = 'judged';
      assert.equal((await as('alice', 'POST', '/api/v1/namespaces/ml/pods', judged)).status, 201);
      await kyverno?.stop();
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
      await kyverno?.start();
      await counting(hasVerifier, injectable());
      assert.equal((await as('alice', 'DELETE', '/api/v1/namespaces/ml/pods/judged?gracePeriodSeconds=0')).status, 200);
    });

    it('holds after the API server was restarted', async () => {
      await cluster.restartApiServer();
      // Kyverno ends with its API server; whoever runs it starts it again.
      if (kyverno !== undefined) {
        await kyverno.stop();
        await kyverno.start();
      }
      await counting(hasVerifier, injectable());
    });

    it('in Audit, denies nothing, and says what would be denied', async () => {
      await apply('audit');
      const pod = mutate(INJECT, { object: placed(injectable(), 'ml') });
      pod.spec.hostPID = true;
      pod.spec.containers[0].volumeMounts[0].readOnly = false;
      await counting(({ status }) => status === 201, pod);
      if (!mode.withKyverno) assert.match((await tryPod(pod)).warnings, /must be mounted readOnly/);
      const trust = { metadata: { name: 'weighlock-trust' } };
      const refused = await as('alice', 'POST', '/api/v1/namespaces/other/configmaps', trust);
      assert.match(refused.message, /decides what is trusted/, 'trust stays protected');
    });
  });
