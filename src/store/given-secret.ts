import { WeighlockError } from '../error/index.ts';

/**
 * A secret of the environment that is to stand in a header or an address.
 *
 * @throws WeighlockError `CONFIG_INVALID` where it cannot: a file with a line too many, a value
 * that was cut
 */
export function givenSecret(variable: string, text: string): string {
  if (/^[\x21-\x7e]{1,65536}$/.test(text)) return text;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${variable} has a space, a line break or another character that none of them has`,
    remedy: 'give the secret alone, as it was issued',
  });
}
