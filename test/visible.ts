import { readdirSync } from 'node:fs';

/**
 * Names in a folder, without the marks beside what was published; a staging folder that was left
 * behind shows.
 */
export function visible(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !/^\.weighlock-.+\.json$/.test(name))
    .sort();
}
