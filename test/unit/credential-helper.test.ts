import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { execHelper, helperCommand } from '../../src/registry/credential-helper.ts';
import { workFolder } from '../integration/cli.ts';

const AUTHORS = { PATH: '/models/bin:/tmp', DOCKER_CONFIG: '/models', HOME: '/models', TMPDIR: '/models' };

describe('15.5: a credential helper', () => {
  it('is a program of the image in the executable, whatever PATH says', () => {
    const asked: string[] = [];
    const isThere = (file: string) => asked.push(file) > 0 && file.startsWith('/usr/bin/');
    const command = helperCommand('ecr-login', AUTHORS, true, isThere);
    assert.equal(command?.file, '/usr/bin/docker-credential-ecr-login');
    assert.deepEqual(asked, ['/usr/local/bin/docker-credential-ecr-login', '/usr/bin/docker-credential-ecr-login']);
    assert.equal(
      helperCommand('ecr-login', AUTHORS, true, () => false),
      undefined,
    );
    assert.equal(helperCommand('nobody-has-this', { PATH: '/bin' }, true), undefined);
  });

  it('is told who the pod is, and nothing that names a program, a file with commands, or a library', () => {
    const told = { AWS_ROLE_ARN: 'a', AWS_WEB_IDENTITY_TOKEN_FILE: '/t', AZURE_CLIENT_ID: 'c', HTTPS_PROXY: 'p:1' };
    const kept = [
      ...['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE', 'AWS_PROFILE', 'AWS_SDK_LOAD_CONFIG', 'AWS_CA_BUNDLE'],
      ...['GOOGLE_APPLICATION_CREDENTIALS', 'GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES', 'CLOUDSDK_CONFIG'],
      ...[
        'LD_PRELOAD',
        'NODE_OPTIONS',
        'GODEBUG',
        'BASH_ENV',
        'ENV',
        'PYTHONPATH',
        'SSL_CERT_FILE',
        'IFS',
        'SHELLOPTS',
      ],
      ...['WEIGHLOCK_REGISTRY_PASSWORD', 'COSIGN_PASSWORD', 'XDG_CONFIG_HOME', 'XAWS_REGION', 'AWS_REGIONS'],
    ];
    const environment = { ...AUTHORS, ...told, ...Object.fromEntries(kept.map((name) => [name, '/models/x'])) };
    const command = helperCommand('x', environment, true, () => true);
    assert.deepEqual(command?.environment, { ...told, PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent' });
  });

  it('is found as usual in a checkout', () => {
    assert.deepEqual(helperCommand('pass', AUTHORS, false), { file: 'docker-credential-pass', environment: AUTHORS });
  });

  it('gets the registry, and says what it found, or how it ended', async () => {
    const folder = workFolder();
    const { PATH = '' } = process.env;
    process.env['PATH'] = `${folder}${delimiter}${PATH}`;
    after(() => {
      process.env['PATH'] = PATH;
    });
    const helper = (name: string, script: string) => {
      const file = join(folder, `docker-credential-${name}`);
      writeFileSync(file, `#!/bin/sh\n${script}\n`);
      chmodSync(file, 0o755);
    };
    helper('echoes', 'printf "%s %s" "$1" "$(cat)"');
    helper('refuses', 'exit 3');
    helper('floods', 'while :; do echo 0123456789012345678901234567890123456789; done');
    helper('deaf', 'exec 0<&-; printf done');
    assert.deepEqual(await execHelper('echoes', 'r.io'), { status: 0, stdout: 'get r.io' });
    assert.equal((await execHelper('refuses', 'r.io')).status, 3);
    assert.equal((await execHelper('nobody-has-this', 'r.io')).status, 127);
    assert.notEqual((await execHelper('floods', 'r.io')).status, 0, 'more than a credential');
    assert.deepEqual(await execHelper('deaf', 'x'.repeat(1 << 20)), { status: 0, stdout: 'done' });
  });
});
