// Where reports are written, what they are counted as, and with which rights.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { Lease } from '../../src/cluster/lease.ts';
import { Reporter } from '../../src/cluster/reporter.ts';
import { reporterMetrics } from '../../src/cluster/reporter-metrics.ts';
import type { FakeApi, Json } from '../kubernetes/fake-api.ts';
import { FAILED, fill, message, PASSED, pod } from '../kubernetes/pods.ts';
import { clientOf, fakeApi, optionsOf, report, resultsIn, until } from '../kubernetes/reporting.ts';

const OPEN = ['openreports.io/v1alpha1', ['reports']] as const;
const WG = 'wgpolicyk8s.io/v1alpha2';

async function once(api: FakeApi, more: Parameters<typeof optionsOf>[1] = {}): Promise<number> {
  return new Reporter(clientOf(api), optionsOf([], more), true).once(new AbortController().signal);
}

describe('17: where reports are written', () => {
  const cases: readonly [
    served: string[],
    choice: 'auto' | 'openreports' | 'wgpolicyk8s' | 'none',
    written: string[],
  ][] = [
    [['wg'], 'auto', ['policyreports']],
    [['open'], 'auto', ['reports']],
    [['wg', 'open'], 'auto', ['policyreports']],
    [['wg', 'open'], 'openreports', ['reports']],
    [['wg', 'open'], 'none', []],
    [['open'], 'wgpolicyk8s', []],
    [[], 'auto', []],
  ];
  for (const [served, choice, written] of cases)
    it(`17: ${served.join(' and ') || 'nothing'} served, ${choice}: ${written.join() || 'nowhere'}`, async () => {
      const api = await fakeApi();
      if (!served.includes('wg')) api.served.delete(WG);
      if (served.includes('open')) api.served.set(...OPEN);
      fill(api, pod('bad', 65, FAILED));
      const missing = await once(api, { reports: choice });
      assert.equal(missing, written.length > 0 || choice === 'none' ? 0 : 1);
      for (const resource of ['policyreports', 'reports'])
        assert.deepEqual(resultsIn(api, resource), written.includes(resource) ? { bad: 'fail' } : {}, resource);
    });

  it('17: once an API is there, with the next list', async () => {
    const api = await fakeApi();
    api.served.delete(WG);
    fill(api, pod('bad', 65, FAILED));
    const { reporter, notices } = report(api, { timing: { relist: 20 } });
    await until(() => reporter.feed.lists.count >= 3);
    assert.equal(notices.length, 1, notices.join('\n'));
    api.served.set(...OPEN);
    await until(() => resultsIn(api, 'reports')['bad'] === 'fail');
  });

  it('17: the report of a namespace follows its pods, and is empty when the last one is gone', async () => {
    const api = await fakeApi();
    fill(api, pod('bad', 65, FAILED), pod('good', 0, PASSED));
    const summary = () => api.all('policyreports').find(({ scope }) => scope.kind === 'Namespace')?.summary;
    report(api);
    await until(() => summary()?.fail === 1 && summary()?.pass === 1);
    api.remove('pods', 'ml', 'bad');
    await until(() => summary()?.fail === 0);
    api.remove('pods', 'ml', 'good');
    await until(() => summary()?.pass === 0);
  });

  it('17: also when it went while no reporter ran', async () => {
    const api = await fakeApi();
    fill(api, pod('bad', 65, FAILED));
    await once(api);
    api.remove('pods', 'ml', 'bad');
    assert.equal(api.all('policyreports')[0].summary.fail, 1);
    await once(api);
    assert.equal(api.all('policyreports')[0].summary.fail, 0);
  });
});

