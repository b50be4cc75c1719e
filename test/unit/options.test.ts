import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addEnvironment, VERIFY_OPTIONS } from '../../src/commands/index.ts';
import { targetsOf } from '../../src/commands/verify-flags.ts';
import { WeighlockError } from '../../src/error/index.ts';

const add = (environment: Record<string, string>, argv: string[] = []) =>
  addEnvironment(argv, VERIFY_OPTIONS, environment);

describe('WEIGHLOCK_*', () => {
  it('gives an option its value unless the command line has it', () => {
    assert.deepEqual(add({ WEIGHLOCK_MODE: 'Audit', HOME: '/' }), ['--mode=Audit']);
    assert.deepEqual(add({ WEIGHLOCK_MODE: 'Audit' }, ['--mode=Enforce']), []);
    assert.deepEqual(add({ WEIGHLOCK_MODE: 'Audit' }, ['--mode', 'Enforce']), []);
    assert.deepEqual(add({ WEIGHLOCK_CHECKSUMS_SHA256: 'x' }, ['--checksums=y']), ['--checksums-sha256=x']);
  });

  it('that is unknown or empty is an error, so that no misspelt name turns a check off', () => {
    for (const environment of [{ WEIGHLOCK_SHA265: 'x' }, { WEIGHLOCK_POLICIES: '/p' }, { WEIGHLOCK_MODE: '' }]) {
      assert.throws(
        () => add(environment as unknown as Record<string, string>),
        (error) => error instanceof WeighlockError && error.code === 'CONFIG_INVALID',
      );
    }
  });

  it('of a Service that happens to be called weighlock is not ours', () => {
    const links = {
      WEIGHLOCK_SERVICE_HOST: '10.0.0.1',
      WEIGHLOCK_SERVICE_PORT: '80',
      WEIGHLOCK_SERVICE_PORT_HTTP: '80',
      WEIGHLOCK_PORT: 'tcp://10.0.0.1:80',
      WEIGHLOCK_PORT_80_TCP: 'tcp://10.0.0.1:80',
      WEIGHLOCK_PORT_80_TCP_PROTO: 'tcp',
      WEIGHLOCK_METRICS_PORT_9090_TCP_ADDR: '10.0.0.1',
      WEIGHLOCK_METRICS_SERVICE_HOST: '10.0.0.1',
    };
    assert.deepEqual(add(links), []);
  });
});

describe('15.7: targets', () => {
  it('are absolute, in their shortest form, and each once, however it is written', () => {
    assert.deepEqual(targetsOf({ targets: '/a:/b/:/c//d/./e' }), ['/a', '/b', '/c/d/e']);
    for (const targets of [
      ':',
      '/a:',
      ':/a',
      'a',
      './a',
      '/a:/a',
      '/a:/a/',
      '/a:/./a',
      '/a://a',
      '/a/../b',
      '/a:/b/..',
    ])
      assert.throws(
        () => targetsOf({ targets }),
        (error) => error instanceof WeighlockError && error.code === 'USAGE',
        targets,
      );
  });
});
