import { resolve } from 'node:path';
import type { Options } from 'yargs';
import { WeighlockError } from '../error/index.ts';
import { MAX_FILES, STORAGE_PRESETS, type StorageRules } from '../fs/index.ts';
import { affordableConnections, affordableThreads, availableProcessors, HASHERS, type Hasher } from '../hash/index.ts';
import {
  type Environment,
  FAILURE_POLICIES,
  type FailurePolicy,
  givenCredential,
  type Limits,
  MODES,
  type Mode,
  type PolicyFlags,
  parseDuration,
  parsePin,
  parsePlatform,
  type RemoteSettings,
  registrySettings,
  storageRules,
  type TrustFlags,
  type VerdictFlags,
} from '../plan/index.ts';
import { MOST_PARTS } from '../receipt/index.ts';
import { TERMINATION_LOG } from '../report/index.ts';
import { registriesOf } from '../source/index.ts';
import { type Patterns, storeSettings } from '../store/index.ts';
import { requireKeyFile } from './cosign-flags.ts';
import { usage } from './usage.ts';

/** How the files are read and hashed: common to every command that does. */
export const HASH_OPTIONS = {
  hasher: { type: 'string', default: 'wasm', describe: 'SHA-256 engine: wasm, native or auto' },
  concurrency: {
    type: 'string',
    describe: 'worker threads [default: the processors this container may use, as far as its memory goes]',
  },
  'allow-symlinks': { type: 'boolean', default: false, describe: 'follow links that resolve inside the artifact' },
  'storage-preset': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: `whose bookkeeping is no part of the artifact: ${STORAGE_PRESETS.join(', ')}`,
  },
  'omit-paths': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file that is no part of the artifact, relative to its root, e.g. notes/todo.txt',
  },
  'link-root': { type: 'string', describe: 'folder above the artifact that its links may lead into' },
  'max-files': { type: 'string', default: `${MAX_FILES}`, describe: 'most entries in one artifact' },
  timeout: { type: 'string', default: '6h', describe: 'limit for the whole run, e.g. 90s, 1h30m; 0 for none' },
  'idle-timeout': { type: 'string', default: '5m', describe: 'limit without any progress; 0 for none' },
  'io-depth': {
    type: 'string',
    describe: 'reads of a volume in flight, 1 to 512 [default: as many as pay, found out while reading]',
  },
  'io-rate': { type: 'string', describe: 'most bytes to read per second, e.g. 200M or 512Mi [default: no limit]' },
} as const satisfies Record<string, Options>;

/** How what is not on a volume is fetched. */
export const REMOTE_OPTIONS = {
  'registry-config': { type: 'string', array: true, nargs: 1, describe: 'Docker config.json or mounted pull secret' },
  'registry-cacert': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'PEM file of CAs to trust beside the built-in ones',
  },
  'plain-http': { type: 'string', array: true, nargs: 1, describe: 'HOST[:PORT] that may be spoken to without TLS' },
  'allow-http-registry': {
    type: 'boolean',
    default: false,
    describe: 'the same for the registries of the sources',
  },
  'registry-server': { type: 'string', describe: 'HOST that --registry-username and its like are for' },
  'registry-username': { type: 'string', describe: 'user at the registry of the sources' },
  'registry-password': { type: 'string', describe: 'password there; better a file, or WEIGHLOCK_REGISTRY_PASSWORD' },
  'registry-password-file': { type: 'string', describe: 'file with the password' },
  'registry-token': { type: 'string', describe: 'bearer token for the registry of the sources' },
  connections: {
    type: 'string',
    describe: 'connections that bring bytes at a time, one blob by several ranges [default: 8, as far as memory goes]',
  },
  'response-timeout': {
    type: 'string',
    default: '30s',
    describe: 'limit without a byte of an answer; small documents whole in twice that or 60s; 0 for none',
  },
  'max-bytes': { type: 'string', describe: 'most bytes to fetch and unpack, e.g. 200G [default: what is free]' },
  mirror: { type: 'string', array: true, nargs: 1, describe: 'REGISTRY=HOST[:PORT] that is asked first' },
  platform: { type: 'string', describe: 'OS/ARCH[/VARIANT] to take from an index [default: this machine]' },
  replace: { type: 'boolean', default: false, describe: 'replace what lies at DEST and does not verify' },
  'allow-unknown-layers': { type: 'boolean', default: false, describe: 'leave out layers of unknown media types' },
  include: { type: 'string', array: true, nargs: 1, describe: 'PATTERN of files of a hub or bucket that are wanted' },
  exclude: { type: 'string', array: true, nargs: 1, describe: 'PATTERN of files there that are not' },
  unpack: { type: 'boolean', default: false, describe: 'publish an archive from https:// as the files in it' },
} as const satisfies Record<string, Options>;

