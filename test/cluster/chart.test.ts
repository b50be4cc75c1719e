// The chart with the real helm: what it makes is what kustomize makes, and it is installed,
// upgraded and removed.
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { injectable } from '../kyverno/attacks.ts';
import { documentsOf, load } from '../kyverno/evaluate.ts';
import type { Json } from './api-server.ts';
import { built, lacking } from './build.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { eventually } from './process-group.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CHART = join(ROOT, 'charts/weighlock');
const DIGEST = `sha256:${'0'.repeat(64)}`;
/** What values turn off, and the names of what goes with it. */
const PARTS = [
  { value: 'evidence', name: /^require-dataset-evidence/ },
  { value: 'provenance', name: /^require-model-provenance/ },
  { value: 'reporter.enabled', name: /^weighlock-reporter$/ },
];
const work = mkdtempSync(join(tmpdir(), 'weighlock-chart-'));
after(() => rmSync(work, { recursive: true, force: true }));

describe('the chart', { skip: lacking() ?? false, concurrency: 1 }, () => {
  let cluster: Cluster;
  let values: string;
  const helm = (words: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(join(built('helm'), 'helm'), words, {
      encoding: 'utf8',
      env: {
        ...process.env,
        KUBECONFIG: join(cluster.folder, 'admin.kubeconfig'),
        HELM_CACHE_HOME: join(work, 'cache'),
      },
    });
  const release = (name: string, ...words: string[]) => {
    const place = ['-n', 'weighlock-system', '-f', values, '--set', 'engine=native'];
    return helm(['upgrade', '--install', name, CHART, ...place, ...words]);
  };
  const done = ({ status, stdout, stderr }: SpawnSyncReturns<string>): string => {
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    return stdout;
  };
  const sorted = (documents: Json[]) =>
    documents
      .filter((one) => one !== null && /policies\.kyverno\.io|admissionregistration|rbac/.test(one.apiVersion))
      .map((one) => ({ ...one, metadata: { name: one.metadata.name } }))
      .sort((a, b) => `${a.kind}${a.metadata.name}`.localeCompare(`${b.kind}${b.metadata.name}`));

  before(async () => {
    cluster = await startCluster();
    values = join(work, 'values.yaml');
    const trust = load('base/system/namespace.yaml');
    assert.equal(trust.kind, 'Namespace');
    writeFileSync(values, stringify({ image: { digest: DIGEST }, trust: { 'policy.yaml': 'a: "{{ b }}"\n# é\n' } }));
  });
  after(() => cluster[Symbol.asyncDispose]());

  it('is sound', () => {
    assert.match(done(helm(['lint', '--strict', CHART, '-f', values])), /0 chart\(s\) failed/);
  });

  /** What helm makes of the chart with such values. */
  const template = (...words: string[]) =>
    helm(['template', 'weighlock', CHART, '-n', 'weighlock-system', '-f', values, ...words]);

  for (const engine of ['kyverno', 'native'])
    for (const mode of ['enforce', 'audit'])
      it(`makes with ${engine} in ${mode} what kustomize makes, with every choice of parts`, () => {
        const folder = engine === 'kyverno' ? 'kyverno' : 'admission';
        const policies = documentsOf(cluster.kubectl(['kustomize', join(ROOT, `examples/${folder}/overlays/${mode}`)]));
        const reporter = documentsOf(readFileSync(join(ROOT, 'examples/reporter/reporter.yaml'), 'utf8'));
        for (let i = 0; i < 1 << PARTS.length; i++) {
          const off = PARTS.filter((_, j) => (i & (1 << j)) !== 0);
          const set = [`engine=${engine}`, `mode=${mode}`, ...off.map(({ value }) => `${value}=false`)];
          const made = sorted(documentsOf(done(template('--set', set.join()))));
          const expected = sorted([...policies, ...reporter]).filter(
            ({ metadata }) => !off.some(({ name }) => name.test(metadata.name)),
          );
          assert.ok(made.length >= 6, `${set}: ${made.length}`);
          assert.deepEqual(made.map(normal), expected.map(normal), set.join());
        }
      });

  it('17: has the monitoring of the examples, and more digests for the reporter, where values ask for them', () => {
    const other = `sha256:${'1'.repeat(64)}`;
    const set = ['monitoring.enabled=true', 'monitoring.labels.release=kps', `reporter.verifierImages={${other}}`];
    const words = ['template', 'w', CHART, '-n', 'weighlock-system', '-f', values, '--set', set.join()];
    const made = documentsOf(done(helm(words))).filter((one) => one !== null);
    const text = (file: string) => readFileSync(join(ROOT, 'examples/monitoring', file), 'utf8');
    for (const one of [...documentsOf(text('podmonitors.yaml')), ...documentsOf(text('rules.yaml'))]) {
      const found = made.find(({ kind, metadata }) => kind === one.kind && metadata.name === one.metadata.name);
      assert.deepEqual(found, { ...one, metadata: { ...one.metadata, labels: { release: 'kps' } } });
    }
    const board = made.find(({ metadata }) => metadata.name === 'weighlock-dashboard');
    assert.equal(board.metadata.labels.grafana_dashboard, '1');
    assert.deepEqual(JSON.parse(board.data['weighlock.json']), JSON.parse(text('dashboard.json')));
    const { containers } = made.find(({ kind }) => kind === 'Deployment').spec.template.spec;
    const images = containers[0].args.filter((one: string) => one.startsWith('--verifier-image='));
    assert.deepEqual(images, [`--verifier-image=${DIGEST}`, `--verifier-image=${other}`]);
  });

  const REFUSED = [
    ...[
      'image.digest=',
      'image.digest=v1',
      `image.digest=${DIGEST}\n`,
      "image.repository=x'+evil",
      'image.repository=x{{',
    ],
    ...['mode=off', 'engine=none', 'unknown=1', 'evidence=yes', 'trust=x', 'resources.limits.cpu=a'],
    ...["platformContainers={a'=b}", 'platformContainers={a}', 'platformContainers=a=b'],
    ...[
      "adminGroups={a'b}",
      'adminGroups={}',
      'adminGroups={system:authenticated}',
      'adminGroups={b,system:serviceaccounts}',
    ],
    ...["kyvernoNamespace=a'b", 'kyvernoNamespace=', 'kyvernoNamespace=a:b'],
    ...['reporter.verifierImages={latest}', 'reporter.resources.limits.memory=1\n', 'monitoring.labels.a=b: c'],
  ];
  /** What is taken out of the values is no choice either. */
  const TAKEN_OUT = [
    ...['image.digest', 'image.repository', 'image', 'trust', 'mode', 'engine', 'resources', 'resources.limits.cpu'],
    ...['platformContainers', 'adminGroups', 'kyvernoNamespace', 'evidence', 'provenance', 'reporter', 'monitoring'],
    ...['reporter.enabled', 'reporter.resources', 'monitoring.enabled', 'monitoring.labels'],
  ];

  for (const [what, more] of [
    ['by its schema', []],
    ['by its templates, where helm is told to leave out the schema', ['--skip-schema-validation']],
  ] as const)
    it(`17: is refused without a digest or with a value that would leave its place, ${what}`, () => {
      done(template('--set', 'engine=native', ...more));
      const sets = [
        ...REFUSED.map((set) => ['--set-string', set]),
        ...TAKEN_OUT.map((key) => ['--set', `${key}=null`]),
      ];
      for (const set of sets) {
        const { status, stderr } = template(...set, ...more);
        assert.notEqual(status, 0, set.join(' '));
        assert.match(
          stderr,
          more.length === 0 ? /don't meet the specifications|schema/ : /what values.schema.json/,
          set.join(' '),
        );
      }
    });

  it('17: is refused in a namespace where others write ConfigMaps', () => {
    for (const place of ['default', 'kube-public', "x'||'"]) {
      const { status, stderr } = template('-n', place);
      assert.notEqual(status, 0, place);
      assert.match(stderr, /namespace/, place);
    }
  });

  it('17: means by a value what it says, whatever YAML makes of such words', () => {
    for (const engine of ['kyverno', 'native']) {
      const words = ['-n', 'null', '--set', `engine=${engine}`, '--set-string', 'adminGroups={oidc:,1e3}'];
      const made = documentsOf(done(template(...words, '--set-string', 'kyvernoNamespace=123'))).filter(
        (one) => one !== null,
      );
      for (const { kind, metadata } of made)
        if (['ConfigMap', 'Deployment', 'Role'].includes(kind)) assert.equal(metadata.namespace, 'null', kind);
      const guard = made.find(({ metadata }) => metadata.name === 'protect-weighlock-trust').spec;
      const [{ message, expression }] = guard.validations;
      assert.match(message, /changed in null, or by members of oidc: or 1e3$/);
      assert.match(expression, /^request\.namespace == 'null' \|\|.*in \['oidc:', '1e3'\]/);
      const [{ expression: writers }] = guard.variables;
      assert.equal(/serviceaccount:123:kyverno-background-controller/.test(writers), engine === 'kyverno');
      assert.doesNotMatch(writers, /serviceaccount:kyverno:/);
    }
  });

  it('is installed, upgraded from audit to enforce, and removed; a second release is refused', async () => {
    cluster.kubectl(['create', 'namespace', 'weighlock-system']);
    cluster.kubectl(['create', 'namespace', 'ml']);
    cluster.kubectl(['label', 'namespace', 'ml', 'weighlock.dev/enforce=true']);
    const pod = injectable();
    pod.spec.hostPID = true;
    pod.spec.containers[0].volumeMounts[0].readOnly = false;
    pod.metadata.annotations = { 'model.ai/name': 'm', 'model.ai/version': '1', 'model.ai/source': 'pvc://m' };
    const ask = () => cluster.api.ask('admin', 'POST', '/api/v1/namespaces/ml/pods?dryRun=All', pod);
    done(release('first', '--set', 'mode=audit'));
    await eventually('a warning', async () => /readOnly/.test((await ask()).warnings) || undefined);
    const { body } = await cluster.api.ask(
      'admin',
      'GET',
      '/api/v1/namespaces/weighlock-system/configmaps/weighlock-trust',
    );
    assert.equal(body.data['policy.yaml'], 'a: "{{ b }}"\n# é\n');
    const second = release('second');
    assert.notEqual(second.status, 0);
    assert.match(second.stderr, /invalid ownership metadata|cannot be imported|conflict/);
    cluster.kubectl(['create', 'namespace', 'elsewhere']);
    const elsewhere = release('second', '-n', 'elsewhere', '--set', 'reporter.enabled=false');
    assert.notEqual(elsewhere.status, 0);
    assert.match(elsewhere.stderr, /invalid ownership metadata|cannot be imported|conflict/);
    const other = release('second', '-n', 'elsewhere', '--set', 'reporter.enabled=false,engine=kyverno');
    assert.notEqual(other.status, 0);
    assert.match(other.stderr, /has the policies already, for the engine native/);
    done(release('first', '--set', 'mode=enforce'));
    await eventually('a refusal', async () => /readOnly/.test((await ask()).message) || undefined);
    done(helm(['uninstall', 'first', '-n', 'weighlock-system']));
    await eventually('a pod without the policies', async () => {
      const { status, body: made } = await ask();
      return (status === 201 && made.spec.initContainers === undefined) || undefined;
    });
  });

  it('takes over what kustomize installed', async () => {
    cluster.kubectl(['apply', '-k', join(ROOT, 'examples/admission/overlays/enforce')]);
    assert.notEqual(release('w').status, 0);
    done(release('w', '--take-ownership', '--server-side=false'));
    const all = cluster.kubectl(['get', 'validatingadmissionpolicies', '-o', 'json']);
    for (const { metadata } of JSON.parse(all).items)
      assert.equal(metadata.annotations['meta.helm.sh/release-name'], 'w', metadata.name);
    done(helm(['uninstall', 'w', '-n', 'weighlock-system']));
  });
});

/** Folded lines of an expression, and an empty list that is left out, are the same. */
function normal(value: Json): Json {
  if (typeof value === 'string') return value.replace(/\s+/g, ' ').trim();
  if (Array.isArray(value)) return value.map(normal);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, normal(one)]));
}
