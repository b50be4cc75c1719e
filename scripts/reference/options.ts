import type { Options } from 'yargs';
import { COMMANDS, type Command } from '../../src/cli.ts';

/** One option of a command, as people read it. */
export interface Row {
  readonly name: string;
  /** What stands behind it: nothing, or a value. */
  readonly value: string;
  readonly isRepeatable: boolean;
  readonly isBoolean: boolean;
  /** One letter, without the hyphen. */
  readonly short?: string;
  /** What it has where nothing is said. */
  readonly usual?: string;
  readonly describe: string;
}

export interface Documented {
  readonly name: string;
  /** `verify [SOURCE...]` */
  readonly synopsis: string;
  readonly summary: string;
  /** The only values of the first word, where there are few. */
  readonly words: readonly string[];
  readonly options: readonly Row[];
}

/** Every command that people give, in the order of the help. */
export function documented(): Documented[] {
  return Object.entries(COMMANDS).map(([name, command]) => ({
    name,
    synopsis: [name, ...wordsOf(command)].join(' '),
    summary: command.summary,
    words: command.takes?.[0]?.choices ?? [],
    options: Object.entries(command.options).map(([key, option]) => row(key, option)),
  }));
}

function wordsOf({ takes = [] }: Command): string[] {
  return takes.map(({ name, array, required, choices }) => {
    const word = choices?.join('|') ?? name.toUpperCase().replace(/S$/, array ? '' : 'S');
    return required ? word : `[${word}${array ? '...' : ''}]`;
  });
}

/** A default is told once: in the description, or in a column of its own. */
const IN_TEXT = / ?\[default: ([^\]]*)\]$/;

function row(name: string, { type, array, alias, default: usual, describe = '' }: Options): Row {
  const isBoolean = type === 'boolean';
  const told = IN_TEXT.exec(describe)?.[1] ?? (usual === undefined || isBoolean ? undefined : String(usual));
  return {
    name,
    value: isBoolean ? '' : 'VALUE',
    isRepeatable: array === true,
    isBoolean,
    ...(typeof alias === 'string' ? { short: alias } : {}),
    ...(told === undefined ? {} : { usual: told }),
    describe: describe.replace(IN_TEXT, ''),
  };
}
