// The reference pages, the manual page and the shell completions, made from the code.
//   npm run reference             writes them
//   scripts/make-reference.ts --check    ends with 1 and names those that are not current
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bash, fish, zsh } from './reference/completions.ts';
import { man } from './reference/man.ts';
import { metrics } from './reference/metrics.ts';
import { commandLine, errorCodes, exitCodes, variables } from './reference/pages.ts';
import { policy } from './reference/policy.ts';

/** What is made, by its path in the checkout. */
export const MADE: Readonly<Record<string, () => string>> = {
  'docs/reference/command-line.md': commandLine,
  'docs/reference/variables.md': variables,
  'docs/reference/exit-codes.md': exitCodes,
  'docs/reference/error-codes.md': errorCodes,
  'docs/reference/policy.md': policy,
  'docs/reference/metrics.md': metrics,
  'share/man/man1/weighlock.1': man,
  'share/completions/weighlock.bash': bash,
  'share/completions/_weighlock': zsh,
  'share/completions/weighlock.fish': fish,
};

const placeOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Paths of what is not as the code says. */
export function outdated(): string[] {
  return Object.entries(MADE).flatMap(([path, make]) => (read(path) === make() ? [] : [path]));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(placeOf(path), 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  if (process.argv[2] === '--check') {
    const paths = outdated();
    if (paths.length > 0) console.error(`not as the code says, run: npm run reference\n${paths.join('\n')}`);
    process.exitCode = paths.length > 0 ? 1 : 0;
  } else {
    for (const [path, make] of Object.entries(MADE)) {
      mkdirSync(dirname(placeOf(path)), { recursive: true });
      writeFileSync(placeOf(path), make());
    }
  }
}