/** What Fulcio says of a workflow (fulcio, docs/oid-info.md), by cosign's names. */
const WORKFLOW_EXTENSIONS = {
  trigger: '1.3.6.1.4.1.57264.1.2',
  sha: '1.3.6.1.4.1.57264.1.3',
  name: '1.3.6.1.4.1.57264.1.4',
  repository: '1.3.6.1.4.1.57264.1.5',
  ref: '1.3.6.1.4.1.57264.1.6',
} as const;

/** Whose signatures count; the names are cosign's where it has one. */
export const TRUST_OPTIONS = {
  key: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'public key (PEM) whose signature counts; env://NAME for a variable',
  },
  'certificate-identity': { type: 'string', describe: 'subject of the certificate of a keyless signature' },
  'certificate-identity-regexp': { type: 'string', describe: 'the same as an expression, always anchored' },
  'certificate-oidc-issuer': { type: 'string', describe: 'who vouched for that subject' },
  'certificate-oidc-issuer-regexp': { type: 'string', describe: 'the same as an expression, always anchored' },
  'ca-roots': { type: 'string', describe: 'CA certificates (PEM) of a private PKI' },
  'ca-intermediates': { type: 'string', describe: 'CA certificates (PEM) between them and a signer' },
  certificate: { type: 'string', describe: 'certificate (PEM) of the signer, for signatures that carry none' },
  'certificate-chain': { type: 'string', describe: 'CA certificates (PEM) from the one that signed it to the root' },
  crl: { type: 'string', describe: 'revocation lists (PEM) of the private PKI, one of every CA' },
  'trusted-root': { type: 'string', describe: 'trusted_root.json [default: the public-good Sigstore instance]' },
  'tuf-mirror': { type: 'string', describe: 'TUF repository to ask for the trusted root at each run' },
  'tuf-root': { type: 'string', describe: 'root.json of that repository [default: the public-good instance]' },
  'insecure-ignore-tlog': { type: 'boolean', default: false, describe: 'ask for no transparency log entry' },
  'insecure-ignore-sct': { type: 'boolean', default: false, describe: 'ask for no certificate transparency' },
  'use-signed-timestamps': {
    type: 'boolean',
    default: false,
    describe: 'take the time from an RFC 3161 authority only',
  },
  'tlog-threshold': { type: 'string', describe: 'transparency logs that must have an entry [default: 1]' },
  'ctlog-threshold': { type: 'string', describe: 'certificate logs that must have seen a certificate [default: 1]' },
  'timestamp-threshold': { type: 'string', describe: 'RFC 3161 authorities that must confirm the time [default: 0]' },
  'timestamp-certificate-chain': { type: 'string', describe: 'certificates (PEM) of another RFC 3161 authority' },
  ...Object.fromEntries(
    Object.keys(WORKFLOW_EXTENSIONS).map((name) => [
      `certificate-github-workflow-${name}`,
      { type: 'string' as const, describe: `${name} that the certificate must name` },
    ]),
  ),
  annotations: { type: 'string', array: true, nargs: 1, describe: 'KEY=VALUE that the signature must say' },
  signature: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file with a signature [default: beside the artifact]',
  },
  'signature-repository': { type: 'string', describe: 'OCI repository, or oci-layout://PATH, that has the signatures' },
  threshold: { type: 'string', describe: 'how many of those that are named must have signed [default: 1]' },
  type: { type: 'string', describe: 'predicate type: ask for an attestation instead of a signature' },
  condition: { type: 'string', array: true, nargs: 1, describe: 'CEL over predicate, subject and signer' },
  'allow-legacy-model-signatures': {
    type: 'boolean',
    default: false,
    describe: 'accept signatures of model_signing before 1.0',
  },
  'ignore-paths': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file or folder of a signed artifact that may be there unsigned, e.g. .git',
  },
  'max-age': { type: 'string', describe: 'most time since the signature, e.g. 720h' },
} as const satisfies Record<string, Options>;

