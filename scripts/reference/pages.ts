import { isOfCommandLine } from '../../src/commands/index.ts';
import { EXIT, EXIT_CODE_OF } from '../../src/error/index.ts';
import { CODES, EXITS } from './codes.ts';
import { cell, page } from './markdown.ts';
import { documented, type Row } from './options.ts';

/** Every command with its options. */
export function commandLine(): string {
  const sections = documented().map(({ synopsis, summary, options }) => {
    const rows = options.map((one) => `| ${flag(one)} | ${cell(one.describe)} | ${cell(one.usual ?? '')} |`);
    const table = rows.length === 0 ? [] : ['', '| option | | default |', '|---|---|---|', ...rows];
    return [`## weighlock ${synopsis}`, '', `${capital(summary)}.`, ...table].join('\n');
  });
  return page('Command line', [
    'An option is written out in full, as `--name VALUE` or `--name=VALUE`; one that may be repeated says so. What begins',
    'with a hyphen and is a path stands behind `--`. A name that is not here is an error, and so is an empty value.',
    '',
    ...sections.flatMap((section) => [section, '']),
  ]);
}

function flag({ name, value, short, isRepeatable, usual }: Row): string {
  const negated = value === '' && usual === 'true' ? 'no-' : '';
  const words = `\`--${negated}${name}${value === '' ? '' : ` ${value}`}\``;
  return `${words}${short === undefined ? '' : `, \`-${short}\``}${isRepeatable ? ', may be repeated' : ''}`;
}

/** Every variable of the environment that means something. */
export function variables(): string {
  const commands = new Map<string, string[]>();
  const meanings = new Map<string, string>();
  for (const { name, options } of documented())
    for (const option of options) {
      if (isOfCommandLine(option.name, Object.fromEntries(options.map((one) => [one.name, one])))) continue;
      const variable = `WEIGHLOCK_${option.name.toUpperCase().replaceAll('-', '_')}`;
      commands.set(variable, [...(commands.get(variable) ?? []), name]);
      meanings.set(variable, meanings.has(variable) ? (meanings.get(variable) ?? '') : option.describe);
    }
  const rows = [...meanings].map(
    ([name, what]) => `| \`${name}\` | ${cell(what)} | ${commands.get(name)?.join(', ')} |`,
  );
  return page('Variables', [
    'Each option has a variable. One that is set but empty, or that is called `WEIGHLOCK_` and something else, is an error;',
    'where the command line says it too, the command line counts, but of what the platform settles (policies, targets) two',
    'that differ are an error. A variable never takes away what a policy asks for.',
    '',
    'The command line alone says, of `verify`, `watch` and `verdict`: `--part`, `--run-id`, `--verdict`, `--verdict-key`,',
    '`--receipts`, `--receipt-key`, `--verifier-image`. A variable for one of them ends the run with 78.',
    '',
    '## What a pod carries',
    '',
    '| variable | |',
    '|---|---|',
    '| `MODEL_PATH`, `DATASET_PATH` | the file or folder to verify, or to put a copy at |',
    '| `MODEL_SHA256`, `DATASET_SHA256` | its pin, 64 lower-case hexadecimal digits: of a file, or the tree digest |',
    '| `MODEL_SOURCE_URL`, `DATASET_SOURCE_URL` | where it is fetched from when the path is absent |',
    '| `MODEL_SIGNATURE`, `DATASET_SIGNATURE` | a file with a signature; whose counts is not said here |',
    '| `COSIGN_PASSWORD` | of the private key, for `sign` and its like |',
    '| `SIGSTORE_ID_TOKEN` | the OIDC token that signs where there is no key |',
    '| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` | proxies; `NO_PROXY` takes CIDR ranges too |',
    '| `KUBECONFIG`, `NO_COLOR` | as everywhere |',
    '',
    'What becomes of every other one: [environment.md](../environment.md).',
    '',
    '## One for each option',
    '',
    '| variable | | commands |',
    '|---|---|---|',
    ...rows,
  ]);
}

/** What the process ends with. */
export function exitCodes(): string {
  const rows = Object.entries(EXIT).map(([name, code]) => {
    const { means, restart } = EXITS[name as keyof typeof EXIT];
    const codes = Object.entries(EXIT_CODE_OF).filter(([, exit]) => exit === code);
    return `| ${code} | ${means} | ${restart} | ${codes.map(([one]) => `\`${one}\``).join(', ')} |`;
  });
  return page('Exit codes', [
    "They are those of sysexits.h: none is one of Node's, of a shell or of a signal, and the `podFailurePolicy` of a Job can",
    'tell them apart. Anything but 0 keeps the pod from starting.',
    '',
    '| code | means | a restart | [error codes](error-codes.md) |',
    '|---|---|---|---|',
    ...rows,
  ]);
}

/** What each refusal is called, and what to do. */
export function errorCodes(): string {
  const rows = Object.entries(EXIT_CODE_OF).map(([code, exit]) => {
    const { means, next } = CODES[code as keyof typeof EXIT_CODE_OF];
    return `| \`${code}\` | ${exit} | ${cell(means)} | ${cell(next)} |`;
  });
  return page('Error codes', [
    'Each refusal names one of these, with the artifact, the file, what was expected, what was found and what to do next.',
    'A code that content can cause is never 75, which `failurePolicy: Ignore` lets pass.',
    '',
    '| code | exit | means | do next |',
    '|---|---|---|---|',
    ...rows,
  ]);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
