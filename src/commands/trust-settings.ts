import { WeighlockError } from '../error/index.ts';
import type { Environment, TrustFlags } from '../plan/index.ts';
import { requireKeyFile } from './cosign-flags.ts';
import { countOf, durationOf, flagOf, listOf, namesOf, type RawValues, textOf } from './option-values.ts';
import { WORKFLOW_EXTENSIONS } from './options.ts';
import { usage } from './usage.ts';

/** How cosign names a key in a variable. */
const VARIABLE = 'env://';

function inVariable(key: string, environment: Environment): string {
  const value = environment[key.slice(VARIABLE.length)];
  if (value !== undefined && value !== '') return value;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `there is no variable for the key ${key}`,
    remedy: 'set it to the public key in PEM, or name a file',
  });
}

function annotationsOf(values: RawValues): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const text of namesOf(values, 'annotations')) {
    const at = text.indexOf('=');
    const key = text.slice(0, at);
    if (at < 1) throw usage(`--annotations cannot be "${text}"`, 'write KEY=VALUE');
    if (found.has(key)) throw usage(`--annotations asks for ${key} twice`, 'ask for each once');
    found.set(key, text.slice(at + 1));
  }
  return found;
}

/** The options of `TRUST_OPTIONS`. */
export function trustSettings(values: RawValues, environment: Environment): TrustFlags {
  const optional = <K extends string>(name: K, key: string): { [P in K]?: string } => {
    const text = textOf(values, key);
    return text === undefined ? {} : ({ [name]: text } as { [P in K]?: string });
  };
  const threshold = countOf(values, 'threshold', 1000);
  const optionalCount = <K extends string>(name: K, key: string): { [P in K]?: number } => {
    const count = countOf(values, key, 32);
    return count === undefined ? {} : ({ [name]: count } as { [P in K]?: number });
  };
  const keys = namesOf(values, 'key');
  for (const key of keys) requireKeyFile(key);
  return {
    keys,
    keysInVariables: new Map(
      keys.filter((key) => key.startsWith(VARIABLE)).map((key) => [key, inVariable(key, environment)]),
    ),
    ...optional('identity', 'certificate-identity'),
    ...optional('identityRegexp', 'certificate-identity-regexp'),
    ...optional('issuer', 'certificate-oidc-issuer'),
    ...optional('issuerRegexp', 'certificate-oidc-issuer-regexp'),
    ...optional('caRoots', 'ca-roots'),
    ...optional('intermediates', 'ca-intermediates'),
    ...optional('certificate', 'certificate'),
    ...optional('certificateChain', 'certificate-chain'),
    ...optional('crl', 'crl'),
    ...optional('timestampChain', 'timestamp-certificate-chain'),
    ...optionalCount('tlogThreshold', 'tlog-threshold'),
    ...optionalCount('ctlogThreshold', 'ctlog-threshold'),
    ...optionalCount('timestampThreshold', 'timestamp-threshold'),
    extensions: new Map(
      Object.entries(WORKFLOW_EXTENSIONS).flatMap(([name, oid]) => {
        const value = textOf(values, `certificate-github-workflow-${name}`);
        return value === undefined ? [] : [[oid, value] as const];
      }),
    ),
    annotations: annotationsOf(values),
    ...optional('trustedRoot', 'trusted-root'),
    ...optional('tufMirror', 'tuf-mirror'),
    ...optional('tufRoot', 'tuf-root'),
    ...optional('repository', 'signature-repository'),
    ...optional('type', 'type'),
    ignoreTlog: flagOf(values, 'insecure-ignore-tlog'),
    ignoreSct: flagOf(values, 'insecure-ignore-sct'),
    signedTimestamps: flagOf(values, 'use-signed-timestamps'),
    ...(threshold === undefined ? {} : { threshold }),
    allowLegacy: flagOf(values, 'allow-legacy-model-signatures'),
    ignorePaths: listOf(values, 'ignore-paths'),
    signatures: listOf(values, 'signature'),
    conditions: listOf(values, 'condition'),
    ...(values['max-age'] === undefined ? {} : { maxAge: durationOf(values, 'max-age') }),
  };
}