/** What must be true, and what happens when it is not. */
export const VERIFY_OPTIONS = {
  sha256: { type: 'string', array: true, nargs: 1, describe: 'pin: SHA-256 of a file, tree digest of a folder' },
  'allow-formats': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'formats that files may have, by their bytes: safetensors,gguf,json,text',
  },
  'allow-formats-in': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: "PATTERN=FORMAT that some files may have besides, e.g. 'code/*.py=python'",
  },
  checksums: { type: 'string', describe: 'SHA256SUMS file that names every file of the artifact' },
  'checksums-sha256': { type: 'string', describe: 'pin of the checksums file itself' },
  'checksums-signature': { type: 'string', describe: 'signature of the checksums file, by --key or an identity' },
  policy: { type: 'string', array: true, nargs: 1, describe: 'policy file; several only add requirements' },
  trust: { type: 'string', describe: 'folder of the platform: every *.yaml in it is a policy' },
  'policy-key': { type: 'string', describe: 'public key that must have signed every policy' },
  'policy-signature': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'its signature [default: FILE.sigstore.json]',
  },
  targets: { type: 'string', describe: 'paths to verify, separated by colons, as an injecting policy mounts them' },
  mode: { type: 'string', describe: 'Enforce blocks on a violation, Audit only reports it [default: Enforce]' },
  'failure-policy': {
    type: 'string',
    describe: 'Fail blocks on what cannot be evaluated, or Ignore [default: Fail]',
  },
  report: { type: 'string', describe: 'write the full JSON report to this file' },
  verdict: { type: 'string', describe: 'write the signed verdict to this file: a SLSA Verification Summary' },
  'verdict-key': { type: 'string', describe: 'private key that signs it; its password is in COSIGN_PASSWORD' },
  part: { type: 'string', describe: 'verify one of N parts, from 0: I/N; the signed verdicts of all are merged' },
  'run-id': {
    type: 'string',
    describe: 'what the parts of one run have in common, e.g. the uid of the Job; required with --part',
  },
  receipts: { type: 'string', describe: 'folder with receipts of earlier verifications, where the policy allows them' },
  'receipt-key': { type: 'string', describe: 'private key that signs new receipts' },
  'verifier-image': { type: 'string', describe: 'digest of the image that this runs in, for the verdict: sha256:...' },
  'accept-verdict': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file with a signed verdict that must say that this very content passed',
  },
  'verifier-key': { type: 'string', array: true, nargs: 1, describe: 'public key of a verifier whose verdict counts' },
  'verifier-id': { type: 'string', describe: 'verifier.id that the verdict must have' },
  'verdict-policy': { type: 'string', describe: 'SHA-256 of the policy that the verdict was reached by' },
  'verdict-max-age': { type: 'string', describe: 'most time since the verdict, e.g. 24h' },
  format: { type: 'string', describe: 'text or json lines [default: text on a terminal, json elsewhere]' },
  'termination-log': { type: 'string', default: TERMINATION_LOG, describe: 'where Kubernetes reads the last word' },
  ...TRUST_OPTIONS,
  ...HASH_OPTIONS,
  ...REMOTE_OPTIONS,
} as const satisfies Record<string, Options>;

