import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { type Environment, parseDuration } from '../plan/index.ts';
import { isUrl } from '../source/index.ts';
import { STORE_VARIABLES } from '../store/index.ts';
import { listOf, type RawValues } from './option-values.ts';
import { variableOf } from './option-variables.ts';
import { VERIFY_OPTIONS } from './options.ts';
import { OWN_WATCH_OPTIONS } from './watch-options.ts';

/**
 * What an option of `verify`, or its `WEIGHLOCK_*` variable, may do beside a policy of the
 * platform. The pod's author may have written either, so none of them takes away what a policy
 * requires.
 *
 * - `adds`: one more requirement, or something about a requirement of the options' own
 * - `how`: says how the work is done or told, and not what must be true
 * - `strictest`: the strictest of what policies and options say counts
 * - `platform`: names the policies; the command line and a variable must not name different ones
 * - `blocks`: with it a question can be made unanswerable, so `failurePolicy: Ignore` counts no
 *   more
 * - `refused`: takes away a check, so it is a configuration error
 */
export const BESIDE_POLICY: Readonly<Record<string, 'adds' | 'how' | 'strictest' | 'platform' | 'blocks' | 'refused'>> =
  {
    sha256: 'adds',
    'allow-formats': 'adds',
    'allow-formats-in': 'adds',
    checksums: 'adds',
    'checksums-sha256': 'adds',
    'checksums-signature': 'adds',
    policy: 'platform',
    trust: 'platform',
    'policy-key': 'platform',
    'policy-signature': 'platform',
    targets: 'platform',
    mode: 'strictest',
    'failure-policy': 'strictest',
    report: 'how',
    verdict: 'how',
    'verdict-key': 'how',
    // A gate that looks at a part lets the rest pass: only where every policy says `parts: true`.
    part: 'refused',
    'run-id': 'how',
    receipts: 'how',
    'receipt-key': 'how',
    'verifier-image': 'how',
    'accept-verdict': 'adds',
    'verifier-key': 'adds',
    'verifier-id': 'adds',
    'verdict-policy': 'adds',
    'verdict-max-age': 'adds',
    format: 'how',
    'termination-log': 'how',
    key: 'adds',
    'certificate-identity': 'adds',
    'certificate-identity-regexp': 'adds',
    'certificate-oidc-issuer': 'adds',
    'certificate-oidc-issuer-regexp': 'adds',
    'certificate-github-workflow-trigger': 'adds',
    'certificate-github-workflow-sha': 'adds',
    'certificate-github-workflow-name': 'adds',
    'certificate-github-workflow-repository': 'adds',
    'certificate-github-workflow-ref': 'adds',
    'ca-roots': 'adds',
    'ca-intermediates': 'adds',
    certificate: 'adds',
    'certificate-chain': 'adds',
    crl: 'adds',
    'trusted-root': 'adds',
    'tuf-mirror': 'blocks',
    'tuf-root': 'blocks',
    'insecure-ignore-tlog': 'adds',
    'insecure-ignore-sct': 'adds',
    'use-signed-timestamps': 'adds',
    'tlog-threshold': 'adds',
    'ctlog-threshold': 'adds',
    'timestamp-threshold': 'adds',
    'timestamp-certificate-chain': 'adds',
    annotations: 'adds',
    signature: 'adds',
    'signature-repository': 'blocks',
    threshold: 'adds',
    type: 'adds',
    condition: 'adds',
    'allow-legacy-model-signatures': 'adds',
    'max-age': 'adds',
    hasher: 'how',
    concurrency: 'how',
    'allow-symlinks': 'refused',
    'storage-preset': 'refused',
    'omit-paths': 'refused',
    'link-root': 'refused',
    'ignore-paths': 'refused',
    'max-files': 'how',
    timeout: 'blocks',
    'idle-timeout': 'blocks',
    // One read at a time may take longer than there is time, and very many more memory than there
    // is.
    'io-depth': 'blocks',
    'io-rate': 'blocks',
    'registry-config': 'blocks',
    'registry-cacert': 'blocks',
    'allow-http-registry': 'blocks',
    'registry-server': 'blocks',
    'registry-username': 'blocks',
    'registry-password': 'blocks',
    'registry-password-file': 'blocks',
    'registry-token': 'blocks',
    connections: 'blocks',
    'response-timeout': 'blocks',
    'max-bytes': 'blocks',
    'plain-http': 'blocks',
    mirror: 'blocks',
    platform: 'blocks',
    replace: 'how',
    'allow-unknown-layers': 'refused',
    include: 'refused',
    exclude: 'refused',
    unpack: 'refused',
  };

