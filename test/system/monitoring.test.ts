// The alerts and the dashboard against a real Prometheus that scrapes a real reporter and a real
// watch: every query finds what it asks for.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { FakeApi } from '../kubernetes/fake-api.ts';
import { FAILED, IMAGE, message, PASSED, pod } from '../kubernetes/pods.ts';
import { NAMESPACE } from '../kyverno/evaluate.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/monitoring/', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fixtures/prometheus/', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'weighlock-monitoring-'));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(work, { recursive: true, force: true });
});
const isInstalled = ['prometheus', 'promtool'].every((one) => spawnSync(one, ['--version']).status === 0);

interface Rule {
  readonly alert: string;
  readonly expr: string;
}
const { spec } = parse(readFileSync(join(EXAMPLES, 'rules.yaml'), 'utf8'));
const rules: readonly Rule[] = spec.groups.flatMap((group: { rules: readonly Rule[] }) => group.rules);
const { panels } = JSON.parse(readFileSync(join(EXAMPLES, 'dashboard.json'), 'utf8')) as {
  panels: readonly { title: string; targets: readonly { expr: string }[] }[];
};

describe('17: monitoring', { skip: isInstalled ? false : 'there is no prometheus here', concurrency: 1 }, () => {
  let port: number;
  const api = new FakeApi();

  before(async () => {
    const groups = join(work, 'rules.groups.yaml');
    writeFileSync(groups, stringify(spec));
    copyFileSync(join(FIXTURES, 'rules.test.yaml'), join(work, 'rules.test.yaml'));
    await api.start();
    api.put('namespaces', { metadata: { ...NAMESPACE.metadata, name: 'ml' } });
    api.put('pods', pod('good', 0, PASSED));
    api.put('pods', pod('bad', 65, FAILED));
    api.put('pods', pod('audited', 0, message('FAILED', 0, ['DIGEST_MISMATCH'])));
    api.put('pods', pod('waiting', 75, message('UNEVALUATED', 75, ['SOURCE_UNAVAILABLE'])));
    const model = join(work, 'model');
    mkdirSync(model);
    writeFileSync(join(model, 'a'), 'a');
    const [own = 0, reporter = 0, watch = 0] = await freePorts(3);
    port = own;
    weighlock('report', `--api-server=${api.url}`, `--verifier-image=${IMAGE}`, `--listen=127.0.0.1:${reporter}`);
    const digest = execFileSync(process.execPath, [MAIN, 'digest', model], { encoding: 'utf8' }).slice(0, 64);
    weighlock('watch', model, `--sha256=${digest}`, '--interval=1s', `--listen=127.0.0.1:${watch}`);
    // As the PodMonitors have it: the labels of where it runs, and the reporter's own namespaces.
    const target = (name: string, at: number, labels: object, more: object = {}) => ({
      job_name: name,
      static_configs: [{ targets: [`127.0.0.1:${at}`], labels }],
      ...more,
    });
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [groups],
      scrape_configs: [
        target('reporter', reporter, { namespace: 'weighlock-system', pod: 'r' }, { honor_labels: true }),
        target('watch', watch, { namespace: 'ml', pod: 'good' }),
      ],
    };
    writeFileSync(join(work, 'prometheus.yaml'), stringify(config));
    start('prometheus', [
      `--config.file=${join(work, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(work, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    await until('the first verification', 'weighlock_artifact_verified == 1');
    await until('two scrapes of the reporter', 'count_over_time(weighlock_pods{result="error"}[1m]) > 1');
    await until('a rate', 'sum(rate(weighlock_verified_bytes_total[10s])) > 0');
  });
  after(() => api.stop());

  function start(program: string, words: readonly string[]): void {
    const child = spawn(program, words, { cwd: work, stdio: 'ignore' });
    running.add(child);
  }
  const weighlock = (...words: string[]) => start(process.execPath, [MAIN, ...words]);

  interface Result {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }
  async function ask(query: string): Promise<readonly Result[]> {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: readonly Result[] } };
    assert.equal(answer.status, 'success', `${query}: ${answer.error}`);
    return answer.data.result;
  }

  async function until(what: string, query: string): Promise<void> {
    const end = performance.now() + 60_000;
    while (performance.now() < end) {
      if ((await ask(query).catch(() => [])).length > 0) return;
      await delay(200);
    }
    assert.fail(`${what} did not happen: ${query}`);
  }

  const firing = async (alert: string) => (await ask(`ALERTS{alertname="${alert}"}`)).map(({ metric }) => metric);

  it('the rules are sound, and their unit tests pass', () => {
    for (const words of [
      ['check', 'rules', '--lint-fatal', 'rules.groups.yaml'],
      ['test', 'rules', 'rules.test.yaml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', words, { cwd: work, encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
    }
    const tested = readFileSync(join(FIXTURES, 'rules.test.yaml'), 'utf8');
    for (const { alert } of rules) assert.match(tested, new RegExp(`alertname: ${alert}\\b`), alert);
  });

  it('every metric that a rule names, with its labels, is there', async () => {
    assert.ok(rules.length >= 8);
    for (const { alert, expr } of rules) {
      await ask(expr);
      const selectors = expr.match(/weighlock_\w+(?:\{[^}]*\})?/g) ?? [];
      assert.ok(selectors.length > 0, alert);
      for (const selector of selectors) assert.ok((await ask(selector)).length > 0, `${alert}: ${selector}`);
    }
  });

  it('every query of the dashboard has an answer', async () => {
    assert.ok(panels.length >= 12);
    for (const { title, targets } of panels)
      for (const { expr } of targets) {
        const query = expr.replaceAll('$namespace', '.*').replaceAll('$__rate_interval', '30s');
        assert.doesNotMatch(query, /\$/, title);
        const found = await ask(query);
        assert.ok(found.length > 0, `${title}: ${query}`);
        for (const { value } of found) assert.ok(Number.isFinite(Number(value[1])), `${title}: ${value[1]}`);
      }
    const [refused] = await ask(panels[1]?.targets[0]?.expr.replaceAll('$namespace', 'ml') ?? '');
    assert.equal(refused?.value[1], '1', 'the namespace is that of the pods, not of the reporter');
  });

  it('a refused artifact and changed content are told at once, by their names', async () => {
    await until('an alert', 'ALERTS{alertname="WeighlockArtifactRefused",alertstate="firing",namespace="ml"}');
    assert.equal((await firing('WeighlockContentChanged')).length, 0);
    writeFileSync(join(work, 'model/a'), 'b');
    await until(
      'an alert',
      'ALERTS{alertname="WeighlockContentChanged",alertstate="firing",namespace="ml",pod="good"}',
    );
    const [refused] = await firing('WeighlockArtifactRefused');
    assert.equal(refused?.['code'], 'DIGEST_MISMATCH');
  });
});

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
