// What the single executable takes from nobody; test/system/image.test.ts shows that it does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { FOREIGN_NAMES, foreignSetting } from '../../src/foreign-settings.ts';

it('15.5: the executable has its own configuration of OpenSSL, and no options of Node from the environment', () => {
  const config = JSON.parse(readFileSync(new URL('../../image/sea-config.json', import.meta.url), 'utf8'));
  assert.ok(config.execArgv.includes('--openssl-config=/dev/null'));
  assert.ok(config.execArgv.includes('--disable-sigusr1'));
  assert.equal(config.execArgvExtension, 'none');
});

it('15.5: a variable that loads code or moves trust is refused', () => {
  for (const name of [
    ...['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'GCONV_PATH', 'OPENSSL_MODULES', 'OPENSSL_ENGINES'],
    ...['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE'],
    ...[
      'NODE_REDIRECT_WARNINGS',
      'NODE_ICU_DATA',
      'NODE_PATH',
      'NODE_DEBUG',
      'NODE_DEBUG_NATIVE',
      'NODE_USE_ENV_PROXY',
    ],
    ...['NODE_CHANNEL_FD', 'NODE_UNIQUE_ID', 'NODE_REPL_EXTERNAL_MODULE', 'NODE_TEST_CONTEXT'],
    ...['GLIBC_TUNABLES', 'LOCPATH', 'NLSPATH', 'HOSTALIASES', 'MALLOC_TRACE', 'LD_DEBUG_OUTPUT', 'LD_PROFILE'],
    ...[
      'LD_TRACE_LOADED_OBJECTS',
      'ICU_DATA',
      'ICU_TIMEZONE_FILES_DIR',
      'OPENSSL_ia32cap',
      'SIMDUTF_FORCE_IMPLEMENTATION',
    ],
  ]) {
    assert.equal(foreignSetting({ [name]: '/x' }, true)?.code, 'CONFIG_INVALID', name);
    assert.equal(foreignSetting({ [name]: '/x' }, false), undefined, name);
    assert.equal(
      foreignSetting({ [name]: '' }, true)?.code,
      name.startsWith('LD_') ? 'CONFIG_INVALID' : undefined,
      name,
    );
  }
  for (const isExecutable of [true, false])
    assert.equal(foreignSetting({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, isExecutable)?.code, 'CONFIG_INVALID');
  assert.equal(
    foreignSetting({ NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_EXTRA_CA_CERTS: '/x' }, true)?.code,
    'CONFIG_INVALID',
  );
  const harmless = {
    SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
    LC_ALL: 'C',
    TZ: 'UTC',
    NODE_VERSION: '26',
    NODE_NAME: 'n',
    MALLOC_ARENA_MAX: '2',
    LD_BIND_NOW: '1',
  };
  assert.equal(foreignSetting(harmless, true), undefined);
});

it('15.5: docs/environment.md names every variable that is refused', () => {
  const page = readFileSync(new URL('../../docs/environment.md', import.meta.url), 'utf8');
  const [refused = ''] = page.split('**No effect**');
  for (const name of FOREIGN_NAMES) assert.ok(refused.includes(`\`${name}\``), name);
});
