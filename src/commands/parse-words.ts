import { parseArgs } from 'node:util';
import type { Options } from 'yargs';
import type { Environment } from '../plan/index.ts';
import { fromCosign } from './cosign-flags.ts';
import type { RawValues } from './option-values.ts';
import { usage } from './usage.ts';

/** What stands behind a command. */
export interface ParsedWords {
  readonly values: RawValues;
  /** The words that are no options, and everything behind `--`. */
  readonly positionals: readonly string[];
}

/**
 * Parses the words behind a command. Nothing is guessed: an option is written out in full, has its
 * value, and is known; there are no abbreviations, no camel case, no options that a library adds
 * (yargs has `--get-yargs-completions`). What is given twice becomes an array, which is an error
 * unless the option is a list.
 *
 * @throws WeighlockError `USAGE`
 */
export function parseWords(words: readonly string[], options: Readonly<Record<string, Options>>): ParsedWords {
  const found = new Map<string, (string | boolean)[]>();
  const positionals: string[] = [];
  const { tokens } = parseArgs({
    args: words.flatMap((word, i) => (words.slice(0, i).includes('--') ? [word] : fromCosign(word, options))),
    options: Object.fromEntries(Object.entries(options).map(([name, option]) => [name, shapeOf(option)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const [name, value] = optionOf(token, options);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  const entries = Object.entries(options).flatMap(([name, { array, default: usual }]) => {
    const given = found.get(name);
    if (given === undefined) return usual === undefined ? [] : [[name, usual]];
    return [[name, array === true || given.length > 1 ? given : given[0]]];
  });
  return { values: Object.fromEntries(entries) as RawValues, positionals };
}

function shapeOf({ type, alias }: Options): { type: 'boolean' | 'string'; short?: string } {
  return { type: type === 'boolean' ? 'boolean' : 'string', ...(typeof alias === 'string' ? { short: alias } : {}) };
}

function optionOf(
  token: { name: string; rawName: string; value: string | undefined; inlineValue: boolean | undefined },
  options: Readonly<Record<string, Options>>,
): [string, string | boolean] {
  const { name, rawName, value, inlineValue } = token;
  const negated = name.replace(/^no-/, '');
  if (!Object.hasOwn(options, name)) {
    if (name !== negated && value === undefined && Object.hasOwn(options, negated))
      if (options[negated]?.type === 'boolean') return [negated, false];
    throw usage(`Unknown argument: ${rawName}`, 'see --help; a path that begins with a hyphen stands behind --');
  }
  if (options[name]?.type === 'boolean') {
    if (value === undefined || value === 'true') return [name, true];
    if (value === 'false') return [name, false];
    throw usage(`${rawName} cannot be "${value}"`, 'write true or false');
  }
  // `--key --mode=Audit`: a value was forgotten, or the next word is to disappear.
  if (value === undefined || (inlineValue !== true && /^-./.test(value)))
    throw usage(`${rawName} has no value`, `write ${rawName}=VALUE`);
  // What a template leaves behind where a value is missing; as a list of nothing it would ask for
  // nothing.
  if (value === '') throw usage(`${rawName} has an empty value`, `write ${rawName}=VALUE, or leave it out`);
  return [name, value];
}

/** Where a value begins like an option. */
const LIKE_OPTION = /^--?[a-zA-Z]/;

/**
 * Kubernetes puts `$(NAME)` into arguments before we see them, so `args: [verify, $(MODEL_PATH)]`
 * would make an option of whatever the pod's author wrote into that variable. An option that begins
 * with the value of a variable is refused.
 *
 * @throws WeighlockError `USAGE`
 */
export function requireNoSubstitution(words: readonly string[], environment: Environment): void {
  const end = words.indexOf('--');
  const asOptions = (end === -1 ? words : words.slice(0, end + 1)).filter((word) => word.startsWith('-'));
  if (asOptions.length === 0) return;
  const values = Object.values(environment);
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !value.startsWith('-')) continue;
    const word = asOptions.find((one) => isMadeOf(one, value, values));
    if (word === undefined) continue;
    throw usage(
      `the option ${word} is what the variable ${name} holds`,
      'a variable holds a value: put -- in front of $(NAME) in args, or set the option by its own WEIGHLOCK_* variable',
    );
  }
}

/**
 * True for the value of a variable, with anything behind it; hyphens alone make an option of what
 * other variables hold.
 */
function isMadeOf(word: string, value: string, others: readonly (string | undefined)[]): boolean {
  if (!word.startsWith(value)) return false;
  if (LIKE_OPTION.test(value)) return true;
  const rest = word.slice(value.length);
  // `$(NAME)` that is `--` makes paths of all options behind it.
  return rest === '' || others.some((other) => other !== undefined && other.length > 1 && rest.startsWith(other));
}