describe('17: the metrics of the reporter', () => {
  it('17: are verdicts by namespace, artifact and code, their ages, the queue, and what failed', async () => {
    const api = await fakeApi();
    const two = message('FAILED', 65, ['DIGEST_MISMATCH', 'FILE_MISSING']);
    fill(api, pod('bad', 65, FAILED), pod('worse', 65, two), pod('good', 0, PASSED));
    const { reporter } = report(api);
    await until(() => Object.keys(resultsIn(api)).length === 3 && reporter.queue.size === 0 && reporter.feed.isCurrent);
    const text = reporterMetrics(clientOf(api), reporter, undefined);
    for (const line of [
      'weighlock_pods{namespace="ml",result="fail"} 2',
      'weighlock_pods{namespace="ml",result="pass"} 1',
      'weighlock_artifacts{namespace="ml",artifact="model",result="fail",code="DIGEST_MISMATCH"} 2',
      'weighlock_artifacts{namespace="ml",artifact="model",result="fail",code="FILE_MISSING"} 1',
      'weighlock_artifacts{namespace="ml",artifact="model",result="pass",code=""} 1',
      'weighlock_reporter_leader 1',
      'weighlock_reporter_queue_length 0',
      'weighlock_reporter_forbidden 0',
      'weighlock_reporter_synced 1',
      'weighlock_reporter_writes_total{outcome="failed"} 0',
    ])
      assert.ok(text.includes(`\n${line}\n`), `${line}\n${text}`);
    const [, oldest] = /^weighlock_oldest_verdict_timestamp_seconds\{namespace="ml"\} (\d+)$/m.exec(text) ?? [];
    assert.ok(Math.abs(Date.now() / 1000 - Number(oldest)) < 3600);
    for (const line of text.trimEnd().split('\n'))
      assert.match(
        line,
        /^(# (HELP|TYPE) weighlock_[a-z_]+ .+|weighlock_[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? [\d.e+-]+)$/,
      );
  });

  it('17: have no verdicts where another one writes, and so many series at most', async () => {
    const api = await fakeApi();
    const lease = new Lease(clientOf(api), { namespace: 'ml', name: 'l', identity: 'i', notice: () => {} });
    const text = reporterMetrics(clientOf(api), undefined, lease);
    assert.match(text, /^weighlock_reporter_leader 0$/m);
    assert.doesNotMatch(text, /weighlock_(pods|artifacts)/);
    const reporter = new Reporter(clientOf(api), optionsOf([]));
    for (let i = 0; i < 5000; i++)
      reporter.verdicts.set({
        namespace: 'ml',
        pod: `p${i}`,
        uid: `u${i}`,
        result: 'warn',
        isCounted: false,
        exitCode: 0,
        codes: ['NOT_INJECTED'],
        message: '',
        artifacts: [{ name: `"\n\\${i}`, result: 'PASSED' }],
        time: '',
      });
    const series = reporterMetrics(clientOf(api), reporter, undefined).match(/^weighlock_artifacts\{/gm) ?? [];
    assert.ok(series.length <= 2010, `${series.length}`);
    const total = [
      ...reporterMetrics(clientOf(api), reporter, undefined).matchAll(/^weighlock_artifacts\{.*\} (\d+)$/gm),
    ];
    assert.equal(
      total.reduce((sum, [, count]) => sum + Number(count), 0),
      5000,
      'what is too much is counted together',
    );
  });
});

describe('17: the rights of the reporter', () => {
  it('17: are what the manifests grant, and nothing of that is left over', async () => {
    const file = new URL('../../examples/reporter/reporter.yaml', import.meta.url);
    const documents = parseAllDocuments(readFileSync(file, 'utf8'));
    const granted = new Set<string>();
    for (const one of documents) {
      const { kind, rules = [] } = (one as { toJS(): Json }).toJS();
      if (kind !== 'ClusterRole' && kind !== 'Role') continue;
      for (const { resources, verbs } of rules)
        for (const resource of resources) for (const verb of verbs) granted.add(`${verb} ${resource}`);
    }
    const used = new Set<string>();
    for (const choice of ['wgpolicyk8s', 'openreports'] as const) {
      const api = await fakeApi();
      api.served.set(...OPEN);
      api.put('namespaces', { metadata: { name: 'weighlock-system' } });
      fill(api, pod('bad', 65, FAILED));
      const client = clientOf(api);
      const controller = new AbortController();
      const lease = new Lease(client, {
        namespace: 'weighlock-system',
        name: 'l',
        identity: 'i',
        notice: () => {},
        timing: { retry: 5 },
      });
      const ended = lease.run(controller.signal, (term) =>
        new Reporter(client, optionsOf([], { reports: choice })).run(term),
      );
      await until(() => resultsIn(api, choice === 'openreports' ? 'reports' : 'policyreports')['bad'] === 'fail');
      api.put('namespaces', { metadata: { name: 'new' } });
      const later = pod('later', 65, FAILED);
      later.metadata.namespace = 'new';
      api.put('pods', later);
      await until(() => api.count('update', 'leases') > 0 && api.count('get', 'namespaces') > 0);
      await until(() => api.all('events').length === 2);
      controller.abort();
      await ended;
      for (const { verb, resource } of api.requests) if (resource !== '') used.add(`${verb} ${resource}`);
    }
    // Applying what is not there creates it, by another right.
    for (const resource of ['policyreports', 'reports']) used.add(`create ${resource}`);
    assert.deepEqual([...used].sort(), [...granted].sort());
  });
});
