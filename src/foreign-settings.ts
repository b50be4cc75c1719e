import type { Failure } from './error/index.ts';

/** Switches off that a server shows who it is. */
const EVERYWHERE = ['NODE_TLS_REJECT_UNAUTHORIZED'];

/**
 * What loads code, moves trust, writes files or opens descriptors of Node's own, or prints what is secret (`NODE_DEBUG`
 * prints addresses that are signed). In the executable Node's options, and OpenSSL's configuration, are those of
 * image/sea-config.json; these are read all the same. `SSL_CERT_FILE` is not among them: base images set it, and without
 * `NODE_USE_SYSTEM_CA` nobody reads it. Nor is all of `NODE_*`: clusters have a `NODE_NAME`.
 */
const IN_THE_EXECUTABLE = new RegExp(
  `^(${[
    // The dynamic loader and the C library (ld.so(8), iconv(3), locale(7), hostname(7)).
    'LD_(?!BIND_NOW$)[A-Z_0-9]+|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH|HOSTALIASES|MALLOC_TRACE',
    'NODE_(EXTRA_CA_CERTS|USE_SYSTEM_CA|USE_ENV_PROXY|PATH|ICU_DATA|REPL_EXTERNAL_MODULE|COMPILE_CACHE(_PORTABLE)?)',
    'NODE_(V8_COVERAGE|REDIRECT_WARNINGS|DEBUG|DEBUG_NATIVE|TEST_CONTEXT)',
    'NODE_(CHANNEL_FD|CHANNEL_SERIALIZATION_MODE|UNIQUE_ID)',
    'OPENSSL_(MODULES|ENGINES)',
  ].join('|')})$`,
);

/**
 * A variable that would decide for us whom to trust or what code runs.
 *
 * Libraries that `LD_PRELOAD` names run before this: against them only an admission policy helps, which lets nobody set
 * variables of the verifier.
 *
 * @param isExecutable - false in a checkout, where Node and its variables are those of the person who runs it
 */
export function foreignSetting(environment: Readonly<Record<string, string | undefined>>, isExecutable: boolean) {
  const name = Object.keys(environment).find(
    (one) => environment[one] !== '' && (EVERYWHERE.includes(one) || (isExecutable && IN_THE_EXECUTABLE.test(one))),
  );
  if (name === undefined) return undefined;
  const failure: Failure = {
    code: 'CONFIG_INVALID',
    message: `the variable ${name} would decide what code runs in the verifier, or whom it trusts`,
    remedy: 'remove it from this container; CAs are named with --registry-cacert',
  };
  return failure;
}
