// A namespace of a cluster with a node where every pod is verified, by the policies that need no
// Kyverno: claims with signed models, pods that use them, and what became of their verifiers.
import assert from 'node:assert/strict';
import { chownSync, cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { makeModel } from '../../examples/demo/make-artifacts.ts';
import { passed, run } from '../integration/cli.ts';
import type { Json } from './api-server.ts';
import type { Cluster } from './cluster.ts';
import { BUSYBOX, type ClusterNode } from './node.ts';
import { eventually } from './process-group.ts';

const OVERLAY = fileURLToPath(new URL('../../examples/admission/overlays/enforce', import.meta.url));
const NAMESPACE = 'ml';

export interface Verdict {
  readonly exitCode: number;
  readonly message: string;
  readonly reason: string;
  readonly pod: Json;
}

export class Enforced {
  readonly #cluster: Cluster;
  readonly #node: ClusterNode;
  readonly #work: string;
  /** Path of the pair that signs, without its suffixes. */
  readonly key: string;

  constructor(cluster: Cluster, node: ClusterNode, work: string) {
    this.#cluster = cluster;
    this.#node = node;
    this.#work = work;
    this.key = join(work, 'release');
  }

  /**
   * Installs the policies, makes the namespace `ml` with its trust and the claim `models`, and
   * waits until they count.
   */
  async install(): Promise<void> {
    const { kubectl } = this.#cluster;
    passed(await run(['keygen', '--output', this.key]));
    kubectl(['apply', '-k', OVERLAY]);
    for (const name of ['inject-weighlock', 'require-weighlock']) this.setVariable(name, 'image', this.#node.image);
    kubectl(['create', 'namespace', NAMESPACE]);
    kubectl(['label', 'namespace', NAMESPACE, 'weighlock.dev/enforce=true']);
    this.trust();
    await this.signed('models');
    await this.counting(({ image }) => image === this.#node.image);
  }

  /** Sets a text that the policies are made with. */
  setVariable(policy: string, variable: string, value: string): void {
    const kind = policy.startsWith('inject') ? 'mutatingadmissionpolicy' : 'validatingadmissionpolicy';
    const { spec } = JSON.parse(this.#cluster.kubectl(['get', kind, policy, '-o', 'json']));
    const index = spec.variables.findIndex(({ name }: Json) => name === variable);
    const patch = [{ op: 'replace', path: `/spec/variables/${index}/expression`, value: `'${value}'` }];
    this.#cluster.kubectl(['patch', kind, policy, '--type=json', '-p', JSON.stringify(patch)]);
  }

  /** Waits until a new pod gets such a verifier. */
  async counting(isSo: (verifier: Json) => boolean): Promise<void> {
    await eventually('injection', async () => {
      const path = `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`;
      const { body, status } = await this.#cluster.api.ask('admin', 'POST', path, podOf('probe', 'models'));
      return (status === 201 && isSo(body.spec.initContainers?.[0] ?? {})) || undefined;
    });
  }

  /** Writes the trust of the namespace: whatever is mounted carries a signature by our key.
   *
   * @param more - what else its policy says
   */
  trust(more: object = {}): void {
    const attestor = { name: 'release', cosign: { key: { file: 'release.pub' }, ctlog: { insecureIgnoreTlog: true } } };
    const policy = {
      apiVersion: 'weighlock.dev/v1alpha1',
      kind: 'VerificationPolicy',
      metadata: { name: 'platform' },
      spec: {
        attestors: [attestor],
        ...more,
        artifacts: [{ name: 'mounted', each: 'targets', require: [{ signature: { attestors: ['release'] } }] }],
      },
    };
    const data = { 'policy.yaml': stringify(policy), 'release.pub': readFileSync(`${this.key}.pub`, 'utf8') };
    const trust = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'weighlock-trust' }, data };
    this.#cluster.kubectl(['apply', '-n', NAMESPACE, '-f', '-'], stringify(trust));
  }

  /** Puts a signed model into a folder, where the verifier may read it. */
  async sign(folder: string): Promise<void> {
    const model = join(mkdtempSync(join(this.#work, 'model-')), 'm');
    makeModel(model);
    passed(await run(['sign', model, '--key', `${this.key}.key`]));
    cpSync(model, folder, { recursive: true });
    for (const name of readdirSync(folder)) chownSync(join(folder, name), 65_532, 65_532);
  }

  /** A claim with a signed model, and what somebody does to it. @returns its folder */
  async signed(claim: string, damage: (folder: string) => void = () => {}): Promise<string> {
    const volume = this.#node.volume(NAMESPACE, claim);
    await this.sign(volume);
    damage(volume);
    return volume;
  }

  async get(path: string): Promise<Json> {
    return (await this.#cluster.api.ask('admin', 'GET', path)).body;
  }

  async create(path: string, body: Json): Promise<void> {
    const { status, message } = await this.#cluster.api.ask('admin', 'POST', path, body);
    assert.equal(status, 201, message);
  }

  /** Creates a pod in the namespace. */
  start(pod: Json): Promise<void> {
    return this.create(`/api/v1/namespaces/${NAMESPACE}/pods`, pod);
  }

  pod(name: string): Promise<Json> {
    return this.get(`/api/v1/namespaces/${NAMESPACE}/pods/${name}`);
  }

  /** What the verifier of a pod said when it ended, for the first time of those that are wanted. */
  async verdict(name: string, isWanted: (verdict: Verdict) => boolean = () => true): Promise<Verdict> {
    return eventually(`a verdict in ${name}`, async () => {
      const pod = await this.pod(name);
      const ended = terminated(verifierStatus(pod));
      const verdict = { exitCode: ended?.exitCode, message: ended?.message ?? '', reason: ended?.reason, pod };
      return ended !== undefined && isWanted(verdict) ? verdict : undefined;
    });
  }

  /** Waits until the server of a pod runs. */
  async running(name: string): Promise<void> {
    await eventually(`the server of ${name}`, async () => hasStarted(await this.pod(name)) || undefined);
  }
}

const labels = { 'app.kubernetes.io/component': 'inference' };
const annotations = { 'model.ai/name': 'm', 'model.ai/version': '1', 'model.ai/source': 'pvc://models' };

/** An inference pod of the namespace `ml` that mounts a claim. */
export function podOf(name: string, claim: string, spec: Json = {}): Json {
  const server = {
    name: 'server',
    image: BUSYBOX,
    command: ['sh', '-c', 'echo started; sleep 600'],
    volumeMounts: [{ name: 'model', mountPath: '/models', readOnly: true }],
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { ...labels }, annotations: { ...annotations } },
    spec: {
      containers: [server],
      volumes: [{ name: 'model', persistentVolumeClaim: { claimName: claim } }],
      terminationGracePeriodSeconds: 0,
      ...spec,
    },
  };
}

/** How a container ended, now or before it was started again. */
export function terminated(status: Json): Json {
  return status?.state?.terminated ?? status?.lastState?.terminated;
}

export function verifierStatus(pod: Json): Json {
  return pod.status?.initContainerStatuses?.find(({ name }: Json) => name === 'weighlock');
}

/** Whether the server of a pod runs, or ever did. */
export function hasStarted(pod: Json): boolean {
  const { state, lastState } = pod.status?.containerStatuses?.[0] ?? {};
  return [state, lastState].some((one) => one?.running !== undefined || one?.terminated?.startedAt != null);
}
