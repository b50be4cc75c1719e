// The reporter's command line against an API server of its own: what it reads, what it writes, what
// it does not believe.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FakeApi, type Json } from '../kubernetes/fake-api.ts';
import { FAILED, fill, IMAGE, message, PASSED, pod } from '../kubernetes/pods.ts';
import { fakeApi, until } from '../kubernetes/reporting.ts';
import { run, workFolder } from './cli.ts';
import { command, type Ended } from './in-process.ts';

const fixture = (path: string): Json =>
  JSON.parse(readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8'));
const { $defs, kinds } = fixture('kubernetes/schemas.json');
const kyverno = fixture('kyverno/schemas.json');
const openreports = fixture('openreports/schemas.json');
const ajv = new Ajv2020({ strict: false });

function requireValid(body: Json): void {
  const key = `${body.apiVersion} ${body.kind}`;
  const schema = kyverno[key] ?? openreports[key] ?? kinds[key];
  assert.ok(schema, key);
  assert.ok(ajv.validate({ ...schema, $defs }, body), ajv.errorsText());
}

/** A server with these pods in a namespace that admins have labelled. */
async function cluster(...pods: Json[]): Promise<FakeApi> {
  const api = await fakeApi();
  fill(api, ...pods);
  return api;
}

/** What was written of pods: each result, by the pod's name. */
function resultsOf(api: FakeApi): Record<string, Json> {
  const own = api.all('policyreports').filter(({ scope }) => scope.kind === 'Pod');
  return Object.fromEntries(own.map(({ scope, results: [one] }) => [scope.name, one]));
}

async function once(api: FakeApi, ...flags: string[]): Promise<Ended> {
  return command(['report', '--once', `--api-server=${api.url}`, '--verifier-image', IMAGE, ...flags]);
}

describe('weighlock report', () => {
  it('writes a report for each pod whose verifier has ended, and an event for each refusal', async () => {
    const other = { metadata: { name: 'other', namespace: 'ml' }, status: { containerStatuses: [{ name: 'db' }] } };
    const api = await cluster(
      pod('good', 0, PASSED),
      pod('bad', 65, FAILED),
      pod('slow', 75, message('UNEVALUATED', 75, ['TIMEOUT'])),
      pod('audited', 0, message('FAILED', 0, ['DIGEST_MISMATCH'])),
      pod('running', 0, '', { state: { running: {} } }),
      other,
    );
    const result = await once(api);
    assert.equal(result.status, 0, result.stdout + result.stderr);
    const results = resultsOf(api);
    assert.deepEqual(Object.fromEntries(Object.entries(results).map(([name, one]) => [name, one.result])), {
      good: 'pass',
      bad: 'fail',
      slow: 'error',
      audited: 'warn',
    });
    for (const { body } of [...api.writes('policyreports'), ...api.writes('events')]) requireValid(body);
    const [report] = api.all('policyreports').filter(({ scope }) => scope.name === 'bad');
    assert.equal(report.metadata.name, 'weighlock-uid-bad');
    assert.deepEqual(report.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: 'bad', uid: 'uid-bad' }]);
    assert.deepEqual(report.summary, { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 });
    assert.equal(results['bad'].properties.codes, 'DIGEST_MISMATCH');
    assert.equal(results['bad'].properties.artifact, 'model');
    assert.equal(results['bad'].properties.sha256, 'a'.repeat(64));
    assert.doesNotMatch(results['bad'].message, /[{}]/, 'the line for programs is not for people');
    const events = (all: FakeApi) =>
      Object.fromEntries(all.all('events').map(({ regarding, type, reason }) => [regarding.name, [type, reason]]));
    const refusals = {
      bad: ['Warning', 'VerificationFailed'],
      slow: ['Warning', 'VerificationFailed'],
      audited: ['Warning', 'Unverified'],
    };
    assert.deepEqual(events(api), refusals);
    const all = await cluster(...api.all('pods'));
    assert.equal((await once(all, '--pass-events')).status, 0);
    assert.deepEqual(events(all), { ...refusals, good: ['Normal', 'Verified'] });
    assert.equal((await once(api, '--pass-events', '--no-events')).status, 64);
  });

  it('believes the verifier alone: another image, or nonsense, is no pass', async () => {
    const controls = PASSED.replace('content', 'con\x1b[2Jtent').replace('model:', `${'x'.repeat(5000)}:`);
    const api = await cluster(
      pod('forged', 0, PASSED, { imageID: 'docker.io/evil/weighlock@sha256:2' }),
      pod('mute', 0, ''),
      pod('nonsense', 0, 'null\n'),
      pod('cut', 65, FAILED.slice(0, 60)),
      pod('loud', 0, controls),
      pod('wild', 65, JSON.stringify({ codes: [{}, 'x y', 'OK'], artifacts: [null, 7, { name: {}, result: 1 }] })),
    );
    assert.equal((await once(api, '--no-events')).status, 0);
    assert.deepEqual(api.all('events'), []);
    const results = resultsOf(api);
    assert.equal(results['forged'].result, 'fail');
    assert.match(results['forged'].message, /not the verifier's image/);
    assert.deepEqual(
      [results['mute'].result, results['nonsense'].result, results['cut'].result],
      ['warn', 'warn', 'fail'],
    );
    assert.ok(results['loud'].message.length <= 1024);
    assert.equal(results['loud'].message.includes('\x1b'), false);
    assert.equal(results['wild'].properties.codes, 'OK');
  });

  it('15.14: counts as a pass only what the platform had verified in this pod', async () => {
    const api = await cluster();
    const passed = (name: string, edit: (one: Json) => void) => {
      const made = pod(name, 0, PASSED);
      edit(made);
      api.put('pods', made);
    };
    const verifier = (one: Json) => one.spec.initContainers[0];
    passed('injected', () => {});
    passed('with-account', (one) =>
      verifier(one).volumeMounts.push({
        name: 'kube-api-access-x',
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
        readOnly: true,
      }),
    );
    const cases: [string, RegExp, (one: Json) => void][] = [
      ['other-artifact', /arguments, environment or mounts/, (one) => (verifier(one).args = ['verify', '/verify/1'])],
      ['other-command', /was changed/, (one) => (verifier(one).command = ['/weighlock', 'verify'])],
      ['other-trust', /not the whole ConfigMap/, (one) => (one.spec.volumes[0].configMap.name = 'mine')],
      ['part-of-trust', /not the whole ConfigMap/, (one) => (one.spec.volumes[0].configMap.items = [])],
      ['device', /a device of the node/, (one) => (verifier(one).resources = { claims: [{ name: 'd' }] })],
      ['plug-in', /a device of the node/, (one) => (verifier(one).resources.limits['example.com/fuse'] = '1')],
      ['decoy', /arguments, environment or mounts/, (one) => (verifier(one).volumeMounts[1].name = 'tmp')],
      ['fewer-targets', /arguments, environment/, (one) => (verifier(one).env[1].value = '/verify/0')],
      [
        'another-volume',
        /arguments, environment/,
        (one) => {
          one.spec.volumes.push({ name: 'more', persistentVolumeClaim: { claimName: 'more' } });
          one.spec.containers[0].volumeMounts.push({ name: 'more', mountPath: '/more', readOnly: true });
        },
      ],
      [
        'written',
        /may write to model/,
        (one) => {
          one.spec.containers[0].volumeMounts[0].readOnly = false;
        },
      ],
      [
        'shared-processes',
        /shares the processes of the verifier/,
        (one) => {
          one.spec.shareProcessNamespace = true;
          one.spec.ephemeralContainers = [{ name: 'debug', image: 'x' }];
        },
      ],
      [
        'mounted-over',
        /over or into/,
        (one) => one.spec.containers[0].volumeMounts.push({ name: 'tmp', mountPath: '/models/code' }),
      ],
      ['nothing-verified', /nothing in this pod is verified/, (one) => (one.spec.volumes = [])],
      [
        'an-app-container',
        /no init container weighlock/,
        (one) => {
          one.spec.containers.push(one.spec.initContainers.pop());
          one.status.containerStatuses = one.status.initContainerStatuses.splice(0);
        },
      ],
      ['a-free-namespace', /no label/, (one) => (one.metadata.namespace = 'free')],
      ['a-hidden-namespace', /cannot be read/, (one) => (one.metadata.namespace = 'hidden')],
      ['no-spec', /no init container/, (one) => delete one.spec],
    ];
    api.put('namespaces', { metadata: { name: 'free' } });
    api.put('namespaces', { metadata: { name: 'hidden', labels: { 'weighlock.dev/enforce': 'true' } } });
    api.faults.add(({ resource, name }) =>
      resource === 'namespaces' && name !== 'ml' && name !== 'free' ? { status: 403 } : undefined,
    );
    for (const [name, , edit] of cases) passed(name, edit);
    const result = await once(api, '--no-events');
    assert.equal(result.status, 0, result.stderr);
    const results = resultsOf(api);
    assert.equal(results['injected'].result, 'pass');
    assert.equal(results['with-account'].result, 'pass');
    for (const [name, why] of cases) {
      assert.equal(results[name].result, 'warn', name);
      assert.match(results[name].message, why, name);
      assert.match(results[name].properties.codes, /NOT_INJECTED/, name);
    }
    const trusting = await cluster(
      ...api.all('pods').map((one) => ({ ...one, metadata: { ...one.metadata, namespace: 'ml' } })),
    );
    await once(trusting, '--no-events', '--count-authors');
    assert.ok(Object.values(resultsOf(trusting)).every(({ result: one }) => one === 'pass'));
  });

  it('15.14: cuts what it says by bytes, between characters', async () => {
    const api = await cluster(pod('long', 65, `${'\u{1f4a5}'.repeat(900)}\n${FAILED.split('\n')[2]}\n`));
    assert.equal((await once(api)).status, 0);
    const [event] = api.all('events');
    const { message: text } = resultsOf(api)['long'];
    assert.ok(Buffer.byteLength(event.note) <= 1024, `${Buffer.byteLength(event.note)}`);
    assert.ok(Buffer.byteLength(text) >= 1020);
    assert.doesNotMatch(event.note + text, /\ufffd/);
  });

  it('17.6: ends --once with 75 after a write that failed, or where there is nothing to write to', async () => {
    const api = await cluster(pod('bad', 65, FAILED));
    api.faults.add(({ verb }) => (verb === 'patch' ? { status: 403 } : undefined));
    const refused = await once(api);
    assert.equal(refused.status, 75);
    assert.match(refused.stdout, /policyreports in ml: answered 403/);
    const bare = await cluster(pod('bad', 65, FAILED));
    bare.served.delete('wgpolicyk8s.io/v1alpha2');
    const nowhere = await once(bare);
    assert.equal(nowhere.status, 75);
    assert.match(nowhere.stdout, /has no reports/);
    assert.equal((await once(bare, '--reports=none')).status, 0, 'then events alone were asked for');
    assert.equal(bare.all('events').length, 1);
  });

  it('follows the cluster, answers probes, and ends when it is told to', async () => {
    const api = await cluster(pod('bad', 65, FAILED));
    let child: ChildProcess | undefined;
    let stdout = '';
    const ended = run(
      [
        'report',
        `--api-server=${api.url}`,
        '--verifier-image',
        IMAGE,
        '--listen=127.0.0.1:0',
        '--leader-elect',
        '--lease-namespace=ml',
      ],
      {
        during: (one) => {
          child = one;
          one.stdout?.on('data', (text) => (stdout += text));
        },
      },
    );
    await until(() => api.watchers === 1 && resultsOf(api)['bad'] !== undefined);
    const writes = api.writes('policyreports').length;
    api.put('pods', pod('bad', 65, FAILED));
    api.bookmark();
    api.put('pods', pod('new', 0, PASSED));
    await until(() => resultsOf(api)['new'] !== undefined);
    const again = api.writes('policyreports').slice(writes);
    assert.ok(
      again.every(({ body }) => body.scope.name !== 'bad'),
      'the same verdict is written once',
    );
    assert.equal(api.all('leases')[0].spec.holderIdentity !== '', true);
    child?.kill('SIGTERM');
    assert.equal((await ended).status, 143);
    assert.equal(api.all('leases')[0].spec.holderIdentity, '', 'the next one need not wait');
    assert.match(stdout, /holds the lease/);
  });

  it('speaks TLS to a server of the right CA alone, with its token', async () => {
    const work = workFolder();
    const make = (name: string) => {
      const path = (suffix: string) => join(work, `${name}.${suffix}`);
      const subject = ['-subj', '/CN=api', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-nodes'];
      const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject];
      execFileSync('openssl', [...args, '-keyout', path('key'), '-out', path('crt')], { stdio: 'pipe' });
      return { key: readFileSync(path('key')), cert: readFileSync(path('crt')), file: path('crt') };
    };
    const right = make('right');
    const wrong = make('wrong');
    const tokenFile = join(work, 'token');
    writeFileSync(tokenFile, 'the-token\n');
    const api = new FakeApi(right, 'the-token');
    await api.start();
    after(() => api.stop());
    fill(api, pod('good', 0, PASSED));
    const server = api.url;
    const check = (ca: string, token = tokenFile) =>
      run([
        'report',
        '--once',
        '--api-server',
        server,
        '--ca-file',
        ca,
        '--token-file',
        token,
        '--verifier-image',
        IMAGE,
      ]);
    assert.equal((await check(right.file)).status, 0);
    assert.equal(Object.keys(resultsOf(api)).length, 1);
    const stranger = await check(wrong.file);
    assert.notEqual(stranger.status, 0);
    writeFileSync(join(work, 'other'), 'another-token');
    const denied = await check(right.file, join(work, 'other'));
    assert.notEqual(denied.status, 0);
    assert.doesNotMatch(denied.stdout + denied.stderr, /another-token/);
    const plain = await run(['report', '--once', '--api-server', 'http://127.0.0.1:1', '--token-file', tokenFile]);
    assert.equal(plain.status, 64, 'no token without TLS');
  });

  it('says what is missing', async () => {
    assert.equal((await run(['report'])).status, 64);
    assert.equal(
      (await run(['report', '--api-server', 'http://127.0.0.1:1', '--verifier-image', 'latest'])).status,
      64,
    );
    const nobody = await run(['report', '--once', '--api-server', 'http://127.0.0.1:1', '--verifier-image', IMAGE]);
    assert.equal(nobody.status, 75, nobody.stderr);
  });
});
