// The cluster and the user that a kubeconfig names, as kubectl reads it.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { kubeconfigTarget } from '../../src/cluster/kubeconfig.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { workFolder } from '../integration/cli.ts';

const work = workFolder();
let files = 0;

/** Writes a kubeconfig and gives its path. */
function config(value: unknown, folder = `k${files++}`): string {
  mkdirSync(join(work, folder), { recursive: true });
  const file = join(work, folder, 'config');
  writeFileSync(file, typeof value === 'string' ? value : stringify(value));
  return file;
}

const base = (user: object = {}, cluster: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'one',
  contexts: [
    { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'ml' } },
    { name: 'two', context: { cluster: 'c', user: 'u' } },
  ],
  clusters: [{ name: 'c', cluster: { server: 'https://api.example.com:6443', ...cluster } }],
  users: [{ name: 'u', user }],
});

async function credentials(user: object, cluster: object = {}) {
  const target = await kubeconfigTarget({}, { kubeconfig: config(base(user, cluster)) });
  return target?.connection.credentials();
}

const b64 = (text: string) => Buffer.from(text).toString('base64');

describe('17: a kubeconfig', () => {
  it('17: gives the server, user and namespace of the current context, or of the one that is asked for', async () => {
    const kubeconfig = config(base({ token: 't' }));
    const one = await kubeconfigTarget({}, { kubeconfig });
    assert.deepEqual(
      [one?.connection.server, one?.namespace, one?.context],
      ['https://api.example.com:6443', 'ml', 'one'],
    );
    assert.deepEqual(await one?.connection.credentials(), { token: 't' });
    assert.equal((await kubeconfigTarget({}, { kubeconfig, context: 'two' }))?.namespace, 'default');
    assert.equal((await kubeconfigTarget({ KUBECONFIG: kubeconfig }, {}))?.namespace, 'ml');
    assert.equal(await kubeconfigTarget({ HOME: join(work, 'nobody') }, {}), undefined);
  });

  it('17: of several files takes the first that says something, and paths from where each lies', async () => {
    const first = config({ contexts: [{ name: 'one', context: { cluster: 'c', user: 'u', namespace: 'first' } }] });
    const second = config(base({ 'client-certificate': 'cert.pem', 'client-key': 'key.pem' }), 'second');
    writeFileSync(join(work, 'second/cert.pem'), 'CERT');
    writeFileSync(join(work, 'second/key.pem'), 'KEY');
    const list = [first, join(work, 'absent'), second].join(delimiter);
    const target = await kubeconfigTarget({ KUBECONFIG: list }, {});
    assert.equal(target?.namespace, 'first');
    const { cert, key } = (await target?.connection.credentials()) ?? {};
    assert.deepEqual([String(cert), String(key)], ['CERT', 'KEY']);
  });

  it('17: has credentials in data, in files that are read again, and as somebody else', async () => {
    const data = await credentials(
      { 'client-certificate-data': b64('CERT'), 'client-key-data': b64('KEY'), 'client-key': 'ignored' },
      { 'certificate-authority-data': b64('CA'), 'tls-server-name': 'kubernetes' },
    );
    assert.deepEqual(
      [String(data?.ca), String(data?.cert), String(data?.key), data?.servername],
      ['CA', 'CERT', 'KEY', 'kubernetes'],
    );
    const file = join(work, 'token');
    writeFileSync(file, 'old\n');
    const target = await kubeconfigTarget({}, { kubeconfig: config(base({ tokenFile: file, token: 'x' })) });
    assert.equal((await target?.connection.credentials())?.token, 'old');
    writeFileSync(file, 'new\n');
    assert.equal((await target?.connection.credentials())?.token, 'new');
    assert.deepEqual((await credentials({ as: 'jane', 'as-groups': ['a', 'b'] }))?.headers, {
      'Impersonate-User': 'jane',
      'Impersonate-Group': ['a', 'b'],
    });
    assert.equal((await credentials({}, { 'insecure-skip-tls-verify': true }))?.rejectUnauthorized, false);
    assert.equal((await credentials({}))?.rejectUnauthorized, undefined);
  });

  const wrong: readonly [what: string, config: unknown, context?: string][] = [
    ['no YAML', 'a: ['],
    ['a list', '- a\n'],
    ['no current context', { ...base(), 'current-context': '' }],
    ['a context that is not there', base(), 'three'],
    ['no such cluster', { ...base(), clusters: [] }],
    ['no such user', { ...base(), users: [] }],
    ['no server', base({}, { server: '' })],
    ['a server that is none', base({}, { server: 'file:///etc' })],
    ['a proxy', base({}, { 'proxy-url': 'http://proxy' })],
    ['a password', base({ username: 'u', password: 'p' })],
    ['an auth provider', base({ 'auth-provider': { name: 'gcp' } })],
    ['a token without TLS', base({ token: 't' }, { server: 'http://api.example.com' })],
    [
      'a plug-in without TLS',
      base({ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'x' } }, { server: 'http://a' }),
    ],
    [
      'a plug-in of an old version',
      base({ exec: { apiVersion: 'client.authentication.k8s.io/v1alpha1', command: 'x' } }),
    ],
    ['a token that is no text', base({ token: 7 })],
    ['extra for somebody else', base({ as: 'x', 'as-user-extra': { a: ['b'] } })],
  ];
  for (const [what, value, context] of wrong)
    it(`17: with ${what} is refused`, async () => {
      const choice = { kubeconfig: config(value), ...(context === undefined ? {} : { context }) };
      await assert.rejects(
        kubeconfigTarget({}, choice),
        (error) => error instanceof WeighlockError && error.exitCode === 78,
      );
    });

  it('17: with half a certificate, or a file that is not there, is refused when it is used', async () => {
    for (const user of [{ 'client-certificate-data': b64('x') }, { tokenFile: 'absent' }, { 'client-key': 'absent' }])
      await assert.rejects(credentials(user), WeighlockError);
    await assert.rejects(kubeconfigTarget({}, { kubeconfig: join(work, 'absent') }), WeighlockError);
  });
});

