// The reporter against an API server of its own: what it reads, what it writes, and what it does not believe.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { injectable } from '../kyverno/attacks.ts';
import { type Json, load, mutate, NAMESPACE } from '../kyverno/evaluate.ts';
import { run, workFolder } from './cli.ts';
import { command, type Ended } from './in-process.ts';

const fixture = (path: string): Json =>
  JSON.parse(readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8'));
const { $defs, kinds } = fixture('kubernetes/schemas.json');
const kyverno = fixture('kyverno/schemas.json');
const ajv = new Ajv2020({ strict: false });
const IMAGE = `sha256:${'1'.repeat(64)}`;

interface Written {
  readonly method: string;
  readonly path: string;
  readonly body: Json;
}

/** As much of an API server as the reporter needs; it can forget, break off and refuse. */
class Cluster {
  readonly pods: Json[] = [];
  readonly written: Written[] = [];
  readonly watchers = new Set<ServerResponse>();
  readonly namespaces: Record<string, Json> = { ml: NAMESPACE.metadata };
  lists = 0;
  refusing: string | undefined;
  readonly #server;

  constructor(tls?: { key: Buffer; cert: Buffer }, token?: string) {
    const handler = (request: IncomingMessage, response: ServerResponse) => {
      if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return end(response, 401, {});
      return this.#answer(request, response);
    };
    this.#server = tls === undefined ? createServer(handler) : createTlsServer(tls, handler);
    after(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  send(type: string, object: Json): void {
    for (const watcher of this.watchers) watcher.write(`${JSON.stringify({ type, object })}\n`);
  }

  get reports(): Json[] {
    return this.written.filter(({ method }) => method === 'PATCH').map(({ body }) => body);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://x');
    if (request.method === 'GET' && url.searchParams.get('watch') === 'true') {
      response.writeHead(200);
      response.flushHeaders();
      this.watchers.add(response);
      response.on('close', () => this.watchers.delete(response));
      return;
    }
    const [, namespace] = /^\/api\/v1\/namespaces\/([^/]+)$/.exec(url.pathname) ?? [];
    if (request.method === 'GET' && namespace !== undefined) {
      const metadata = this.namespaces[namespace];
      return end(response, metadata === undefined ? 403 : 200, { metadata, message: 'not yours' });
    }
    if (request.method === 'GET') {
      this.lists += 1;
      const from = Number(url.searchParams.get('continue') ?? 0);
      const next = from + 2 < this.pods.length ? { continue: String(from + 2) } : {};
      end(response, 200, { metadata: { resourceVersion: '7', ...next }, items: this.pods.slice(from, from + 2) });
      return;
    }
    let text = '';
    for await (const chunk of request) text += chunk;
    if (this.refusing !== undefined && url.pathname.includes(this.refusing)) {
      end(response, 403, { message: 'forbidden by the test' });
      return;
    }
    const isKnown = this.written.some(
      ({ path, body }) => path === url.pathname && body.metadata.name === JSON.parse(text).metadata.name,
    );
    this.written.push({ method: request.method ?? '', path: url.pathname, body: JSON.parse(text) });
    end(response, request.method === 'POST' && isKnown ? 409 : 200, {});
  }
}

function end(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status).end(JSON.stringify(body));
}

function message(result: string, exitCode: number, codes: string[] = []): string {
  const machine = {
    weighlock: '0.1.0',
    result,
    exitCode,
    codes,
    artifacts: [{ name: 'model', result, sha256: 'a'.repeat(64) }],
  };
  return `weighlock ${result} (exit ${exitCode})\nmodel: the content differs\n${JSON.stringify(machine)}\n`;
}

/** What the policies make of a pod that its author wrote. */
const INJECTED = mutate(load('base/pods/inject.yaml'), { object: injectable() }).spec;

function pod(name: string, exitCode: number, text: string, more: Json = {}): Json {
  return {
    metadata: { name, namespace: 'ml', uid: `uid-${name}`, resourceVersion: '8' },
    spec: structuredClone(INJECTED),
    status: {
      initContainerStatuses: [
        {
          name: 'weighlock',
          imageID: `ghcr.io/weighlock/weighlock@${IMAGE}`,
          state: { terminated: { exitCode, message: text, finishedAt: '2026-11-20T10:00:00Z' } },
          ...more,
        },
      ],
    },
  };
}

const FAILED = message('FAILED', 65, ['DIGEST_MISMATCH']);

async function once(cluster: Cluster, ...flags: string[]): Promise<Ended> {
  const port = await cluster.listen();
  return command(['report', '--once', `--api-server=http://127.0.0.1:${port}`, '--verifier-image', IMAGE, ...flags]);
}

describe('weighlock report', () => {
  it('writes a report and an event for each pod whose verifier has ended', async () => {
    const cluster = new Cluster();
    cluster.pods.push(
      pod('good', 0, message('PASSED', 0)),
      pod('bad', 65, FAILED),
      pod('slow', 75, message('UNEVALUATED', 75, ['TIMEOUT'])),
      pod('audited', 0, message('FAILED', 0, ['DIGEST_MISMATCH'])),
      pod('running', 0, '', { state: { running: {} } }),
      {
        metadata: { name: 'other', namespace: 'ml', uid: 'uid-other' },
        status: { containerStatuses: [{ name: 'db' }] },
      },
    );
    const result = await once(cluster);
    assert.equal(result.status, 0, result.stdout + result.stderr);
    assert.deepEqual(
      cluster.reports.map(({ scope, results }) => [scope.name, results[0].result]),
      [
        ['good', 'pass'],
        ['bad', 'fail'],
        ['slow', 'error'],
        ['audited', 'warn'],
      ],
    );
    for (const { body } of cluster.written) {
      const schema = kyverno[`${body.apiVersion} ${body.kind}`] ?? kinds[`${body.apiVersion} ${body.kind}`];
      assert.ok(ajv.validate({ ...schema, $defs }, body), ajv.errorsText());
    }
    const [report] = cluster.written.filter(({ body }) => body.scope?.name === 'bad');
    assert.equal(report?.path, '/apis/wgpolicyk8s.io/v1alpha2/namespaces/ml/policyreports/weighlock-uid-bad');
    assert.deepEqual(report?.body.metadata.ownerReferences, [
      { apiVersion: 'v1', kind: 'Pod', name: 'bad', uid: 'uid-bad' },
    ]);
    assert.deepEqual(report?.body.summary, { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 });
    assert.equal(report?.body.results[0].properties.codes, 'DIGEST_MISMATCH');
    assert.equal(report?.body.results[0].properties['sha256.model'], 'a'.repeat(64));
    assert.doesNotMatch(report?.body.results[0].message, /[{}]/, 'the line for programs is not for people');
    const events = cluster.written.filter(({ method }) => method === 'POST');
    assert.deepEqual(
      events.map(({ body }) => [body.regarding.name, body.type, body.reason]),
      [
        ['good', 'Normal', 'Verified'],
        ['bad', 'Warning', 'VerificationFailed'],
        ['slow', 'Warning', 'VerificationFailed'],
        ['audited', 'Warning', 'Unverified'],
      ],
    );
    assert.equal(events[1]?.body.eventTime, '2026-11-20T10:00:00.000000Z');
  });

  it('believes the verifier alone: another image, or nonsense, is no pass', async () => {
    const cluster = new Cluster();
    const controls = message('PASSED', 0)
      .replace('content', 'con\x1b[2Jtent')
      .replace('model:', `${'x'.repeat(5000)}:`);
    cluster.pods.push(
      pod('forged', 0, message('PASSED', 0), { imageID: 'docker.io/evil/weighlock@sha256:2' }),
      pod('mute', 0, ''),
      pod('nonsense', 0, 'null\n'),
      pod('cut', 65, FAILED.slice(0, 60)),
      pod('loud', 0, controls),
      pod('wild', 65, JSON.stringify({ codes: [{}, 'x y', 'OK'], artifacts: [null, 7, { name: {}, result: 1 }] })),
    );
    assert.equal((await once(cluster, '--no-events')).status, 0);
    assert.ok(cluster.written.every(({ method }) => method === 'PATCH'));
    const results = Object.fromEntries(cluster.reports.map(({ scope, results: [one] }) => [scope.name, one]));
    assert.equal(results['forged'].result, 'fail');
    assert.match(results['forged'].message, /does not run the verifier's image/);
    assert.deepEqual(
      [results['mute'].result, results['nonsense'].result, results['cut'].result],
      ['warn', 'warn', 'fail'],
    );
    assert.ok(results['loud'].message.length <= 1024);
    assert.equal(results['loud'].message.includes('\x1b'), false);
    assert.equal(results['wild'].properties.codes, 'OK');
  });

  it('15.14: counts as a pass only what the platform had verified in this pod', async () => {
    const cluster = new Cluster();
    const passed = (name: string, edit: (one: Json) => void) => {
      const made = pod(name, 0, message('PASSED', 0));
      edit(made);
      cluster.pods.push(made);
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
      ['decoy', /arguments, environment or mounts/, (one) => (verifier(one).volumeMounts[1].name = 'tmp')],
      ['fewer-targets', /arguments, environment/, (one) => (verifier(one).env[1].value = '/verify/0')],
      [
        'another-volume',
        /arguments, environment/,
        (one) => {
          one.spec.volumes.push({ name: 'more', persistentVolumeClaim: { claimName: 'more' } });
          one.spec.containers[0].volumeMounts.push({ name: 'more', mountPath: '/more' });
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
    cluster.namespaces['free'] = { name: 'free' };
    for (const [name, , edit] of cases) passed(name, edit);
    const result = await once(cluster, '--no-events');
    assert.equal(result.status, 0, result.stderr);
    const results = Object.fromEntries(cluster.reports.map(({ scope, results: [one] }) => [scope.name, one]));
    assert.equal(results['injected'].result, 'pass');
    assert.equal(results['with-account'].result, 'pass');
    for (const [name, why] of cases) {
      assert.equal(results[name].result, 'warn', name);
      assert.match(results[name].message, why, name);
      assert.match(results[name].properties.codes, /NOT_INJECTED/, name);
    }
    const trusting = new Cluster();
    trusting.pods.push(...cluster.pods);
    await once(trusting, '--no-events', '--count-authors');
    assert.ok(trusting.reports.every(({ results: [one] }) => one.result === 'pass'));
  });

  it('15.14: cuts what it says by bytes, between characters', async () => {
    const cluster = new Cluster();
    cluster.pods.push(pod('long', 65, `${'\u{1f4a5}'.repeat(900)}\n${FAILED.split('\n')[2]}\n`));
    assert.equal((await once(cluster)).status, 0);
    const [event] = cluster.written.filter(({ method }) => method === 'POST');
    assert.ok(Buffer.byteLength(event?.body.note) <= 1024, `${Buffer.byteLength(event?.body.note)}`);
    assert.ok(Buffer.byteLength(cluster.reports[0].results[0].message) >= 1020);
    assert.doesNotMatch(event?.body.note + cluster.reports[0].results[0].message, /\ufffd/);
  });

  it('follows the cluster, through servers that forget and refuse', async () => {
    const cluster = new Cluster();
    cluster.pods.push(pod('bad', 65, FAILED));
    const port = await cluster.listen();
    let child: ChildProcess | undefined;
    const ended = run(['report', `--api-server=http://127.0.0.1:${port}`, '--verifier-image', IMAGE], {
      during: (one) => {
        child = one;
      },
    });
    const until = async (condition: () => boolean) => {
      while (!condition()) await delay(20);
    };
    await until(() => cluster.watchers.size === 1);
    assert.equal(cluster.reports.length, 1);
    cluster.send('MODIFIED', pod('bad', 65, FAILED));
    cluster.send('ADDED', pod('new', 0, message('PASSED', 0)));
    cluster.send('BOOKMARK', { metadata: { resourceVersion: '99' } });
    await until(() => cluster.reports.length === 2);
    assert.equal(cluster.reports[1].scope.name, 'new', 'the same word is written once');
    cluster.refusing = 'uid-denied';
    cluster.send('ADDED', pod('denied', 0, message('PASSED', 0)));
    cluster.send('ADDED', pod('after', 0, message('PASSED', 0)));
    await until(() => cluster.reports.length === 3);
    assert.equal(cluster.reports[2].scope.name, 'after');
    const { lists } = cluster;
    cluster.send('ERROR', { code: 410 });
    await until(() => cluster.lists > lists && cluster.watchers.size > 0);
    for (const watcher of cluster.watchers) watcher.end();
    await until(() => cluster.watchers.size === 1);
    child?.kill('SIGTERM');
    const { status, stdout } = await ended;
    assert.equal(status, 143);
    assert.match(stdout, /ml\/denied: .*403.*forbidden by the test/);
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
    const cluster = new Cluster(right, 'the-token');
    cluster.pods.push(pod('good', 0, message('PASSED', 0)));
    const server = `https://127.0.0.1:${await cluster.listen()}`;
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
    assert.equal(cluster.reports.length, 1);
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
