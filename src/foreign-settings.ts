import type { Failure } from './error/index.ts';

/** Switches off that a server shows who it is. */
const EVERYWHERE = ['NODE_TLS_REJECT_UNAUTHORIZED'];

/**
 * What loads code, moves trust, writes files or opens descriptors of Node's own, or prints what is
 * secret (`NODE_DEBUG` prints addresses that are signed). In the executable Node's options, and
 * OpenSSL's configuration, are those of image/sea-config.json; these are read all the same.
 * `SSL_CERT_FILE` is not among them: base images set it, and without `NODE_USE_SYSTEM_CA` nobody
 * reads it. Nor is all of `NODE_*`: clusters have a `NODE_NAME`.
 */
const IN_THE_EXECUTABLE = [
  // The C library (iconv(3), locale(7), hostname(7)) and ICU.
  ...['GLIBC_TUNABLES', 'GCONV_PATH', 'LOCPATH', 'NLSPATH', 'HOSTALIASES', 'MALLOC_TRACE'],
  ...['ICU_DATA', 'ICU_TIMEZONE_FILES_DIR'],
  ...['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'NODE_USE_ENV_PROXY', 'NODE_PATH', 'NODE_ICU_DATA'],
  ...['NODE_REPL_EXTERNAL_MODULE', 'NODE_COMPILE_CACHE', 'NODE_COMPILE_CACHE_PORTABLE', 'NODE_V8_COVERAGE'],
  ...['NODE_REDIRECT_WARNINGS', 'NODE_DEBUG', 'NODE_DEBUG_NATIVE', 'NODE_TEST_CONTEXT'],
  ...['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID'],
  ...['OPENSSL_MODULES', 'OPENSSL_ENGINES'],
  // Instructions that the processor may not have; a name that simdutf does not know makes it decode
  // nothing.
  ...['OPENSSL_ia32cap', 'OPENSSL_armcap', 'SIMDUTF_FORCE_IMPLEMENTATION'],
  // Ends the program before its first line.
  'YARGS_MIN_NODE_VERSION',
];

/**
 * The dynamic loader's (ld.so(8)), all but one. An empty value counts as well: with
 * `LD_TRACE_LOADED_OBJECTS=` the loader lists libraries and ends with 0.
 */
const OF_THE_LOADER = /^LD_(?!BIND_NOW$)[A-Z_0-9]+$/;

/**
 * For the launcher of the image (image/launcher.c), which refuses the same before anything is
 * loaded.
 */
export const FOREIGN_NAMES: readonly string[] = [...EVERYWHERE, ...IN_THE_EXECUTABLE];

/**
 * A variable that would decide for us whom to trust or what code runs.
 *
 * In the image the launcher has looked already: the loader obeys its variables before this runs.
 * Whoever starts the executable itself, by a `command`, passes the launcher by; an admission policy
 * lets nobody set one.
 *
 * @param isExecutable - false in a checkout, where Node and its variables are those of the person
 * who runs it
 */
export function foreignSetting(environment: Readonly<Record<string, string | undefined>>, isExecutable: boolean) {
  const names = isExecutable ? FOREIGN_NAMES : EVERYWHERE;
  const name = Object.keys(environment).find(
    (one) => (names.includes(one) && environment[one] !== '') || (isExecutable && OF_THE_LOADER.test(one)),
  );
  return name === undefined ? undefined : foreignFailure(name);
}

/** What the refusal of a variable says. */
export function foreignFailure(name: string): Failure {
  return {
    code: 'CONFIG_INVALID',
    message: `the variable ${name} would decide what code runs in the verifier, or whom it trusts`,
    remedy: 'remove it from this container; CAs are named with --registry-cacert',
  };
}