describe('17: an exec plug-in', () => {
  const apiVersion = 'client.authentication.k8s.io/v1';

  /** A plug-in that runs this as a shell script. */
  function plugin(script: string, more: object = {}): object {
    const folder = `k${files}`;
    mkdirSync(join(work, folder), { recursive: true });
    const file = join(work, folder, 'plugin.sh');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return { exec: { apiVersion, command: './plugin.sh', ...more } };
  }

  const printed = (status: object) =>
    `cat <<'END'\n${JSON.stringify({ apiVersion, kind: 'ExecCredential', status })}\nEND`;

  it('17: is found beside the file, gets its arguments and variables, and gives a token or a certificate', async () => {
    const echo = 'printf \'{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"%s-%s"}}\' "$V" "$1" "$WHO"';
    const env = [
      { name: 'WHO', value: 'me' },
      { name: 'V', value: apiVersion },
    ];
    assert.deepEqual(await credentials(plugin(echo, { args: ['arg'], env })), { token: 'arg-me' });
    const certificate = { clientCertificateData: 'CERT', clientKeyData: 'KEY' };
    assert.deepEqual(await credentials(plugin(printed(certificate))), { cert: 'CERT', key: 'KEY' });
  });

  it('17: is asked once while what it gave counts, and again when it is about to expire', async () => {
    for (const [expirationTimestamp, times] of [
      ['2099-01-01T00:00:00Z', 1],
      [undefined, 1],
      ['2020-01-01T00:00:00Z', 2],
    ] as const) {
      const log = join(work, `asked-${times}-${expirationTimestamp}`);
      const script = `echo x >> '${log}'\n${printed({ token: 't', ...(expirationTimestamp ? { expirationTimestamp } : {}) })}`;
      const target = await kubeconfigTarget({}, { kubeconfig: config(base(plugin(script))) });
      await target?.connection.credentials();
      await target?.connection.credentials();
      const { readFileSync } = await import('node:fs');
      assert.equal(readFileSync(log, 'utf8').length, 2 * times);
    }
  });

  const wrong: readonly [what: string, script: string, why: RegExp][] = [
    ['that fails', 'exit 3', /ended with 3.*Install it/],
    ['that says nothing', 'true', /did not print an ExecCredential/],
    ['that says something else', 'echo hello', /did not print/],
    [
      'of another version',
      'echo \'{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"}\'',
      /version/,
    ],
    ['that gives nothing', printed({}), /neither a token nor a certificate/],
    ['that gives half a certificate', printed({ clientKeyData: 'KEY' }), /neither/],
  ];
  for (const [what, script, why] of wrong)
    it(`17: one ${what} is refused`, async () =>
      assert.rejects(credentials(plugin(script, { installHint: 'Install it' })), why));

  it('17: one that is not there is refused, with the hint', async () => {
    const exec = { apiVersion, command: 'no-such-plug-in-of-anybody', installHint: 'Install it' };
    await assert.rejects(credentials({ exec }), /cannot be run: ENOENT\. Install it/);
  });
});
