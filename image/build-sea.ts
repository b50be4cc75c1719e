// Builds build/weighlock, the single executable, and build/sbom.spdx.json. Runs on the Node that
// goes into the executable. What image/sea-config.json settles beside the files:
// `--disable-sigusr1` keeps other processes of the pod from opening the debugger, and
// `execArgvExtension: none` makes NODE_OPTIONS have no effect.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import '../scripts/build.ts';
import { sbom } from './sbom.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
for (const made of ['lib', 'weighlock', 'sbom.spdx.json']) rmSync(`build/${made}`, { recursive: true, force: true });
mkdirSync('build/lib', { recursive: true });
copyFileSync(process.execPath, 'build/node');
execFileSync('strip', ['--strip-all', 'build/node'], { stdio: 'inherit' });
// The seed makes V8's code cache, and with it the executable, the same at every build.
execFileSync(process.execPath, ['--random-seed=1', '--build-sea', 'image/sea-config.json'], { stdio: 'inherit' });
rmSync('build/node');
copyLibraries();
writeFileSync('build/sbom.spdx.json', `${JSON.stringify(sbom(), null, 2)}\n`);
console.log(`build/weighlock  ${(statSync('build/weighlock').size / 1e6).toFixed(1)} MB`);

/**
 * Copies the shared libraries that Node needs and a `cc` base image does not have (libatomic, since
 * Node 26).
 */
function copyLibraries(): void {
  const inBase = /^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+)[.-]/;
  const listed = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
  for (const [, name = '', path = ''] of listed.matchAll(/^\s*(\S+) => (\/\S+)/gm)) {
    if (!inBase.test(name)) copyFileSync(realpathSync(path), `build/lib/${name}`);
  }
}
