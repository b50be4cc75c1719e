// Variables that test/system/environment.test.ts tries against the image, with values that lead to
// test/system/traps.ts.

/** The loader's; what is not in `FOREIGN_NAMES`. */
export const LOADER = {
  LD_PRELOAD: '/traps/trap.so',
  LD_AUDIT: '/traps/trap.so',
  LD_LIBRARY_PATH: '/traps/lib',
  LD_TRACE_LOADED_OBJECTS: '1',
  LD_DEBUG: 'all',
  LD_DEBUG_OUTPUT: '/mark/ran',
  LD_PROFILE: 'libc.so.6',
  LD_PROFILE_OUTPUT: '/mark',
  LD_ORIGIN_PATH: '/traps',
  LD_SHOW_AUXV: '1',
};

/** Values that have an effect where a variable has one. */
export const WITH_EFFECT: Readonly<Record<string, string>> = {
  NODE_TLS_REJECT_UNAUTHORIZED: '0',
  NODE_EXTRA_CA_CERTS: '/traps/ca.pem',
  NODE_PATH: '/traps',
  NODE_REPL_EXTERNAL_MODULE: '/traps/trap.cjs',
  NODE_COMPILE_CACHE: '/mark/ran',
  NODE_V8_COVERAGE: '/mark/ran',
  NODE_REDIRECT_WARNINGS: '/mark/ran',
  OPENSSL_MODULES: '/traps',
  OPENSSL_ENGINES: '/traps',
  GCONV_PATH: '/traps',
  OPENSSL_ia32cap: '0',
};

const OPTIONS = [
  '--require=/traps/trap.cjs',
  '--import=/traps/trap.cjs',
  '--openssl-config=/traps/evil.cnf',
  '--use-system-ca',
];

/**
 * Read by something in the image, or by programs like it, and left alone: the verdict is what it is
 * without them.
 */
export const NO_EFFECT: readonly (readonly [string, string])[] = [
  ...[...OPTIONS, '--inspect', '--no-such-option'].map((option) => ['NODE_OPTIONS', option] as const),
  ['OPENSSL_CONF', '/traps/evil.cnf'],
  ['OPENSSL_CONF_INCLUDE', '/traps'],
  ['SSL_CERT_FILE', '/traps/ca.pem'],
  ['SSL_CERT_DIR', '/traps/certs'],
  ['NODE_ENV', 'test'],
  ['NODE_NO_WARNINGS', '1'],
  ['NODE_PENDING_DEPRECATION', '1'],
  ['NODE_PRESERVE_SYMLINKS', '1'],
  ['NODE_PRESERVE_SYMLINKS_MAIN', '1'],
  ['WATCH_REPORT_DEPENDENCIES', '1'],
  ['UV_THREADPOOL_SIZE', '0'],
  ['UV_THREADPOOL_SIZE', 'x'],
  ['UV_USE_IO_URING', '1'],
  ['PATH', '/traps/bin'],
  ['DOCKER_CONFIG', '/traps/docker'],
  ['REGISTRY_AUTH_FILE', '/traps/docker/config.json'],
  ['HOME', '/traps'],
  ['HOME', '../..'],
  ['TMPDIR', '/traps'],
  ...['CONFIG', 'CACHE', 'DATA', 'STATE'].map((kind) => [`XDG_${kind}_HOME`, '/traps'] as const),
  ['XDG_RUNTIME_DIR', '/traps'],
  ...['xx_XX.UTF-8', '../../traps/evil', '/traps', '%s%n', 'C.ISO-8859-1', 'tr_TR'].flatMap((locale) => [
    ['LC_ALL', locale] as const,
    ['LANG', locale] as const,
  ]),
  ['LANGUAGE', '../../traps'],
  ['TZ', '/traps/evil.cnf'],
  ['TZ', ':../../../traps/evil.cnf'],
  ['TZDIR', '/traps'],
  ['MALLOC_CHECK_', '3'],
  ['MALLOC_ARENA_MAX', '1'],
  ['RES_OPTIONS', 'debug attempts:9'],
  ['LOCALDOMAIN', 'evil.example'],
  ['LD_BIND_NOW', '1'],
  ...['ROOT_FILE', 'REKOR_PUBLIC_KEY', 'CT_LOG_PUBLIC_KEY_FILE', 'TSA_CERTIFICATE_FILE', 'ID_TOKEN'].map(
    (name) => [`SIGSTORE_${name}`, '/traps/ca.pem'] as const,
  ),
  ['SIGSTORE_NO_CACHE', '1'],
  ['TUF_ROOT', '/traps'],
  ['TUF_ROOT_JSON', '/traps/ca.pem'],
  ['TUF_MIRROR', 'http://evil.example'],
  ['COSIGN_EXPERIMENTAL', '1'],
  ['FORCE_COLOR', '1'],
  ['YARGS_DISABLE_WRAP', '1'],
];
