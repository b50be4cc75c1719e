// What injection and requirement together cost the creation of a pod, above one of a namespace that
// nothing is asked of: by Kyverno, and by the API server alone. Needs what `npm run test:cluster`
// needs.
import { fileURLToPath } from 'node:url';
import type { Json } from '../test/cluster/api-server.ts';
import { verifierOf } from '../test/cluster/attacked.ts';
import { lacking } from '../test/cluster/build.ts';
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { policiesReady, startKyverno } from '../test/cluster/kyverno.ts';
import { eventually } from '../test/cluster/process-group.ts';
import { injectable } from '../test/kyverno/attacks.ts';
import { NAMESPACE } from '../test/kyverno/evaluate.ts';
import { printTable } from './measure.ts';

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url));
const PODS = 500;
/** Before anything is measured: connections, caches of compiled expressions. */
const WARM_UP = 50;

interface Times {
  /** Milliseconds of each creation, ascending. */
  readonly plain: readonly number[];
  readonly judged: readonly number[];
}

export async function benchAdmission(): Promise<object | undefined> {
  const why = lacking();
  if (why !== undefined) {
    console.log(`no cluster here: ${why}`);
    return undefined;
  }
  const results: Record<string, object> = {};
  const rows: string[][] = [['one pod at a time, both kinds in turns', 'median', '95th percentile']];
  for (const mode of ['kyverno', 'admission'] as const) {
    const name = mode === 'kyverno' ? 'Kyverno' : 'the API server alone';
    const { plain, judged } = await measureMode(mode);
    for (const [what, times] of [
      ['a pod that nothing is asked of', plain],
      [`a pod with a model, by ${name}`, judged],
    ] as const)
      rows.push([what, ...[0.5, 0.95].map((part) => milliseconds(quantile(times, part)))]);
    const above = [0.5, 0.95].map((part) => quantile(judged, part) - quantile(plain, part));
    rows.push([`above it, by ${name}`, ...above.map(milliseconds)]);
    results[name] = { plain: summary(plain), judged: summary(judged) };
  }
  printTable(`Creating ${PODS} pods of each kind`, rows);
  return results;
}

async function measureMode(mode: 'kyverno' | 'admission'): Promise<Times> {
  await using cluster = await startCluster();
  if (mode === 'kyverno') await startKyverno(cluster);
  await eventually('the policies', async () => cluster.kubectl(['apply', '-k', `${EXAMPLES}${mode}/overlays/enforce`]));
  if (mode === 'kyverno') await policiesReady(cluster);
  for (const metadata of [NAMESPACE.metadata, { name: 'plain' }]) await makeNamespace(cluster, metadata);
  let probes = 0;
  await eventually('injection', async () => verifierOf((await create(cluster, 'ml', `probe-${probes++}`)).body));
  const times = { plain: [] as number[], judged: [] as number[] };
  for (let i = -WARM_UP; i < PODS; i++) {
    const both = [
      ['plain', times.plain],
      ['ml', times.judged],
    ] as const;
    for (const [namespace, list] of i % 2 === 0 ? both : both.toReversed()) {
      const { duration } = await create(cluster, namespace, `pod-${i + WARM_UP}`);
      if (i >= 0) list.push(duration);
    }
  }
  const ascending = (list: number[]) => list.sort((a, b) => a - b);
  return { plain: ascending(times.plain), judged: ascending(times.judged) };
}

async function makeNamespace({ api }: Cluster, metadata: Json): Promise<void> {
  await eventually('a namespace', async () => {
    const { status } = await api.ask('admin', 'POST', '/api/v1/namespaces', { metadata });
    return status === 201 || status === 409 || undefined;
  });
  await eventually('a service account', async () => {
    const path = `/api/v1/namespaces/${metadata.name}/serviceaccounts/default`;
    return (await api.ask('admin', 'GET', path)).status === 200 || undefined;
  });
}

/**
 * A real creation. Nobody runs it: there is no node, and of pods that no scheduler looks at it
 * writes no events meanwhile.
 */
async function create({ api }: Cluster, namespace: string, name: string): Promise<{ body: Json; duration: number }> {
  const pod = injectable();
  pod.spec.schedulerName = 'nobody';
  pod.metadata = {
    name,
    labels: namespace === 'ml' ? pod.metadata.labels : {},
    annotations: { 'model.ai/name': 'm', 'model.ai/version': '1', 'model.ai/source': 'pvc://mistral' },
  };
  const start = performance.now();
  const { status, body, message } = await api.ask('admin', 'POST', `/api/v1/namespaces/${namespace}/pods`, pod);
  const duration = performance.now() - start;
  if (status !== 201 && !name.startsWith('probe-')) throw new Error(message);
  return { body, duration };
}

function summary(ascending: readonly number[]): object {
  return Object.fromEntries([0.5, 0.9, 0.95, 0.99].map((part) => [`p${100 * part}`, quantile(ascending, part)]));
}

/** @param ascending - never empty */
function quantile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))] ?? Number.NaN;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}
