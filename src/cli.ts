import { existsSync } from 'node:fs';
import yargs, { type Options, type PositionalOptions } from 'yargs';
import {
  addEnvironment,
  attest,
  type Context,
  digest,
  type Finished,
  fromContainerd,
  HASH_OPTIONS,
  IMAGE_VERIFIER_OPTIONS,
  INJECT_OPTIONS,
  INSPECT_OPTIONS,
  imageVerifier,
  inject,
  inspect,
  keygen,
  MERGE_OPTIONS,
  PODS_OPTIONS,
  parseWords,
  pods,
  policy,
  REMOTE_OPTIONS,
  REPORT_OPTIONS,
  report,
  requireNoSubstitution,
  SIGN_PART_OPTIONS,
  sign,
  usage,
  VERIFY_OPTIONS,
  verdict,
  verify,
  WATCH_OPTIONS,
  watch,
} from './commands/index.ts';
import { EXIT } from './error/index.ts';
import type { Environment } from './plan/index.ts';
import { TERMINATION_LOG } from './report/index.ts';
import { VERSION } from './version.ts';
import { ROUND_COMMAND } from './watch/index.ts';

type Handler = (values: Readonly<Record<string, unknown>>, context: Context) => Promise<Finished>;

/** What stands behind the name of a command, without a hyphen in front. */
interface Positional {
  readonly name: string;
  readonly array?: boolean;
  readonly required?: boolean;
  readonly choices?: readonly string[];
}

export interface Command {
  /** What it does, in a few words. */
  readonly summary: string;
  readonly takes?: readonly Positional[];
  readonly options: Record<string, Options>;
  readonly handler: Handler;
  /** The words that are no options, by name. */
  readonly positionals: (words: readonly string[]) => Record<string, unknown>;
  /** Words as another program writes them, in our form. */
  readonly translate?: (words: readonly string[]) => readonly string[];
}

/** Who signs, by cosign's names. */
const SIGNER_OPTIONS = {
  key: { type: 'string', describe: 'private key (PEM, or of cosign); its password is in COSIGN_PASSWORD' },
  'identity-token': {
    type: 'string',
    describe: 'OIDC token, or a file with it [SIGSTORE_ID_TOKEN, or that of the CI]',
  },
  'fulcio-url': { type: 'string', default: 'https://fulcio.sigstore.dev', describe: 'who issues certificates' },
  'rekor-url': { type: 'string', default: 'https://rekor.sigstore.dev', describe: 'transparency log' },
  'timestamp-server-url': { type: 'string', describe: 'RFC 3161 authority to ask for a timestamp too' },
} as const satisfies Record<string, Options>;

const SOURCES: readonly Positional[] = [{ name: 'sources', array: true }];
const ONE_SOURCE: readonly Positional[] = [{ name: 'source', required: true }];

/**
 * Every command; the help, the reference pages, the man page and the completions are made from this
 * table.
 */
