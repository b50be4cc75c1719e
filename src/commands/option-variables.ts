// The environment forms of options: WEIGHLOCK_<OPTION>.
import type { Options } from 'yargs';
import { WeighlockError } from '../error/index.ts';
import type { Environment } from '../plan/index.ts';

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
    if (given && OF_THE_PLATFORM.has(key) && !isSame(before, key, value)) throw twoPlatforms(key, variable);
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

function isSame(argv: readonly string[], key: string, value: string): boolean {
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
