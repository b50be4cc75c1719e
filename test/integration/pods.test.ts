// `kubectl weighlock`: what a person sees of pods, and who confirms it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import type { FakeApi } from '../kubernetes/fake-api.ts';
import { FAILED, fill, IMAGE, message, PASSED, pod } from '../kubernetes/pods.ts';
import { fakeApi } from '../kubernetes/reporting.ts';
import { MAIN, workFolder } from './cli.ts';
import { command } from './in-process.ts';

const work = workFolder();
const SIGNED = message(
  'PASSED',
  0,
  [],
  [
    {
      name: 'weights',
      result: 'PASSED',
      sha256: 'b'.repeat(64),
      signers: ['ci: https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main'],
      policies: ['corp'],
    },
  ],
);

async function cluster(): Promise<FakeApi> {
  const api = await fakeApi();
  fill(
    api,
    pod('good', 0, SIGNED),
    pod('bad', 65, FAILED),
    pod('running', 0, '', { state: { running: {} } }),
    pod('forged', 0, PASSED, { imageID: `evil@sha256:${'9'.repeat(64)}` }),
    { metadata: { name: 'plain', namespace: 'ml' }, spec: { containers: [{ name: 'app' }] } },
  );
  api.put('namespaces', { metadata: { name: 'other' } });
  const other = pod('elsewhere', 0, PASSED);
  other.metadata.namespace = 'other';
  api.put('pods', other);
  return api;
}

const pods = (api: FakeApi, ...flags: string[]) => command(['pods', `--api-server=${api.url}`, ...flags]);
const report = (api: FakeApi) =>
  command(['report', '--once', `--api-server=${api.url}`, '--verifier-image', IMAGE, '--no-events']);

/** Verdicts by pod, out of the JSON. */
async function verdicts(api: FakeApi, ...flags: string[]): Promise<Record<string, string>> {
  const { stdout, status } = await pods(api, '-o', 'json', ...flags);
  assert.equal(status, 0);
  const { items } = JSON.parse(stdout);
  return Object.fromEntries(items.map(({ pod: name, verdict }: { pod: string; verdict: string }) => [name, verdict]));
}