export const COMMANDS: Readonly<Record<string, Command>> = {
  verify: {
    summary: 'verify files and folders (or copies of them: URL DEST)',
    takes: SOURCES,
    options: VERIFY_OPTIONS,
    handler: verify,
    positionals: (sources) => ({ sources }),
  },
  watch: {
    summary: 'verify again and again beside the workload, and answer probes',
    takes: SOURCES,
    options: WATCH_OPTIONS,
    handler: watch,
    positionals: (sources) => ({ sources }),
  },
  digest: {
    summary: 'print the value to pin: SHA-256 of a file, tree digest of a folder',
    takes: ONE_SOURCE,
    options: {
      list: { type: 'boolean', default: false, describe: 'print the sha256sum listing instead' },
      ...HASH_OPTIONS,
      ...REMOTE_OPTIONS,
    },
    handler: digest,
    positionals: oneSource('digest'),
  },
  inspect: {
    summary: 'show what is in a model by its headers: formats, tensors, licence, who claims to have signed',
    takes: ONE_SOURCE,
    options: INSPECT_OPTIONS,
    handler: inspect,
    positionals: oneSource('inspect'),
  },
  sign: {
    summary: 'sign a file or folder: an OpenSSF Model Signing bundle',
    takes: SOURCES,
    options: {
      ...SIGNER_OPTIONS,
      'shard-size': {
        type: 'string',
        describe: 'sign shards of so many bytes, e.g. 1G, which all threads verify at once',
      },
      'ignore-paths': { type: 'string', array: true, nargs: 1, describe: 'file or folder that is not signed' },
      'ignore-git-paths': {
        type: 'boolean',
        default: false,
        describe: 'leave out .git, .github, .gitattributes and .gitignore',
      },
      signature: { type: 'string', describe: 'file to write [default: PATH/model.sig, or FILE.sigstore.json]' },
      ...SIGN_PART_OPTIONS,
      ...HASH_OPTIONS,
    },
    handler: sign,
    positionals: (sources) => ({ sources }),
  },
  attest: {
    summary: 'sign what is said of a file or folder: an in-toto attestation',
    takes: ONE_SOURCE,
    options: {
      ...SIGNER_OPTIONS,
      predicate: { type: 'string', describe: 'file with what is said of it: a JSON object' },
      type: {
        type: 'string',
        describe: 'what kind of predicate that is: a URI, or a name of cosign (slsaprovenance1)',
      },
      'ignore-paths': { type: 'string', array: true, nargs: 1, describe: 'file or folder that is no part of it' },
      signature: { type: 'string', describe: 'file to write [default: PATH.TYPE.sigstore.json]' },
      ...HASH_OPTIONS,
    },
    handler: attest,
    positionals: oneSource('attest'),
  },
  verdict: {
    summary: 'merge the verdicts on the parts of one verification',
    takes: [
      { name: 'action', choices: ['merge'], required: true },
      { name: 'files', array: true },
    ],
    options: MERGE_OPTIONS,
    handler: verdict,
    positionals: ([action, ...files]) => ({ action, files }),
  },
  inject: {
    summary: 'put the verifier into the pods of manifests',
    options: INJECT_OPTIONS,
    handler: inject,
    positionals: noWords('inject'),
  },
  'image-verifier': {
    summary: 'say to containerd whether an image may be pulled',
    options: IMAGE_VERIFIER_OPTIONS,
    handler: imageVerifier,
    positionals: noWords('image-verifier'),
    translate: fromContainerd,
  },
  pods: {
    summary: 'verdicts of the pods in a cluster (also: kubectl weighlock)',
    options: PODS_OPTIONS,
    handler: pods,
    positionals: noWords('pods'),
  },
  report: {
    summary: 'what verifiers in a cluster said, as PolicyReports and events',
    options: REPORT_OPTIONS,
    handler: report,
    positionals: noWords('report'),
  },
  policy: {
    summary: 'check policies, or explain them in words',
    takes: [
      { name: 'action', required: true, choices: ['check', 'explain'] },
      { name: 'files', array: true },
    ],
    options: {},
    handler: policy,
    positionals: ([action, ...files]) => ({ action, files }),
  },
  keygen: {
    summary: 'make a key pair to sign with',
    options: { output: { type: 'string', describe: 'prefix of the two files [default: weighlock]' } },
    handler: keygen,
    positionals: noWords('keygen'),
  },
};

const EPILOGUE = `Each option has an environment form, WEIGHLOCK_<OPTION>. SOURCE DEST without a command is verified, as KServe
starts its storage-initializer. Without arguments, verify checks what MODEL_PATH, MODEL_SHA256, MODEL_SOURCE_URL,
DATASET_PATH, DATASET_SHA256 and DATASET_SOURCE_URL say.

Exit codes: 0 verified, 65 verification failed, 75 could not be evaluated, 78 configuration error, 64 usage, 70 internal.`;

/**
 * Runs one command line.
 *
 * @param words - the arguments, without node and script
 * @throws WeighlockError for everything that is wrong before a run begins
 */
export async function runCommandLine(words: readonly string[], context: Context): Promise<Finished> {
  const [first = '', ...rest] = isPlace(words[0]) ? ['verify', ...words] : words;
  if ((first === '--help' || first === '--version') && rest.length === 0) return printHelp(words, context);
  const name = first === ROUND_COMMAND ? 'verify' : first;
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (named === undefined)
    throw usage(first === '' ? 'no command was given' : `${first} is no command`, 'see: weighlock --help');
  requireNoSubstitution(rest, context.environment);
  if (rest.length === 1 && rest[0] === '--help') {
    await printHelp(words, context);
    return { exitCode: isGate(name, context.environment) ? EXIT.usage : EXIT.verified };
  }
  return named.handler(parseOptions(rest, named, context), context);
}

