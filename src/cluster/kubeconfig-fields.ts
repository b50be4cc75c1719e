import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of what has to be a mapping; none of what is not there. */
export function fieldsOf(value: unknown, where: string): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidField(`${where}: a mapping was expected`);
  return value as Fields;
}

/** @returns undefined for a text that is not there, or empty */
export function textIn(fields: Fields, key: string): string | undefined {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw invalidField(`${key} is no text`);
  return value;
}

/**
 * What stands in `KEY-data` in base64, or in the file that `KEY` names; the first wins, as with
 * kubectl.
 */
export function dataIn(fields: Fields, key: string, folder: string): Buffer | undefined {
  const data = textIn(fields, `${key}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = textIn(fields, key);
  return file === undefined ? undefined : readNamed(resolve(folder, file));
}

export function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw invalidField(`${file} cannot be read: ${errno(error) ?? 'unknown error'}`);
  }
}

export function invalidField(message: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message: `the kubeconfig: ${message}` });
}