describe('17: kubectl weighlock', () => {
  it('17: shows pods with artifact, digest, signer, age and verdict', async () => {
    const api = await cluster();
    assert.equal((await report(api)).status, 0);
    const { stdout, stderr } = await pods(api, '-n', 'ml');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {3,}/));
    assert.deepEqual(lines[0], ['NAME', 'VERDICT', 'ARTIFACT', 'DIGEST', 'SIGNER', 'AGE']);
    assert.deepEqual(
      lines.slice(1).map(([name, verdict, artifact, digest]) => [name, verdict, artifact, digest]),
      [
        ['bad', 'fail', 'model', 'aaaaaaaaaaaa'],
        ['forged', 'fail', '-', '-'],
        ['good', 'pass', 'weights', 'bbbbbbbbbbbb'],
        ['plain', 'none', '-', '-'],
        ['running', 'waiting', '-', '-'],
      ],
    );
    assert.match(lines[3]?.[4] ?? '', /^ci: https:\/\/github\.com\/acme/);
    assert.match(lines[3]?.[5] ?? '', /^\d+s$/);
    assert.equal(stderr, '');
    const wide = await pods(api, '-A', '-o', 'wide');
    assert.match(wide.stdout, /^NAMESPACE +NAME +VERDICT .* POLICY +CODES$/m);
    assert.match(wide.stdout, /^ml +bad +fail .* DIGEST_MISMATCH$/m);
    assert.match(wide.stdout, /^ml +good +pass +weights +b{64} .*train\.yml@refs\/heads\/main .* corp +-$/m);
    assert.match(wide.stdout, /^other +elsewhere +warn /m);
  });

  it('17: does not take the word of a pod for a pass: it is unconfirmed, or judged by the digest of the verifier', async () => {
    const api = await cluster();
    const alone = await verdicts(api, '-A');
    assert.deepEqual(alone, {
      bad: 'fail',
      elsewhere: 'unconfirmed',
      forged: 'unconfirmed',
      good: 'unconfirmed',
      plain: 'none',
      running: 'waiting',
    });
    assert.match((await pods(api, '-n', 'ml')).stderr, /unconfirmed: the reporter has said nothing/);
    const judged = await verdicts(api, '-A', '--verifier-image', IMAGE);
    assert.deepEqual(judged, { ...alone, good: 'pass', forged: 'fail', elsewhere: 'warn' });
  });

  it('17: takes a report for what it is about: not an earlier run, not a pass of what failed', async () => {
    const api = await cluster();
    await report(api);
    const again = pod('good', 0, SIGNED);
    again.status.initContainerStatuses[0].state.terminated.finishedAt = '2026-11-01T00:00:00Z';
    api.put('pods', again);
    assert.equal((await verdicts(api, '-n', 'ml'))['good'], 'unconfirmed');
    const [forged] = api.all('policyreports').filter(({ scope }) => scope.name === 'bad');
    forged.results[0].result = 'pass';
    api.put('policyreports', forged);
    assert.equal((await verdicts(api, '-n', 'ml'))['bad'], 'fail');
  });

  it('17: explains one pod to the person on call', async () => {
    const api = await cluster();
    await report(api);
    const bad = await pods(api, '-n', 'ml', '--explain', 'bad');
    assert.match(bad.stdout, /^ml\/bad: FAIL: /);
    assert.match(bad.stdout, /codes +DIGEST_MISMATCH/);
    assert.match(bad.stdout, /says +the reporter/);
    assert.match(bad.stdout, /\| model: the content differs/);
    assert.match(bad.stdout, /do next: .*kubectl logs -n ml bad -c weighlock\n$/);
    const good = await pods(api, '-n', 'ml', '--explain', 'good');
    assert.match(good.stdout, new RegExp(`sha256 +${'b'.repeat(64)}`));
    assert.match(good.stdout, /signer +ci: https/);
    assert.match(good.stdout, /policy +corp/);
    assert.equal((await pods(api, '-n', 'ml', '--explain', 'absent')).status, 64);
  });

  it('17: shows nothing that moves the rest of the line', async () => {
    const api = await fakeApi();
    fill(api, pod('odd', 65, message('FAILED', 65, [], [{ name: 'a\x1b[2J\u202eb', result: 'FAILED' }])));
    await report(api);
    for (const flags of [[], ['-o', 'wide'], ['--explain', 'odd']])
      for (const hidden of ['\x1b', '\u202e'])
        assert.equal((await pods(api, '-n', 'ml', ...flags)).stdout.includes(hidden), false);
  });

  it('17: says what is wrong: no rights, no pods, flags that contradict each other', async () => {
    const api = await cluster();
    assert.match((await pods(api, '-n', 'empty')).stderr, /No pods found in empty/);
    assert.equal((await pods(api, '-A', '-n', 'ml')).status, 64);
    assert.equal((await pods(api, '--context', 'x')).status, 64);
    assert.equal((await pods(api, '-o', 'yaml')).status, 64);
    api.faults.add(({ resource }) => (resource === 'policyreports' ? { status: 403 } : undefined));
    assert.equal((await pods(api, '-n', 'ml')).status, 0, 'reports are optional');
    api.faults.add(({ resource }) => (resource === 'pods' ? { status: 403 } : undefined));
    assert.equal((await pods(api, '-n', 'ml')).status, 75);
  });

  it('17: is what kubectl starts under its name, with the kubeconfig and its namespace', async () => {
    const api = await cluster();
    const kubeconfig = join(work, 'config');
    writeFileSync(
      kubeconfig,
      stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', namespace: 'other' } }],
        clusters: [{ name: 'c', cluster: { server: api.url } }],
      }),
    );
    const plugin = join(work, 'kubectl-weighlock');
    symlinkSync(MAIN, plugin);
    const env = { PATH: process.env['PATH'], KUBECONFIG: kubeconfig };
    const { stdout } = await promisify(execFile)(process.execPath, [plugin, '-o', 'wide'], { env });
    assert.match(stdout, /^elsewhere +unconfirmed /m);
    assert.doesNotMatch(stdout, /good/);
  });
});
