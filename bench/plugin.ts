// `kubectl weighlock -A` with 1,000 pods and their reports in a real API server, beside what
// kubectl takes for the same pods. Needs what `npm run test:cluster` needs, but no node.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, TOKENS } from '../test/cluster/api-server.ts';
import { kubernetes, lacking, moduleFolder } from '../test/cluster/build.ts';
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { eventually } from '../test/cluster/process-group.ts';
import { IMAGE, oneOfMany } from '../test/kubernetes/pods.ts';
import { NAMESPACE } from '../test/kyverno/evaluate.ts';
import { dropPages, inTurns, median, printTable } from './measure.ts';

const PODS = 1000;
const NAMESPACES = 20;
/** Requests under way while the pods are made. */
const AT_ONCE = 20;
const REPORTS = '/apis/wgpolicyk8s.io/v1alpha2/policyreports';

export async function benchPlugin(program: readonly string[], rounds: number): Promise<object | undefined> {
  const why = lacking();
  if (why !== undefined) {
    console.log(`no cluster here: ${why}`);
    return undefined;
  }
  await using cluster = await startCluster();
  await fill(cluster);
  report(cluster, program);
  const config = join(cluster.folder, 'admin.kubeconfig');
  const timed = (command: readonly string[]) => async () => {
    const [file = '', ...words] = command;
    const start = performance.now();
    const { status } = spawnSync(file, [...words, `--kubeconfig=${config}`], { stdio: 'ignore' });
    // No failure is ever taken for speed.
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}`);
    return performance.now() - start;
  };
  const kubectl = kubernetes('kubectl');
  dropPages(program[0] ?? '');
  const results = await inTurns(
    rounds,
    new Map([
      ['weighlock pods -A', timed([...program, 'pods', '-A'])],
      ['kubectl get pods -A', timed([...kubectl, 'get', 'pods', '-A'])],
      ['kubectl get pods -A -o json', timed([...kubectl, 'get', 'pods', '-A', '-o', 'json'])],
    ]),
  );
  const { body } = await cluster.api.ask('admin', 'GET', '/api/v1/pods?resourceVersion=0');
  const bytes = JSON.stringify(body).length;
  printTable(`${PODS} pods and their reports, start to end (median of ${rounds}, in turns)`, [
    ['', 'milliseconds'],
    ...[...results].map(([name, times]) => [name, median(times).toFixed(0)]),
    ['a pod, as the API server sends it', `${(bytes / PODS / 1000).toFixed(1)} KB`],
  ]);
  return { ...Object.fromEntries(results), bytes };
}

/** Pods that no scheduler looks at, as a kubelet would report them. */
export async function fill({ api, kubectl }: Cluster): Promise<void> {
  const crds = join(moduleFolder('kyverno', 'github.com/kyverno/kyverno'), 'config/crds/policyreport');
  kubectl(['apply', '--server-side', '-f', crds]);
  const done = async (method: string, path: string, body: Json) => {
    const { status, message: said } = await api.ask('admin', method, path, body);
    if (status >= 300) throw new Error(said);
  };
  for (let i = 0; i < NAMESPACES; i++) {
    const metadata = { ...NAMESPACE.metadata, name: `ml-${i}` };
    await done('POST', '/api/v1/namespaces', { metadata });
    await eventually('a service account', async () => {
      const path = `/api/v1/namespaces/ml-${i}/serviceaccounts/default`;
      return (await api.ask('admin', 'GET', path)).status === 200 || undefined;
    });
  }
  const create = async (i: number) => {
    const { metadata, spec, status } = oneOfMany(i);
    const path = `/api/v1/namespaces/ml-${i % NAMESPACES}/pods`;
    await done('POST', path, { metadata: { name: metadata.name }, spec: { ...spec, schedulerName: 'nobody' } });
    await done('PATCH', `${path}/${metadata.name}/status`, { status });
  };
  for (let i = 0; i < PODS; i += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, PODS - i) }, (_, j) => create(i + j)));
}

/** Lets the reporter write what it says of all pods. */
export function report({ api, folder }: Cluster, [command = '', ...words]: readonly string[]): void {
  const token = join(folder, 'bench.token');
  writeFileSync(token, TOKENS.admin, { mode: 0o600 });
  const place = [`--api-server=${api.url}`, `--ca-file=${join(folder, 'pki/apiserver.crt')}`, `--token-file=${token}`];
  const { status } = spawnSync(command, [...words, 'report', '--once', ...place, `--verifier-image=${IMAGE}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`the reporter ended with ${status}; see ${REPORTS}`);
}
