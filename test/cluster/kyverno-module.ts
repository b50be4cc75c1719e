// The module of another version of Kyverno than the one that the tests run with, made from its own:
//   WEIGHLOCK_KYVERNO=1.18.2 node test/cluster/build.ts
// With the same variable, test/cluster/admission.test.ts runs with it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KYVERNO = 'github.com/kyverno/kyverno';

/**
 * @param usual - the folder of the module that is in the repository
 * @param below - where modules are made
 * @returns the folder of the module of such a version
 */
export function kyvernoModule(version: string, usual: string, below: string): string {
  const cwd = join(below, `kyverno-${version}`);
  if (existsSync(join(cwd, 'go.sum'))) return cwd;
  const options = { cwd, encoding: 'utf8', env: { ...process.env, GOFLAGS: '', GOWORK: 'off' } } as const;
  mkdirSync(cwd, { recursive: true });
  const { GoMod } = JSON.parse(execFileSync('go', ['mod', 'download', '-json', `${KYVERNO}@v${version}`], options));
  // What it replaces counts in its own module only.
  const replaced = readFileSync(GoMod, 'utf8').match(/^replace .*$/gm) ?? [];
  const lines = replaced.map((line) => line.replace(/^(replace \S+) v\S+ =>/, '$1 =>'));
  const head = ['module weighlock.test/kyverno', 'go 1.26.5', `require ${KYVERNO} v${version}`];
  writeFileSync(join(cwd, 'go.mod'), [...head, ...lines, ''].join('\n\n'));
  // The command line of some versions has packages that no module has.
  const tools = readFileSync(join(usual, 'tools.go'), 'utf8').replace(/^.*kubectl-kyverno.*\n/m, '');
  writeFileSync(join(cwd, 'tools.go'), tools);
  execFileSync('go', ['mod', 'tidy'], { ...options, stdio: 'ignore' });
  return cwd;
}
