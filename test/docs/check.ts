import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS, parseCommandLine } from '../../src/cli.ts';
import { ROOT } from './pages.ts';
import type { ShellCommand } from './shell.ts';

/** Programs that are not ours, and that the pages name. */
const OTHERS = new Set(
  `actionlint ansible apt-get argo argocd buildah cat cd chmod chown containerd cosign cp crane ctr curl diff docker echo export find flux gh git gpg
  grep head helm jq kubectl kyverno ln ls mkdir model_signing mount mv npx openssl oras pip podman python python3 ray rm rsync sed
  sha256sum skopeo sort source sudo systemctl tar tee test vllm wget xargs`.split(/\s+/),
);

const scripts = Object.keys((JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { scripts: object }).scripts);

/** Refuses a command that is none. */
export function check({ environment, words: [program = '', ...rest] }: ShellCommand): void {
  if (program === '') return;
  const words = ours(program, rest);
  if (words !== undefined) {
    parse(words, environment);
    return;
  }
  if (program === 'npm') {
    const name = rest[0] === 'run' ? rest.find((word, i) => i > 0 && !word.startsWith('-')) : rest[0];
    assert.ok(
      [...scripts, 'ci', 'exec', 'install', 'pack', 'publish'].includes(name ?? ''),
      `npm has no script ${name}`,
    );
    return;
  }
  const isFile = program.includes('/') && existsSync(join(ROOT, program));
  assert.ok(isFile || OTHERS.has(program), `nobody knows the program ${program}`);
  for (const word of rest)
    if (/^(\.\/)?(examples|charts|docs|image|schemas|share|scripts)\//.test(word))
      assert.ok(existsSync(join(ROOT, word)), `${word} is not in the checkout`);
}

/** What stands behind our program, whatever it is called there; undefined for another one. */
function ours(program: string, rest: readonly string[]): readonly string[] | undefined {
  if (program === 'weighlock') return rest;
  if (program === 'npx' && rest[0] === 'weighlock') return rest.slice(1);
  return program === 'kubectl' && rest[0] === 'weighlock' ? ['pods', ...rest.slice(1)] : undefined;
}

/** Reads a command line of ours, and throws where it is none. */
export function parse(words: readonly string[], environment: Readonly<Record<string, string>>): void {
  if (words.length === 1 && (words[0] === '--help' || words[0] === '--version')) return;
  if (words.length === 2 && words[1] === '--help' && Object.hasOwn(COMMANDS, words[0] ?? '')) return;
  parseCommandLine(words, { environment });
}
