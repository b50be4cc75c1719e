// Puts together what a release consists of beside the images, in build/release: the npm package,
// the chart, the bills of materials, the VEX document, the schemas, and SHA256SUMS of all of it.
// The same commit gives the same bytes.
//   node scripts/release/assemble.ts [FOLDER]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { cycloneDx, sbom } from '../../image/sbom.ts';
import { buildProgram } from '../build-program.ts';
import { vex } from './vex.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const folder = resolve(process.argv[2] ?? join(ROOT, 'build/release'));
process.chdir(ROOT);
// Every time stamp is the commit's; without git, that of the caller.
process.env['SOURCE_DATE_EPOCH'] ??= execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim();
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await buildProgram(join(ROOT, 'dist'));
execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
writeFileSync(join(folder, `weighlock-chart-${version}.tgz`), gzipSync(tarOf('charts', 'weighlock'), { level: 9 }));
write(`weighlock-${version}.spdx.json`, sbom());
write(`weighlock-${version}.cdx.json`, cycloneDx());
// OpenVEX takes no document without a statement.
const statements = vex(version);
if (statements.statements.length > 0) write(`weighlock-${version}.openvex.json`, statements);
for (const schema of readdirSync('schemas')) copyFileSync(join('schemas', schema), join(folder, schema));
const sums = readdirSync(folder)
  .sort()
  .map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')}  ${name}\n`,
  );
writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''));
process.stdout.write(sums.join(''));

function write(name: string, document: object): void {
  writeFileSync(join(folder, name), `${JSON.stringify(document, null, 2)}\n`);
}

/**
 * As `helm package` lays it out: one folder called like the chart; nothing in it depends on the
 * machine.
 */
function tarOf(parent: string, name: string): Buffer {
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar', '--mode=u=rwX,go=rX'];
  const time = `--mtime=@${process.env['SOURCE_DATE_EPOCH']}`;
  return execFileSync('tar', [...order, time, '-C', parent, '-cf', '-', name], { maxBuffer: 64 << 20 });
}