/** Values as they come from the command line: whatever a person can type. */
export type RawValues = Readonly<Record<string, unknown>>;

const PREFIX = 'WEIGHLOCK_';

const SERVICE_LINK =
  /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|^WEIGHLOCK_([A-Z0-9_]+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

/** The name of a Service has at most 63 letters, that of a port 15. */
const MAX_SERVICE_LINK = 128;

/**
 * Variables that Kubernetes itself puts into every container of a namespace that has a Service
 * named `weighlock` or `weighlock-...` ("service links"); they are not ours.
 */
function isServiceLink(variable: string): boolean {
  return variable.length <= MAX_SERVICE_LINK && SERVICE_LINK.test(variable);
}

/**
 * Gives each option that the command line left out its value from `WEIGHLOCK_<FLAG>`.
 *
 * @param others - options of other commands; a container may set them for all
 * @throws WeighlockError `CONFIG_INVALID` for an unknown `WEIGHLOCK_*`: a misspelt name must not
 * turn a check off
 */
export function addEnvironment(
  argv: string[],
  options: Record<string, Options>,
  environment: Environment,
  others: readonly string[] = [],
): string[] {
  const added: string[] = [];
  // Behind `--` are paths, even one that is called `--key`.
  const end = argv.indexOf('--');
  const before = end === -1 ? argv : argv.slice(0, end);
  const elsewhere = new Set(others.map(variableOf));
  const known = new Map(Object.keys(options).map((key) => [variableOf(key), key]));
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || isServiceLink(variable)) continue;
    const key = known.get(variable);
    if (key === undefined && elsewhere.has(variable)) continue;
    if (key === undefined) throw unknownVariable(variable, [...known.keys()]);
    if (isOfCommandLine(key, options)) throw notInVariable(key, variable);
    if (value === undefined || value === '') {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${variable} is set but empty`,
        remedy: 'give it a value, or remove it',
      });
    }
    const given = before.some((word) => word === `--${key}` || word.startsWith(`--${key}=`) || word === `--no-${key}`);
    if (given && OF_THE_PLATFORM.has(key) && !names(before, key, value)) throw twoPlatforms(key, variable);
    if (!given) added.push(`--${key}=${value}`);
  }
  return added;
}

/**
 * What no variable says: which share is looked at, what stands for bytes that are not read, what is
 * signed with a key of the platform's, and as what. Whoever writes the pod writes its variables;
 * the words of a verifier are the platform's.
 */
const OF_COMMAND_LINE = new Set([
  ...['part', 'run-id', 'verdict', 'verdict-key'],
  ...['receipts', 'receipt-key', 'verifier-image'],
]);

/**
 * True for an option that has no variable.
 *
 * @param options - of the command: of one that signs no verdict, `--verifier-image` only says which
 * images to look for
 */
export function isOfCommandLine(key: string, options: Readonly<Record<string, unknown>>): boolean {
  return OF_COMMAND_LINE.has(key) && options['verdict'] !== undefined;
}

function notInVariable(key: string, variable: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${variable} would decide what the platform settles: --${key} has no variable`,
    remedy: `remove it, and write --${key} on the command line where it is meant`,
  });
}

/**
 * Options that name the policies: which of two counts would be the choice of whoever writes the
 * pod.
 */
const OF_THE_PLATFORM = new Set(['policy', 'trust', 'policy-key', 'policy-signature', 'targets']);

function names(argv: readonly string[], key: string, value: string): boolean {
  return argv.some((word, i) => word === `--${key}=${value}` || (word === `--${key}` && argv[i + 1] === value));
}

function twoPlatforms(key: string, variable: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `--${key} and ${variable} say different things, and neither replaces the other`,
    remedy: 'set one of them',
  });
}

