import { EXIT } from '../../src/error/index.ts';
import { EXITS } from './codes.ts';
import { documented, type Row } from './options.ts';

/** The manual page, in man(7)'s macros. */
export function man(): string {
  const commands = documented().flatMap(({ synopsis, summary, options }) => [
    `.SS weighlock ${text(synopsis)}`,
    `${sentence(summary)}`,
    ...options.flatMap(entry),
  ]);
  const exits = Object.entries(EXIT).flatMap(([name, code]) => [
    '.TP',
    `.B ${code}`,
    text(EXITS[name as keyof typeof EXIT].means),
  ]);
  return `${[
    '.\\" Made by `npm run reference`.',
    '.TH WEIGHLOCK 1',
    '.SH NAME',
    'weighlock \\- keeps a pod from starting when its model or dataset is not the one that was signed or pinned',
    '.SH SYNOPSIS',
    ...documented().flatMap(({ synopsis }) => [`.B weighlock ${text(synopsis)}`, '.RI [ OPTIONS ]', '.br']),
    '.SH COMMANDS',
    ...commands,
    '.SH ENVIRONMENT',
    'Each option has a variable: WEIGHLOCK_ and its name in capitals. Without arguments,',
    '.B verify',
    'checks what MODEL_PATH, MODEL_SHA256, MODEL_SOURCE_URL, DATASET_PATH, DATASET_SHA256 and DATASET_SOURCE_URL say.',
    '.SH EXIT STATUS',
    ...exits,
  ].join('\n')}\n`;
}

function entry({ name, short, value, isRepeatable, describe, usual }: Row): string[] {
  const letter = short === undefined ? '' : `, \\-${short}`;
  const tail = usual === undefined ? '' : ` [default: ${usual}]`;
  const repeat = isRepeatable ? ' May be repeated.' : '';
  const head = `.B \\-\\-${text(name)}${letter}${value === '' ? '' : ` ${value}`}`;
  return ['.TP', head, `${sentence(`${describe}${tail}`)}${repeat}`];
}

function sentence(words: string): string {
  return text(`${words.charAt(0).toUpperCase()}${words.slice(1)}.`);
}

/** A line of text: hyphens that are typed, no escapes, and no macro at its beginning. */
function text(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^[.']/, (first) => `\\&${first}`);
}
