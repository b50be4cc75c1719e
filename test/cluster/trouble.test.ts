// Verifiers to which something happens, pods of unusual size, and pods that say what only a
// verifier may say.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FieldMount, whyNoFuse } from '../fuse/mount.ts';
import { PASSED } from '../kubernetes/pods.ts';
import type { Json } from './api-server.ts';
import { TOKENS } from './api-server.ts';
import { hasStarted, podOf, terminated, verifierStatus } from './enforced.ts';
import { BUSYBOX } from './node.ts';
import { onNode, whyNoNode } from './on-node.ts';
import { eventually } from './process-group.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const WEIGHTS = /^read \S*safetensors/;

describe('17: trouble on a node', { skip: whyNoNode(), concurrency: 1 }, () => {
  const on = onNode('trouble');
  before(() => on.world.install());

  const weighlock = (...words: string[]) =>
    execFileSync(process.execPath, [MAIN, ...words, `--kubeconfig=${on.cluster.kubeconfig('admin', TOKENS.admin)}`], {
      encoding: 'utf8',
    });
  /** What the plug-in of kubectl says of a pod. */
  function rowOf(namespace: string, pod: string, verifier: string): Json {
    const { items } = JSON.parse(weighlock('pods', '-n', namespace, '-o', 'json', `--verifier-image=${verifier}`));
    return items.find((one: Json) => one.pod === pod);
  }
  /** How this node, which imported it, calls the verifier's image. */
  async function imageOnNode(): Promise<string> {
    const { imageID } = verifierStatus((await on.world.verdict('good')).pod);
    return /sha256:[a-f0-9]{64}$/.exec(imageID)?.[0] ?? '';
  }

  /** A claim on storage that can be told what to do; its folder has a signed model. */
  async function slow(claim: string, rules: string): Promise<FieldMount> {
    const backing = join(on.work, claim);
    mkdirSync(backing, { mode: 0o755 });
    await on.world.sign(backing);
    return FieldMount.open(backing, rules, {}, on.node.volume('ml', claim));
  }
  /** The first read of one file never returns; a kill ends it. */
  const HANGS = 'model-00001-of-00002.safetensors direct_io read=hang*1 trace';

  it('a pod of a megabyte, and one with two hundred volumes: both are verified, and start', async () => {
    await on.world.start(podOf('good', 'models'));
    const large = podOf('large', 'models');
    large.spec.containers[0].env = Array.from({ length: 10 }, (_, i) => ({
      name: `X${i}`,
      value: 'x'.repeat(100_000),
    }));
    await on.world.start(large);
    const wide = podOf('wide', 'models');
    for (let i = 0; i < 199; i++) {
      const source = i % 2 === 0 ? { emptyDir: {} } : { configMap: { name: 'kube-root-ca.crt' } };
      wide.spec.volumes.push({ name: `v${i}`, ...source });
      wide.spec.containers[0].volumeMounts.push({ name: `v${i}`, mountPath: `/v/${i}` });
    }
    await on.world.start(wide);
    for (const name of ['good', 'large', 'wide']) {
      const { exitCode, message } = await on.world.verdict(name);
      assert.equal(exitCode, 0, `${name}: ${message}`);
      await on.world.running(name);
      assert.equal(rowOf('ml', name, await imageOnNode()).verdict, 'pass');
    }
  });

  it('a verifier without the memory that it needs: the pod does not start, and is told as an error', async () => {
    const sized = async (limit: string, request: string) => {
      on.world.setVariable('inject-weighlock', 'memory', limit);
      on.world.setVariable('inject-weighlock', 'memoryRequest', request);
      await on.world.counting(({ resources }) => resources?.limits.memory === limit);
    };
    await sized('32Mi', '32Mi');
    await on.world.start(podOf('hungry', 'models', { restartPolicy: 'Never' }));
    const { exitCode, reason, pod } = await on.world.verdict('hungry');
    assert.deepEqual([exitCode, reason], [137, 'OOMKilled']);
    assert.equal(hasStarted(pod), false);
    assert.equal(rowOf('ml', 'hungry', await imageOnNode()).verdict, 'error');
    await sized('512Mi', '256Mi');
  });

  it('a verifier that is killed in the middle: the pod does not start', { skip: whyNoFuse() }, async () => {
    await using mount = await slow('killed', HANGS);
    await on.world.start(podOf('killed', 'killed', { restartPolicy: 'Never' }));
    await kill('killed', mount);
    const { exitCode, pod } = await on.world.verdict('killed');
    assert.equal(exitCode, 137);
    assert.equal(hasStarted(pod), false);
    await eventually(
      'the end of the pod',
      async () => (await on.world.pod('killed')).status.phase === 'Failed' || undefined,
    );
    assert.equal(hasStarted(await on.world.pod('killed')), false);
    assert.equal(rowOf('ml', 'killed', await imageOnNode()).verdict, 'error');

    mount.rules(HANGS);
    await on.world.start(podOf('again', 'killed'));
    await kill('again', mount);
    // The kubelet starts it again; what counts is the run that came to its end.
    await on.world.running('again');
    const { status } = await on.world.pod('again');
    const verifier = verifierStatus({ status });
    assert.deepEqual([verifier.state.terminated.exitCode, verifier.restartCount], [0, 1]);
    const [server] = status.containerStatuses;
    assert.ok(Date.parse(server.state.running.startedAt) >= Date.parse(verifier.state.terminated.finishedAt));
  });

  /** Kills the verifier of a pod when it has begun to read weights. */
  async function kill(name: string, mount: FieldMount): Promise<void> {
    await mount.saw(WEIGHTS);
    const id = await eventually(`the verifier of ${name}`, async () => {
      const { state, containerID } = verifierStatus(await on.world.pod(name)) ?? {};
      return state?.running === undefined ? undefined : containerID.replace('containerd://', '');
    });
    on.node.ctr('tasks', 'kill', '--signal', 'SIGKILL', id);
  }

  it('a node that loses the volume: the question is open, and is answered once it is back', {
    skip: whyNoFuse(),
  }, async () => {
    const mount = await slow('lost', HANGS);
    await on.world.start(podOf('lost', 'lost', { restartPolicy: 'Never' }));
    await mount.saw(WEIGHTS);
    await mount.unmount();
    const { exitCode, message, pod } = await on.world.verdict('lost');
    assert.equal(exitCode, 75, message);
    assert.match(message, /SOURCE_UNAVAILABLE/);
    assert.equal(hasStarted(pod), false);
    // Nothing is mounted there now: an empty folder is not the signed model.
    await on.world.start(podOf('empty', 'lost', { restartPolicy: 'Never' }));
    const empty = await on.world.verdict('empty');
    assert.equal(empty.exitCode, 65, empty.message);
    assert.equal(hasStarted(empty.pod), false);
    await using back = await FieldMount.open(join(on.work, 'lost'), '', {}, mount.path);
    await on.world.start(podOf('back', 'lost'));
    const { exitCode: later, message: said } = await on.world.verdict('back');
    assert.equal(later, 0, said);
    await on.world.running('back');
    on.cluster.kubectl(['delete', 'pod', 'back', '-n', 'ml', '--grace-period=0', '--force']);
    assert.notEqual(back.path, '');
  });

  it('what a container that is no verifier writes is believed by nobody', async () => {
    on.cluster.kubectl(['create', 'namespace', 'free']);
    await eventually('the service account', async () => {
      const { status } = await on.cluster.api.ask('admin', 'GET', '/api/v1/namespaces/free/serviceaccounts/default');
      return status === 200 || undefined;
    });
    const says = (image: string, args: object = {}) => ({
      name: 'weighlock',
      image,
      command: ['sh', '-c', 'printf %s "$SAID" > /dev/termination-log'],
      env: [{ name: 'SAID', value: PASSED }],
      ...args,
    });
    const server = { name: 'server', image: BUSYBOX, command: ['sleep', '600'] };
    const pod = (name: string, spec: Json) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'free' },
      spec: { terminationGracePeriodSeconds: 0, ...spec },
    });
    const forged = [
      pod('init', { initContainers: [says(BUSYBOX)], containers: [server] }),
      pod('app', { restartPolicy: 'Never', containers: [says(BUSYBOX), server] }),
      pod('other', { restartPolicy: 'Never', containers: [says(BUSYBOX, { name: 'server' })] }),
    ];
    for (const one of forged) await on.world.create('/api/v1/namespaces/free/pods', one);
    const statuses = ({ status }: Json) => [
      ...(status.initContainerStatuses ?? []),
      ...(status.containerStatuses ?? []),
    ];
    for (const { metadata } of forged)
      await eventually(`what ${metadata.name} wrote`, async () => {
        const found = await on.world.get(`/api/v1/namespaces/free/pods/${metadata.name}`);
        return statuses(found).some((one: Json) => terminated(one)?.message?.trim() === PASSED.trim()) || undefined;
      });
    const verifier = await imageOnNode();
    for (const name of ['init', 'app']) {
      const row = rowOf('free', name, verifier);
      assert.deepEqual([row.verdict, row.codes], ['fail', ['IMAGE_UNKNOWN']], name);
    }
    assert.equal(rowOf('free', 'other', verifier).verdict, 'none');
    const page = join(on.work, 'evidence.html');
    weighlock('report', `--html=${page}`, '-n', 'free', `--verifier-image=${verifier}`);
    const html = readFileSync(page, 'utf8');
    assert.match(html, /IMAGE_UNKNOWN/);
    assert.doesNotMatch(html, /a{12}/, 'the digest that they claim');
    // In a namespace of the platform's, such a container is replaced before it runs.
    const replaced = podOf('replaced', 'models');
    replaced.spec.initContainers = [says(BUSYBOX)];
    await on.world.start(replaced);
    const { message } = await on.world.verdict('replaced');
    assert.notEqual(message.trim(), PASSED.trim());
    assert.equal(rowOf('ml', 'replaced', verifier).verdict, 'pass');
  });

  it('a namespace that is deleted while a verifier reads: nothing is left of it', { skip: whyNoFuse() }, async () => {
    await using mount = await slow('going', '*.safetensors direct_io read=hang trace');
    await on.world.start(podOf('going', 'going', { terminationGracePeriodSeconds: 20 }));
    await mount.saw(WEIGHTS);
    on.cluster.kubectl(['delete', 'namespace', 'ml', '--wait=false']);
    await eventually('the end of the namespace', async () => {
      const { status } = await on.cluster.api.ask('admin', 'GET', '/api/v1/namespaces/ml');
      return status === 404 || undefined;
    });
    const ours = () =>
      on.node
        .ctr('containers', 'ls')
        .split('\n')
        .filter((line) => line.includes('weighlock/weighlock'));
    await eventually('the end of its verifiers', async () => ours().length === 0 || undefined);
  });
});