/** Variables that say how registries are reached, whoever set them. */
const NETWORK = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY', 'DOCKER_CONFIG', 'REGISTRY_AUTH_FILE'];

/**
 * What options and variables may not do where a policy is in force.
 *
 * @returns what makes `failurePolicy: Ignore` count no more, by name
 * @throws WeighlockError `CONFIG_INVALID` for what would take away a check
 */
export function requireNoWeakening(values: RawValues, environment: Environment): readonly string[] {
  const options = VERIFY_OPTIONS as Readonly<Record<string, { readonly default?: unknown }>>;
  const given = Object.keys(options).filter(
    (name) => values[name] !== undefined && values[name] !== options[name]?.default,
  );
  const blocking: string[] = [];
  for (const name of given) {
    // An option that nobody put into the table takes everything away.
    const effect = BESIDE_POLICY[name] ?? 'refused';
    if (effect === 'blocks') blocking.push(`--${name}`);
    if (effect !== 'refused') continue;
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `--${name} would take away a check, and a policy is in force`,
      remedy: 'leave it out (and its WEIGHLOCK_* variable), or ask the platform team',
    });
  }
  for (const name of [...NETWORK, ...STORE_VARIABLES])
    if ((environment[name] ?? environment[name.toLowerCase()] ?? '') !== '') blocking.push(name);
  const files = [
    ['HOME', '.docker/config.json'],
    ['XDG_RUNTIME_DIR', 'containers/auth.json'],
  ] as const;
  for (const [name, file] of files)
    if (existsSync(join(environment[name] ?? '/nonexistent', file))) blocking.push(name);
  for (const kind of ['MODEL', 'DATASET'])
    if (environment[`${kind}_SOURCE_URL`] !== undefined && environment[`${kind}_PATH`] !== undefined)
      blocking.push(`${kind}_SOURCE_URL`);
  const url = listOf(values, 'sources').find(isUrl);
  return url === undefined ? blocking : [...blocking, 'a source that the pod names'];
}

/**
 * What a variable may say about `watch` beside a policy of the platform: an interval that is no
 * longer than the usual one. What is left would let it look seldom, be asked by nobody, or lose its
 * counters when it fails. The command line of `watch` is the platform's.
 */
export const WATCH_BESIDE_POLICY: Readonly<Record<string, 'shorter' | 'refused'>> = {
  interval: 'shorter',
  listen: 'refused',
  'exit-on-failure': 'refused',
};

/**
 * @param environment - without the variables that the command line of `watch` overrules
 * @throws WeighlockError `CONFIG_INVALID` for a variable that would mute `watch`
 */
export function requireNoMuting(environment: Environment): void {
  for (const [name, option] of Object.entries(OWN_WATCH_OPTIONS)) {
    const variable = variableOf(name);
    const value = environment[variable];
    const usual = String(option.default);
    if (value === undefined || value === usual) continue;
    const isShorter = (parseDuration(value) ?? Number.POSITIVE_INFINITY) <= (parseDuration(usual) ?? 0);
    if (WATCH_BESIDE_POLICY[name] === 'shorter' && isShorter) continue;
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `${variable} would mute watch, and a policy is in force`,
      expected: WATCH_BESIDE_POLICY[name] === 'shorter' ? `at most ${usual}` : usual,
      found: value.slice(0, 100),
      remedy: `remove it, or let the platform write --${name} on the command line`,
    });
  }
}