export function variableOf(key: string): string {
  return PREFIX + key.toUpperCase().replaceAll('-', '_');
}

function unknownVariable(variable: string, known: readonly string[]): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${variable} is not a setting of this version`,
    remedy: `remove it, or use one of ${known.join(', ')}`,
  });
}

/** One value of an option: given twice, or given without a value, is an error and not a guess. */
export function textOf(values: RawValues, key: string): string | undefined {
  const value = values[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw usage(`--${key} was given more than once`, 'give it once');
  if (value === '') throw usage(`--${key} has no value`, `write --${key}=VALUE`);
  return value;
}

export function choiceOf<T extends string>(values: RawValues, key: string, choices: readonly T[]): T {
  const text = textOf(values, key);
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw usage(`--${key} cannot be "${text}"`, `use one of: ${choices.join(', ')}`);
}

/** Values of an option that may be repeated. */
export function listOf(values: RawValues, key: string): readonly string[] {
  const value = values[key];
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/**
 * Names, none of which has a comma in it: a variable holds several. A name that is missing asks for
 * nothing, and is an error.
 */
export function namesOf(values: RawValues, key: string): readonly string[] {
  const names = listOf(values, key).flatMap((value) => value.split(','));
  if (names.some((name) => name.trim() === ''))
    throw usage(`--${key} has an empty name in its list`, 'write NAME,NAME without a comma at an end');
  return names;
}

export function flagOf(values: RawValues, key: string): boolean {
  const value = values[key];
  if (typeof value !== 'boolean') throw usage(`--${key} was given more than once`, 'give it once');
  return value;
}

export function countOf(values: RawValues, key: string, most: number): number | undefined {
  const text = textOf(values, key);
  if (text === undefined) return undefined;
  const count = /^[0-9]{1,12}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= most) return count;
  throw usage(`--${key} cannot be "${text}"`, `give a whole number from 1 to ${most}`);
}

/** Milliseconds; 0 for no limit. @throws WeighlockError `USAGE` */
export function durationOf(values: RawValues, key: string): number {
  const text = textOf(values, key) ?? '';
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  throw usage(`--${key} cannot be "${text}"`, 'write a duration such as 90s, 10m or 1h30m, or 0 for no limit');
}

const QUANTITY: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * Bytes in the notation of Kubernetes' quantities; undefined when the flag is not given.
 *
 * @param least - the smallest that makes sense
 */
export function quantityOf(values: RawValues, key: string, remedy: string, least = 1e6): number | undefined {
  const text = textOf(values, key);
  if (text === undefined) return undefined;
  const [, amount = '', unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text) ?? [];
  const bytes = Number(amount) * (QUANTITY[unit] ?? Number.NaN);
  if (amount !== '' && bytes >= least && bytes <= Number.MAX_SAFE_INTEGER) return Math.floor(bytes);
  throw usage(`--${key} cannot be "${text}"`, remedy);
}

/** Less than a piece per second looks like a storage that stands still. */
function rateOf(values: RawValues): number {
  return quantityOf(values, 'io-rate', 'give bytes per second, at least 1M: 200M, 512Mi, 1G') ?? 0;
}

/**
 * More threads than this only cost memory: storage and memory bandwidth are used up long before.
 */
const MAX_CONCURRENCY = 256;

/** More than any registry or storage gives one client. */
const MAX_CONNECTIONS = 64;

/** Each read in flight takes 128 KiB, and a thread of libuv's, of which there are 1024 at most. */
const MAX_IO_DEPTH = 512;

interface HashSettings {
  readonly hasher: Hasher;
  readonly concurrency: number;
  readonly limits: Limits;
  readonly storage?: StorageRules;
}

/** The options of `HASH_OPTIONS`, each of its type. */
export function hashSettings(values: RawValues): HashSettings {
  const linkRoot = textOf(values, 'link-root');
  const storage = storageRules({
    presets: namesOf(values, 'storage-preset'),
    omitPaths: listOf(values, 'omit-paths'),
    ...(linkRoot === undefined ? {} : { linkRoot }),
  });
  return {
    ...(storage === undefined ? {} : { storage }),
    hasher: choiceOf(values, 'hasher', HASHERS),
    concurrency:
      countOf(values, 'concurrency', MAX_CONCURRENCY) ?? Math.min(availableProcessors(), affordableThreads()),
    limits: {
      allowSymlinks: flagOf(values, 'allow-symlinks'),
      maxFiles: countOf(values, 'max-files', 100_000_000) ?? MAX_FILES,
      timeout: durationOf(values, 'timeout'),
      idleTimeout: durationOf(values, 'idle-timeout'),
      ioRate: rateOf(values),
      ioDepth: countOf(values, 'io-depth', MAX_IO_DEPTH) ?? 0,
    },
  };
}

const CREDENTIAL = ['registry-username', 'registry-password', 'registry-password-file', 'registry-token'];

function isOfVariable(values: RawValues, key: string, environment: Environment): boolean {
  return values[key] !== undefined && environment[variableOf(key)] === values[key];
}

/** True when no part of the credential is on the command line. */
function areOfVariables(values: RawValues, environment: Environment): boolean {
  return CREDENTIAL.every((key) => values[key] === undefined || isOfVariable(values, key, environment));
}

/** Which files of a store are wanted. */
export function patternsOf(values: RawValues): Patterns {
  return { include: namesOf(values, 'include'), exclude: namesOf(values, 'exclude') };
}

/** The options of `REMOTE_OPTIONS`; several values in one variable are separated by commas. */
export function remoteSettings(values: RawValues, environment: Environment): RemoteSettings {
  const words = [...listOf(values, 'sources'), ...listOf(values, 'source')];
  const variables = [environment['MODEL_SOURCE_URL'] ?? '', environment['DATASET_SOURCE_URL'] ?? ''];
  const registries = registriesOf([...words, ...variables]);
  const optional = <K extends string>(name: K, key: string): { [P in K]?: string } => {
    const text = textOf(values, key);
    return text === undefined ? {} : ({ [name]: text } as { [P in K]?: string });
  };
  const credential = {
    ...optional('username', 'registry-username'),
    ...optional('password', 'registry-password'),
    ...optional('passwordFile', 'registry-password-file'),
    ...optional('token', 'registry-token'),
  };
  const held = Object.values(environment).map((value) => (value ?? '').toLowerCase());
  const given = givenCredential(credential, {
    ...optional('server', 'registry-server'),
    isServerOfOthers: isOfVariable(values, 'registry-server', environment) && !areOfVariables(values, environment),
    registries,
    // Kubernetes puts variables into words too: `$(MODEL_SOURCE_URL)`.
    written: registriesOf(words.filter((word) => !held.includes(word.toLowerCase()))).filter(
      (registry) => !held.some((value) => value.includes(registry.toLowerCase())),
    ),
  });
  const flags = {
    configs: namesOf(values, 'registry-config'),
    caFiles: namesOf(values, 'registry-cacert'),
    plainHttp: [...namesOf(values, 'plain-http'), ...(flagOf(values, 'allow-http-registry') ? registries : [])],
    mirrors: namesOf(values, 'mirror'),
    responseTimeout: durationOf(values, 'response-timeout'),
    connections: countOf(values, 'connections', MAX_CONNECTIONS) ?? affordableConnections(),
    ...(given === undefined ? {} : { given }),
  };
  const maxBytes = quantityOf(values, 'max-bytes', 'give bytes: 500M, 200G, 1Ti', 1);
  return {
    registry: registrySettings(flags, environment),
    // Only what a hub or bucket is fetched with needs to look at its variables.
    get stores() {
      return storeSettings(environment);
    },
    platform: parsePlatform(textOf(values, 'platform')),
    allowUnknownLayers: flagOf(values, 'allow-unknown-layers'),
    replace: flagOf(values, 'replace'),
    unpack: flagOf(values, 'unpack'),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

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

/** What the command line asks of verdicts of others. */
export function verdictFlags(values: RawValues): VerdictFlags {
  const verifier = textOf(values, 'verifier-id');
  const policy = textOf(values, 'verdict-policy');
  return {
    files: listOf(values, 'accept-verdict'),
    keys: namesOf(values, 'verifier-key'),
    terms: {
      ...(verifier === undefined ? {} : { verifier }),
      ...(policy === undefined ? {} : { policy: parsePin(policy, '--verdict-policy') }),
      ...(values['verdict-max-age'] === undefined ? {} : { maxAge: durationOf(values, 'verdict-max-age') }),
    },
  };
}

/** `--part I/N`: which of how many, and the run that they are of. */
export function partOf(values: RawValues): { readonly index: number; readonly of: number } | undefined {
  const text = textOf(values, 'part');
  if (text === undefined) return undefined;
  const [, first = '', second = ''] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  const [index, of] = [Number(first), Number(second)];
  if (second !== '' && of >= 1 && of <= MOST_PARTS && index < of) return { index, of };
  throw usage(`--part cannot be "${text}"`, `write I/N, with I from 0 to N - 1, and N from 1 to ${MOST_PARTS}`);
}

/**
 * What a uid, a date or the number of a pipeline is made of; no `$(RUN_ID)` that nobody filled in.
 */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;

/**
 * `--run-id`: without one, parts of an earlier run would pass for parts of this.
 *
 * @throws WeighlockError `CONFIG_INVALID` where there is a part and no run, or one that names none
 */
export function runIdOf(values: RawValues): string {
  const run = textOf(values, 'run-id');
  if (run === undefined ? values['part'] === undefined : RUN_ID.test(run)) return run ?? '';
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: run === undefined ? '--part was given without --run-id' : `--run-id cannot be "${run}"`,
    expected: 'at most 128 of A-Z a-z 0-9 . _ : / -, the same for all parts of one run, and for no other run',
    found: run ?? 'none',
    remedy: 'give the uid of the Job: --run-id=$(RUN_ID), as in examples/indexed-job',
  });
}

/** What the command line says about strictness, if anything. */
export function strictnessOf(values: RawValues): { mode?: Mode; failurePolicy?: FailurePolicy } {
  return {
    ...(values['mode'] === undefined ? {} : { mode: choiceOf(values, 'mode', MODES) }),
    ...(values['failure-policy'] === undefined
      ? {}
      : { failurePolicy: choiceOf(values, 'failure-policy', FAILURE_POLICIES) }),
  };
}

/** Where the platform's policies are. */
export function policyFlags(values: RawValues): PolicyFlags {
  const folder = textOf(values, 'trust');
  const key = textOf(values, 'policy-key');
  return {
    files: namesOf(values, 'policy'),
    signatures: namesOf(values, 'policy-signature'),
    ...(folder === undefined ? {} : { folder }),
    ...(key === undefined ? {} : { key }),
  };
}

/**
 * `--targets`: absolute paths in their shortest form, so that each is there once and is what a
 * policy calls it.
 */
export function targetsOf(values: RawValues): readonly string[] {
  const written = textOf(values, 'targets')?.split(':') ?? [];
  const paths = written.map((path) => (path.startsWith('/') ? resolve(path) : path));
  for (const [i, path] of paths.entries()) {
    if (!path.startsWith('/')) throw usage(`--targets: "${path}" is no absolute path`, 'separate paths by one colon');
    if (written[i]?.split('/').includes('..') === true)
      throw usage(`--targets: "${written[i]}" has a ".."`, 'write it without');
    if (paths.indexOf(path) !== i) throw usage(`--targets: ${path} is listed twice`, 'list each once');
  }
  return paths;
}
