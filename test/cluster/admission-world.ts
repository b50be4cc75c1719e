// Admission in a real cluster, by Kyverno or by the API server alone, with users who may do
// everything by RBAC.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { injectable } from '../kyverno/attacks.ts';
import { NAMESPACE } from '../kyverno/evaluate.ts';
import type { Answer, Json, User } from './api-server.ts';
import { placed, verifierOf } from './attacked.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Kyverno, policiesReady, startKyverno } from './kyverno.ts';
import { eventually } from './process-group.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

export interface Mode {
  readonly name: string;
  readonly overlays: string;
  /** Resources that put the verifier in. */
  readonly inject: string;
  readonly withKyverno: boolean;
}

export const MODES: readonly Mode[] = [
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

export const hasVerifier = ({ body }: Answer): boolean => verifierOf(body) !== undefined;

/** With an enforced namespace `ml` and another one, `other`. */
export class Admission implements AsyncDisposable {
  readonly mode: Mode;
  readonly cluster: Cluster;
  readonly kyverno: Kyverno | undefined;

  private constructor(mode: Mode, cluster: Cluster, kyverno: Kyverno | undefined) {
    this.mode = mode;
    this.cluster = cluster;
    this.kyverno = kyverno;
  }

  static async start(mode: Mode): Promise<Admission> {
    const cluster = await startCluster();
    const world = new Admission(mode, cluster, mode.withKyverno ? await startKyverno(cluster) : undefined);
    // By RBAC alice and bob may do everything: what they may not is for admission to say.
    const all = ['clusterrolebinding', 'all', '--clusterrole=cluster-admin', '--user=alice', '--user=bob'];
    cluster.kubectl(['create', ...all]);
    await world.apply('enforce');
    const { labels, annotations } = NAMESPACE.metadata;
    if (mode.withKyverno) await world.generating(labels);
    for (const metadata of [{ name: 'ml', labels, annotations }, { name: 'other' }])
      await eventually(`the namespace ${metadata.name}`, async () => {
        const { status, message } = await world.as('bob', 'POST', '/api/v1/namespaces', { metadata });
        if (status !== 201) throw new Error(message);
        return true;
      });
    await world.counting(hasVerifier, injectable());
    // Each policy counts when the API server has read it, in no order.
    const trust = { metadata: { name: 'weighlock-trust' } };
    const enforced = { metadata: { name: 'made', labels: { 'weighlock.dev/enforce': 'true' } } };
    await world.refused('/api/v1/namespaces/other/configmaps?dryRun=All', trust);
    await world.refused('/api/v1/namespaces?dryRun=All', enforced);
    return world;
  }

  /**
   * Kyverno says that a policy is ready before it generates by it: this is tried with namespaces
   * that nobody needs.
   */
  async generating(labels: object): Promise<void> {
    let count = 0;
    await eventually('trust in a new namespace', async () => {
      const name = `early-${count++}`;
      await this.as('bob', 'POST', '/api/v1/namespaces', { metadata: { name, labels } });
      for (let i = 0; i < 10; i++) {
        const { status } = await this.as('admin', 'GET', `/api/v1/namespaces/${name}/configmaps/weighlock-trust`);
        if (status === 200) return true;
        await sleep(300);
      }
      return undefined;
    });
  }

  /** Waits until alice may not create something. */
  async refused(path: string, body: Json): Promise<void> {
    await eventually(`a refusal of ${path}`, async () => {
      const { status } = await this.as('alice', 'POST', path, body);
      return status >= 400 || undefined;
    });
  }

  as(user: User, method: string, path: string, body?: Json, patch?: string): Promise<Answer> {
    return this.cluster.api.ask(user, method, path, body, patch);
  }

  tryPod(pod: Json, namespace = 'ml', user: User = 'alice'): Promise<Answer> {
    return this.as(user, 'POST', `/api/v1/namespaces/${namespace}/pods?dryRun=All`, placed(pod, namespace));
  }

  async apply(overlay: string): Promise<void> {
    // Kyverno makes its certificate anew when it starts, and answers nobody for a moment.
    await eventually(`the overlay ${overlay}`, async () =>
      this.cluster.kubectl(['apply', '-k', `${EXAMPLES}${this.mode.overlays}/${overlay}`]),
    );
    if (this.mode.withKyverno) await policiesReady(this.cluster);
  }

  /** Policies count a moment after they were written. */
  async counting(isSo: (answer: Answer) => boolean, pod: Json, namespace?: string): Promise<void> {
    await eventually('a change of the policies', async () => isSo(await this.tryPod(pod, namespace)) || undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }
}
