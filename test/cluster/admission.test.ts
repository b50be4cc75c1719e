// Every rule of admission against a real API server: by Kyverno itself, and by the API server
// alone.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ATTACKS, injectable, PODS } from '../kyverno/attacks.ts';
import { deny, mutate } from '../kyverno/evaluate.ts';
import { testOutages } from './admission-outages.ts';
import { testRights } from './admission-rights.ts';
import { Admission, hasVerifier, MODES } from './admission-world.ts';
import type { Json, User } from './api-server.ts';
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

/** What a kubelet says of a container that has ended well, as far as an API server asks for it. */
const RAN = { image: 'x', imageID: 'x', restartCount: 0, state: { terminated: { exitCode: 0 } } };

for (const mode of MODES)
  describe(`admission by ${mode.name}`, { skip: lacking() ?? false, concurrency: 1 }, () => {
    let world: Admission;
    const as = (user: User, method: string, path: string, body?: Json) => world.as(user, method, path, body);
    const tryPod = (pod: Json, namespace?: string) => world.tryPod(pod, namespace);

    before(async () => {
      world = await Admission.start(mode);
    });
    after(() => world?.[Symbol.asyncDispose]());

    testRights(mode, () => world);

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
      world.cluster.kubectl(['delete', mode.inject, '--all']);
      await world.counting((answer) => !hasVerifier(answer), injectable());
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
      // Debuggers come through a subresource; of the others each is a pod that an API server would
      // take.
      assert.deepEqual(
        byItself.filter((name) => !/ephemeral|debugger/.test(name)),
        [],
      );
      assert.equal((await tryPod(mutate(INJECT, { object: placed(injectable(), 'ml') }))).status, 201);
      const plain = placed(injectable(), 'other');
      assert.match((await tryPod(plain, 'other')).message, /exactly one weighlock/, 'by its label');
      delete plain.metadata.labels;
      assert.equal((await tryPod(plain, 'other')).status, 201, 'nobody asked for it');
      await world.apply('enforce');
      await world.counting(hasVerifier, injectable());
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
        world.cluster.kubectl(['patch', kind, name, '--type=json', '-p', JSON.stringify(patch)]);
      }
      await world.counting(({ message }) => /not the pinned one/.test(message), injectable());
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
      await world.apply('enforce');
      await world.counting(({ status }) => status === 201, injectable());
      for (const name of ['live', 'shared', 'node'])
        assert.equal((await as('alice', 'DELETE', `${pods}/${name}?gracePeriodSeconds=0`)).status, 200, name);
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

    testOutages(mode, () => world);

    it('in Audit, denies nothing, and says what would be denied', async () => {
      await world.apply('audit');
      const pod = mutate(INJECT, { object: placed(injectable(), 'ml') });
      pod.spec.hostPID = true;
      pod.spec.containers[0].volumeMounts[0].readOnly = false;
      await world.counting(({ status }) => status === 201, pod);
      if (!mode.withKyverno) assert.match((await tryPod(pod)).warnings, /must be mounted readOnly/);
      const trust = { metadata: { name: 'weighlock-trust' } };
      const refused = await as('alice', 'POST', '/api/v1/namespaces/other/configmaps', trust);
      assert.match(refused.message, /decides what is trusted/, 'trust stays protected');
    });
  });
