// Builds what a cluster consists of, out of ordinary Go modules: all of Kubernetes as one program,
// Kyverno's controllers, containerd. Each is built once and kept in build/cluster; what is on the
// PATH is used instead.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildGo } from '../go-programs.ts';
import { kyvernoModule } from './kyverno-module.ts';

const MODULES = fileURLToPath(new URL('go/', import.meta.url));
const BUILT = fileURLToPath(new URL('../../build/cluster/', import.meta.url));

interface Part {
  readonly module: string;
  readonly programs: readonly string[];
  readonly packages: readonly string[];
  readonly flags: readonly string[];
}

const KUBERNETES = '1.36.3';
const VERSION = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
  .flatMap((at) => [`-X ${at}.gitVersion=v${KUBERNETES}`, `-X ${at}.gitMajor=1`, `-X ${at}.gitMinor=36`])
  .join(' ');

const PARTS = {
  kubernetes: {
    module: 'kube',
    programs: ['kube'],
    packages: ['.'],
    flags: ['-ldflags', `-s -w ${VERSION}`],
  },
  kyverno: {
    module: 'kyverno',
    programs: ['kyverno', 'background-controller', 'reports-controller', 'kyverno-init'],
    packages: ['kyverno', 'background-controller', 'reports-controller', 'kyverno-init'].map(
      (name) => `github.com/kyverno/kyverno/cmd/${name}`,
    ),
    flags: ['-ldflags', '-s -w'],
  },
  helm: {
    module: 'helm',
    programs: ['helm'],
    packages: ['helm.sh/helm/v4/cmd/helm'],
    flags: ['-ldflags', '-s -w'],
  },
  containerd: {
    module: 'containerd',
    programs: ['containerd', 'containerd-shim-runc-v2', 'ctr'],
    packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map(
      (name) => `github.com/containerd/containerd/v2/cmd/${name}`,
    ),
    flags: ['-ldflags', '-s -w', '-tags', 'no_btrfs no_devmapper no_zfs no_aufs'],
  },
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

/** The folder of a part's own module. */
function sourceOf(name: PartName): string {
  const usual = join(MODULES, PARTS[name].module);
  const other = process.env['WEIGHLOCK_KYVERNO'];
  return name === 'kyverno' && other !== undefined ? kyvernoModule(other, usual, join(BUILT, 'modules')) : usual;
}

/** Where its programs are. Building one takes minutes of a processor the first time. */
export function built(name: PartName): string {
  const { module: _, ...part }: Part = PARTS[name];
  return buildGo(name, { ...part, source: sourceOf(name) }, BUILT);
}

/**
 * A program of Kubernetes: from the PATH where it is there in this version, or of the one that was
 * built.
 */
export function kubernetes(program: string): readonly string[] {
  const words = program === 'kubectl' ? ['version', '--client'] : ['--version'];
  const { stdout } = spawnSync(program, words, { encoding: 'utf8' });
  return /v1\.36\./.test(stdout ?? '') ? [program] : [join(built('kubernetes'), 'kube'), program];
}

/** The folder of a module that a part is made of. */
export function moduleFolder(name: PartName, path: string): string {
  const cwd = sourceOf(name);
  const options = { cwd, encoding: 'utf8' } as const;
  return execFileSync('go', ['list', '-mod=mod', '-m', '-f', '{{.Dir}}', path], options).trim();
}

/** Why a cluster cannot be brought up here, or undefined. */
export function lacking(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root';
  for (const program of ['go', 'etcd', 'openssl'])
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `${program} is not installed`;
  return undefined;
}

// All of them beforehand: no test waits for a compiler.
if (import.meta.main) {
  const why = lacking();
  if (why === undefined) for (const name of Object.keys(PARTS) as PartName[]) process.stdout.write(`${built(name)}\n`);
  else process.stderr.write(`no cluster is built: ${why}\n`);
}
