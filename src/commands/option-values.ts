// Values of options, each of its type.
import { parseDuration } from '../plan/index.ts';
import { usage } from './usage.ts';

/** Values as they come from the command line: whatever a person can type. */
export type RawValues = Readonly<Record<string, unknown>>;

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
