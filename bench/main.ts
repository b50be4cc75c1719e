// `npm run bench [-- NAME ...]`, of start, engines, folder, content, inspect, file, small, pull,
// slow-volume, slow-registry, store, evidence, cluster, memory, receipts, parts, manifest, reporter
// and plots: the tables of docs/figures.md, each against its peer in the same run, and the plots in
// docs/. Needs 12 GB below the folder for temporary files and about half an hour; slow-volume also
// needs root, FUSE and Debian's gcc, pkg-config, libfuse3-dev and fuse3. `admission`, `plugin` and
// `pods`, which run only where they are named, need what `npm run test:cluster` needs. The raw
// numbers are kept in bench/results.json.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchAdmission } from './admission.ts';
import { benchCluster } from './cluster.ts';
import { benchContent } from './content.ts';
import { benchEngines } from './engines.ts';
import { benchEvidence } from './evidence.ts';
import { benchFile } from './file.ts';
import { benchFolder } from './folder.ts';
import { benchInspect } from './inspect.ts';
import { benchManifest } from './manifest.ts';
import { benchMemory } from './memory.ts';
import { benchParts } from './parts.ts';
import { benchPlots } from './plots.ts';
import { benchPlugin } from './plugin.ts';
import { benchPods } from './pods.ts';
import { benchPull } from './pull.ts';
import { benchReceipts } from './receipts.ts';
import { benchReporter } from './reporter.ts';
import { benchSlowRegistry } from './slow-registry.ts';
import { benchSlowVolume } from './slow-volume.ts';
import { benchSmall } from './small.ts';
import { benchStart } from './start.ts';
import { benchStore } from './store.ts';

// The program takes no CAs by a variable of Node's own, and refuses to begin beside one.
delete process.env['NODE_EXTRA_CA_CERTS'];

const root = fileURLToPath(new URL('..', import.meta.url));
const results = join(root, 'bench/results.json');
const chosen = new Set(process.argv.slice(2));
const wanted = (name: string) => chosen.size === 0 || chosen.has(name);

/**
 * The single executable, as it is in the image; where it cannot be built (no strip), the bundle on
 * this Node.
 */
function buildProgram(): string[] {
  if (spawnSync(process.execPath, [join(root, 'image/build-sea.ts')], { stdio: 'ignore' }).status === 0)
    return [join(root, 'build/weighlock')];
  execFileSync(process.execPath, [join(root, 'scripts/build.ts')], { stdio: 'inherit' });
  return [process.execPath, join(root, 'dist/weighlock.mjs')];
}

// Where Node is told of more authorities by a variable, the executable would refuse to start.
delete process.env['NODE_EXTRA_CA_CERTS'];
const program = buildProgram();
const work = mkdtempSync(join(tmpdir(), 'weighlock-bench-'));
const environment = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model,
  processors: availableParallelism(),
  node: process.version,
  program: program.length === 1 ? 'single executable' : 'bundle',
};
console.log(Object.values(environment).join(', '));
const report: Record<string, unknown> = { ...readResults(), environment };
try {
  if (wanted('start')) report['start'] = await benchStart(work, program, 40);
  if (wanted('engines')) report['engines'] = await benchEngines(9);
  if (wanted('folder')) report['folder'] = await benchFolder(work, program, 5);
  if (wanted('content')) report['content'] = await benchContent(work, program, 7);
  if (wanted('inspect')) report['inspect'] = await benchInspect(work, program, 5);
  if (wanted('file')) report['file'] = await benchFile(work, program, 5);
  if (wanted('small')) report['small'] = await benchSmall(work, program, 5);
  if (wanted('pull')) report['pull'] = (await benchPull(work, program, 3)) ?? report['pull'];
  rmSync(join(work, 'registry'), { recursive: true, force: true });
  if (wanted('slow-volume')) report['slow-volume'] = (await benchSlowVolume(work, program, 3)) ?? report['slow-volume'];
  if (wanted('slow-registry')) report['slow-registry'] = await benchSlowRegistry(work, program, 3);
  if (wanted('store')) report['store'] = await benchStore(work, program, 3);
  if (wanted('evidence')) report['evidence'] = await benchEvidence(work, program, 40);
  rmSync(join(work, 'signed-large'), { force: true });
  if (wanted('cluster')) report['cluster'] = await benchCluster(work, program, 20);
  if (wanted('reporter')) report['reporter'] = await benchReporter(program);
  // Only where they are asked for: a cluster has to be built first.
  if (chosen.has('admission')) report['admission'] = (await benchAdmission()) ?? report['admission'];
  if (chosen.has('plugin')) report['plugin'] = (await benchPlugin(program, 9)) ?? report['plugin'];
  if (chosen.has('pods')) report['pods'] = (await benchPods(work, 3)) ?? report['pods'];
  if (wanted('plots')) report['plots'] = await benchPlots(work, program, 3);
  if (wanted('receipts')) report['receipts'] = await benchReceipts(work, program, 5);
  if (wanted('parts')) report['parts'] = await benchParts(work, program, 1);
  if (wanted('manifest')) report['manifest'] = await benchManifest(work, program, 2);
  if (wanted('memory')) report['memory'] = await benchMemory(work, program);
} finally {
  rmSync(work, { recursive: true, force: true });
}
writeFileSync(results, `${JSON.stringify(report, rounded, 1)}\n`);

/** Four digits are more than a noisy machine gives. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

function readResults(): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(results, 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
