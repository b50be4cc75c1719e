// Programs that tests need, built once out of ordinary Go modules: each has a folder with a go.mod
// and a go.sum.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GoPart {
  /** Folder of its module. */
  readonly source: string;
  readonly programs: readonly string[];
  readonly packages: readonly string[];
  readonly flags: readonly string[];
}

/** Where a part's programs are, or are to be: a folder for each content of its module. */
export function goFolder(name: string, { source }: GoPart, below: string): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(join(source, file)));
  return join(below, `${name}-${hash.digest('hex').slice(0, 12)}`);
}

export function isBuilt({ programs }: GoPart, folder: string): boolean {
  return programs.every((program) => existsSync(join(folder, program)));
}

/**
 * Builds a part where it is not there. Takes minutes of a processor the first time.
 *
 * @returns the folder of its programs
 */
export function buildGo(name: string, part: GoPart, below: string): string {
  const folder = goFolder(name, part, below);
  if (isBuilt(part, folder)) return folder;
  mkdirSync(folder, { recursive: true });
  execFileSync('go', ['build', '-mod=mod', '-trimpath', ...part.flags, '-o', `${folder}/`, ...part.packages], {
    cwd: part.source,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}
