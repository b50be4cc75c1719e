import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helperCommand } from '../../src/registry/credential-helper.ts';

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
});