/**
 * True where a source stands in the place of a command: an image is put in the place of KServe's
 * storage-initializer, which is started with a source and a destination alone.
 */
function isPlace(word: string | undefined): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|\/)/i.test(word ?? '');
}

/** Variables that a person who asks for help does not have. */
const OF_A_POD = /^(KUBERNETES_|MODEL_|DATASET_|WEIGHLOCK_)/;

/**
 * True where an init container asks `verify` for help instead of a verdict:
 * `args: [verify, $(MODEL_PATH)]` with `--help` for a path must not let the pod start.
 */
function isGate(command: string, environment: Environment): boolean {
  if (command !== 'verify' && command !== 'watch') return false;
  return Object.keys(environment).some((name) => OF_A_POD.test(name)) || existsSync(TERMINATION_LOG);
}

async function printHelp(words: readonly string[], { out }: Context): Promise<Finished> {
  await out.writeAll(`${await helpText(words)}\n`);
  return { exitCode: EXIT.verified };
}

/** The help or version text that is asked for. */
async function helpText(words: readonly string[]): Promise<string> {
  let printed = '';
  const parser = yargs()
    .scriptName('weighlock')
    .usage(
      '$0 <command>\n\nKeeps a pod from starting when its model or dataset is not the one that was signed or pinned.',
    )
    .demandCommand(1, 1, 'no command was given', 'more than one command was given')
    .strict()
    .parserConfiguration(PARSER)
    .version(VERSION)
    .locale('en')
    .detectLocale(false)
    .epilogue(EPILOGUE)
    .exitProcess(false)
    .fail((message, error) => {
      throw usage(message ?? error?.message ?? 'bad command line', 'see: weighlock --help');
    });
  for (const [name, { summary, takes = [], options }] of Object.entries(COMMANDS)) {
    const positionals = takes.map((one) => (one.required ? `<${one.name}>` : `[${one.name}${one.array ? '..' : ''}]`));
    parser.command([name, ...positionals].join(' '), summary, (y) =>
      takes.reduce((z, one) => z.positional(one.name, shapeOf(one)), y).options(options),
    );
  }
  await parser.parseAsync([...words], {}, (_error, _values, output) => {
    printed = output;
  });
  return printed;
}

function shapeOf({ array, required, choices }: Positional): PositionalOptions {
  return {
    type: 'string',
    ...(array ? { array } : {}),
    ...(required ? { demandOption: true } : {}),
    ...(choices === undefined ? {} : { choices }),
  };
}

/**
 * Reads a command line and runs nothing.
 *
 * @throws WeighlockError `USAGE`, `CONFIG_INVALID`
 */
export function parseCommandLine(
  [name = '', ...rest]: readonly string[],
  context: Pick<Context, 'environment'>,
): Record<string, unknown> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`${name} is no command`, 'see: weighlock --help');
  return parseOptions(rest, command, context);
}

/**
 * The values of a command: what the words behind it say, and the environment where they say
 * nothing.
 */
function parseOptions(
  given: readonly string[],
  command: Command,
  { environment }: Pick<Context, 'environment'>,
): Record<string, unknown> {
  const words = command.translate?.(given) ?? given;
  const others = Object.values(COMMANDS).flatMap(({ options }) => Object.keys(options));
  const added = addEnvironment([...words], command.options, environment, others);
  // In front of the words, so that a lone `--` there does not turn them into sources.
  const { values, positionals } = parseWords([...added, ...words], command.options);
  return { ...values, ...command.positionals(positionals) };
}

/** Numbers and dots in a path are part of its name. */
const PARSER = { 'parse-numbers': false, 'parse-positional-numbers': false, 'dot-notation': false } as const;

function noWords(command: string): (words: readonly string[]) => Record<string, never> {
  return (words) => {
    if (words.length > 0) throw usage(`${command} takes no arguments`, `see: weighlock ${command} --help`);
    return {};
  };
}

function oneSource(command: string): (words: readonly string[]) => { source: string } {
  return (words) => {
    const [source, ...more] = words;
    if (source === undefined || more.length > 0)
      throw usage(`${command} takes one source, not ${words.length}`, `see: weighlock ${command} --help`);
    return { source };
  };
}
