import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One page for people. */
export interface Page {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
}

/** Every page of the checkout that is written for people. */
export function pages(): Page[] {
  const files = globSync(['*.md', '{docs,examples,charts,image}/**/*.md'], { cwd: ROOT });
  return files.sort().map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') }));
}

/** The blocks of a page in one of these languages. */
export function blocksOf(text: string, ...languages: readonly string[]): string[] {
  const blocks = [...text.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)];
  return blocks.filter(([, , language = '']) => languages.includes(language)).map(([, , , block = '']) => block);
}

/** What stands between single backticks. */
export function inlineCode(text: string): string[] {
  return [...text.replaceAll(/^( *)```.*?^\1```$/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}
