// The reporter with a real API server: with the rights of its manifests, through a restart, without
// and with the APIs of reports, two of them, and with a namespace that goes. No node is needed:
// what a kubelet would say is written here.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { FAILED, IMAGE, message, PASSED, pod } from '../kubernetes/pods.ts';
import { NAMESPACE } from '../kyverno/evaluate.ts';
import { type Answer, type Json, TOKENS } from './api-server.ts';
import { lacking, moduleFolder } from './build.ts';
import { type Cluster, freePorts, startCluster } from './cluster.ts';
import { eventually } from './process-group.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const MANIFESTS = fileURLToPath(new URL('../../examples/reporter/reporter.yaml', import.meta.url));
const WG = 'wgpolicyk8s.io/v1alpha2';
const OPEN = 'openreports.io/v1alpha1';
const SIGNED = message(
  'PASSED',
  0,
  [],
  [{ name: 'model', result: 'PASSED', sha256: 'a'.repeat(64), signers: ['ci: me@example.com'], policies: ['corp'] }],
);

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

describe('17.6: the reporter and a real API server', { skip: lacking() ?? false, concurrency: 1 }, () => {
  let cluster: Cluster;
  let token: string;
  const running = new Set<ChildProcess>();
  const ask = (method: string, path: string, body?: Json): Promise<Answer> =>
    cluster.api.ask('admin', method, path, body);
  const flags = (own: string) => [
    `--api-server=${cluster.api.url}`,
    `--ca-file=${join(cluster.folder, 'pki/apiserver.crt')}`,
    `--token-file=${own}`,
    `--verifier-image=${IMAGE}`,
  ];

  const start = (...words: string[]) => startWith(token, ...words);
  /** Starts the program with a token; what it prints is kept. */
  function startWith(own: string, ...words: string[]): Started {
    const child = spawn(process.execPath, [MAIN, 'report', ...flags(own), ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
    running.add(child);
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    return { child, output: () => text, ended };
  }

  /** A pod as its author creates it, and as a kubelet reports it. */
  async function create(one: Json, namespace = 'ml'): Promise<void> {
    const { name } = one.metadata;
    const made = await ask('POST', `/api/v1/namespaces/${namespace}/pods`, {
      ...one,
      metadata: { name, namespace },
      status: undefined,
    });
    assert.equal(made.status, 201, made.message);
    const said = await ask('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status: one.status });
    assert.equal(said.status, 200, said.message);
  }

  async function reportsOf(api: string, resource: string, namespace = 'ml'): Promise<Record<string, Json>> {
    const { body } = await ask('GET', `/apis/${api}/namespaces/${namespace}/${resource}`);
    return Object.fromEntries((body.items ?? []).map((one: Json) => [one.scope.name, one]));
  }

  const until = (name: string, result: string) =>
    eventually(`${name} is reported as ${result}`, async () => {
      const reports = await reportsOf(WG, 'policyreports');
      return reports[name]?.results[0].result === result || undefined;
    });

  const install = (folder: string) => cluster.kubectl(['apply', '--server-side', '-f', folder]);

  before(async () => {
    cluster = await startCluster();
    const documents = parseAllDocuments(readFileSync(MANIFESTS, 'utf8')).map((one) => one.toJS() as Json);
    const wanted = documents.filter(({ kind }) => kind !== 'Deployment');
    cluster.kubectl(['apply', '-f', '-'], wanted.map((one) => `---\n${stringify(one)}`).join(''));
    token = join(cluster.folder, 'token');
    writeFileSync(token, cluster.kubectl(['create', 'token', '-n', 'weighlock-system', 'weighlock-reporter']), {
      mode: 0o600,
    });
    const { labels, annotations } = NAMESPACE.metadata;
    for (const metadata of [
      { name: 'ml', labels, annotations },
      { name: 'doomed', labels },
    ]) {
      await ask('POST', '/api/v1/namespaces', { metadata });
      await eventually('a service account', async () => {
        const { status } = await ask('GET', `/api/v1/namespaces/${metadata.name}/serviceaccounts/default`);
        return status === 200 || undefined;
      });
    }
    await create(pod('good', 0, SIGNED));
    await create(pod('bad', 65, FAILED));
    await create(pod('audited', 0, message('FAILED', 0, ['DIGEST_MISMATCH'])));
    const imported = pod('imported', 0, PASSED, { imageID: `sha256:${'2'.repeat(64)}` });
    await create(imported);
  });

  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await cluster?.[Symbol.asyncDispose]();
  });

  it('17.6: says that there is nowhere to write to, and writes OpenReports once that is there', async () => {
    const nowhere = start('--once');
    assert.equal(await nowhere.ended, 75, nowhere.output());
    assert.match(nowhere.output(), /has no reports/);
    install(join(moduleFolder('kyverno', 'github.com/openreports/reports-api'), 'config/crd'));
    await eventually(
      'OpenReports is served',
      async () => (await ask('GET', `/apis/${OPEN}`)).status === 200 || undefined,
    );
    const open = start('--once');
    assert.equal(await open.ended, 0, open.output());
    const reports = await reportsOf(OPEN, 'reports');
    assert.equal(reports['good'].results[0].result, 'pass', reports['good'].results[0].message);
    assert.equal(reports['good'].results[0].properties.signer, 'ci: me@example.com');
    assert.equal(reports['good'].results[0].policy, 'corp');
    assert.deepEqual(
      ['bad', 'audited', 'imported'].map((name) => reports[name].results[0].result),
      ['fail', 'warn', 'fail'],
    );
    assert.deepEqual(reports['ml'].summary, { pass: 1, fail: 2, warn: 1, error: 0, skip: 0 });
    const known = start('--once', `--verifier-image=sha256:${'2'.repeat(64)}`);
    assert.equal(await known.ended, 0, known.output());
    assert.equal((await reportsOf(OPEN, 'reports'))['imported'].results[0].result, 'pass');
  });

  it('17: kubectl weighlock reads pods and reports with a kubeconfig', async () => {
    const kubeconfig = cluster.kubeconfig('admin', TOKENS.admin);
    const words = [MAIN, 'pods', '-A', '--output=json', `--kubeconfig=${kubeconfig}`];
    const { items } = JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
    const found = items.filter(({ namespace }: Json) => namespace === 'ml');
    assert.deepEqual(
      found.map(({ pod: name, verdict, confirmedBy }: Json) => [name, verdict, confirmedBy]),
      [
        ['audited', 'warn', 'report'],
        ['bad', 'fail', 'report'],
        ['good', 'pass', 'report'],
        ['imported', 'pass', 'report'],
      ],
    );
    const alone = cluster.kubeconfig('alice', TOKENS.alice);
    assert.throws(
      () => execFileSync(process.execPath, [MAIN, 'pods', `--kubeconfig=${alone}`], { stdio: 'pipe' }),
      /403/,
    );
  });

  it('17: one that may not write says which right is missing, is not ready, and goes on once it has it', async () => {
    cluster.kubectl(['create', 'serviceaccount', 'mute', '-n', 'weighlock-system']);
    const grant = (name: string, ...words: string[]) => {
      cluster.kubectl(['create', 'clusterrole', name, ...words]);
      cluster.kubectl([
        'create',
        'clusterrolebinding',
        name,
        `--clusterrole=${name}`,
        '--serviceaccount=weighlock-system:mute',
      ]);
    };
    grant('mute-reads', '--verb=get,list,watch', '--resource=pods,namespaces,reports.openreports.io');
    const own = join(cluster.folder, 'mute-token');
    writeFileSync(own, cluster.kubectl(['create', 'token', '-n', 'weighlock-system', 'mute']), { mode: 0o600 });
    const before = await reportsOf(OPEN, 'reports');
    const once = startWith(own, '--once', '--reports=openreports');
    assert.equal(await once.ended, 75, once.output());
    assert.match(once.output(), /reports in ml: answered 403: .*cannot patch resource/);
    assert.match(once.output(), /events in ml: answered 403/);
    assert.deepEqual(await reportsOf(OPEN, 'reports'), before, 'nothing was written');
    const [port] = await freePorts(1);
    const waiting = startWith(own, '--reports=openreports', `--listen=127.0.0.1:${port}`, '--relist=10s');
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200;
    await eventually('a complaint', async () => /reports in ml: answered 403/.test(waiting.output()) || undefined);
    assert.equal(await ready(), false);
    grant('mute-writes', '--verb=create,patch', '--resource=reports.openreports.io,events.events.k8s.io');
    await eventually('readiness', async () => (await ready()) || undefined);
    assert.equal(waiting.output().match(/reports in ml: answered 403/g)?.length, 1, 'it is said once');
    waiting.child.kill('SIGTERM');
    await waiting.ended;
  });

  it('17.6: two of them write once, through a restart of the API server and a namespace that goes', async () => {
    install(join(moduleFolder('kyverno', 'github.com/kyverno/kyverno'), 'config/crds/policyreport'));
    await eventually('reports are served', async () => (await ask('GET', `/apis/${WG}`)).status === 200 || undefined);
    const both = [1, 2].map(() => start('--leader-elect', '--lease-namespace=weighlock-system', '--relist=10s'));
    const outputs = () => both.map(({ output }) => output()).join('\n');
    await until('good', 'pass');
    await until('bad', 'fail');
    const { body } = await ask('GET', '/apis/events.k8s.io/v1/namespaces/ml/events');
    const events = body.items.filter((one: Json) => one.reportingController === 'weighlock.dev/reporter');
    assert.deepEqual(new Set(events.map((one: Json) => one.regarding.name)), new Set(['bad', 'audited', 'imported']));
    assert.equal(outputs().match(/holds the lease/g)?.length, 1, outputs());

    const denied = /answered 403/;
    assert.doesNotMatch(outputs(), denied, 'the rights of the manifests are enough');

    await cluster.restartApiServer();
    await create(pod('later', 65, FAILED));
    await until('later', 'fail');
    // A server that was just started refuses everybody until it has read its roles.
    const recovered = both.map(({ output }) => output().length);

    for (let i = 0; i < 20; i++) await create(pod(`d${i}`, 65, FAILED), 'doomed');
    await ask('DELETE', '/api/v1/namespaces/doomed');
    await create(pod('last', 0, SIGNED));
    await until('last', 'pass');
    await eventually(
      'the namespace is gone',
      async () => (await ask('GET', '/api/v1/namespaces/doomed')).status === 404 || undefined,
    );
    await ask('DELETE', '/api/v1/namespaces/ml/pods/bad?gracePeriodSeconds=0');
    await eventually(
      'the report goes with its pod',
      async () => (await reportsOf(WG, 'policyreports'))['bad'] === undefined || undefined,
    );
    await eventually(
      'the namespace is without it',
      async () =>
        (await reportsOf(WG, 'policyreports'))['ml']?.results.every(({ resources }: Json) =>
          resources.every(({ name }: Json) => name !== 'bad'),
        ) || undefined,
    );
    for (const [i, { output }] of both.entries())
      assert.doesNotMatch(output().slice(recovered[i]), denied, 'the rights of the manifests are enough');

    const lease = async () =>
      (await ask('GET', '/apis/coordination.k8s.io/v1/namespaces/weighlock-system/leases/weighlock-reporter')).body
        .spec;
    const { holderIdentity: first } = await lease();
    const leading = both.find(({ output }) => output().includes(`${first} holds`));
    leading?.child.kill('SIGTERM');
    assert.equal(await leading?.ended, 143);
    await eventually('the other one writes', async () => {
      const { holderIdentity } = await lease();
      return (holderIdentity !== '' && holderIdentity !== first) || undefined;
    });
    await create(pod('afterwards', 65, FAILED));
    await until('afterwards', 'fail');
    for (const { child } of both) child.kill('SIGTERM');
    await Promise.all(both.map(({ ended }) => ended));
  });
});
