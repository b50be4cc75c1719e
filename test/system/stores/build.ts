// Programs that others wrote, out of ordinary Go modules, built once into build/stores-go: a
// gateway of S3 that holds requests against their signatures, a server of Google Cloud Storage, and
// the command line of ORAS.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildGo, type GoPart, goFolder, isBuilt } from '../../go-programs.ts';

const MODULES = fileURLToPath(new URL('go/', import.meta.url));
const BUILT = fileURLToPath(new URL('../../../build/stores-go/', import.meta.url));

const part = (program: string, path: string): GoPart => ({
  source: join(MODULES, program),
  programs: [program],
  packages: [path],
  flags: ['-ldflags', '-s -w'],
});

const PARTS = {
  versitygw: part('versitygw', 'github.com/versity/versitygw/cmd/versitygw'),
  'fake-gcs-server': part('fake-gcs-server', 'github.com/fsouza/fake-gcs-server'),
  oras: part('oras', 'oras.land/oras/cmd/oras'),
} as const satisfies Record<string, GoPart>;

export type StoreProgram = keyof typeof PARTS;

/** A program that was built; undefined where it was not. */
export function storeProgram(name: StoreProgram): string | undefined {
  const folder = goFolder(name, PARTS[name], BUILT);
  return isBuilt(PARTS[name], folder) ? join(folder, name) : undefined;
}

// Beforehand: no test waits for a compiler.
if (import.meta.main) {
  if (spawnSync('go', ['version']).status === 0)
    for (const name of Object.keys(PARTS) as StoreProgram[])
      process.stdout.write(`${buildGo(name, PARTS[name], BUILT)}\n`);
  else process.stderr.write('no server of S3 or Google Cloud Storage, and no oras, is built: there is no Go\n');
}
