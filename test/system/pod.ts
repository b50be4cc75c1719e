// Plays the part of the cluster for a pod: podman runs it (`podman kube play` honours init
// containers), and this file does what podman leaves to a kubelet or a controller.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';

type Json = Record<string, unknown>;

export interface Container extends Json {
  name: string;
  image?: string;
  args?: string[];
  env?: { name: string; value: string }[];
  securityContext?: Json;
  volumeMounts?: Json[];
}

export interface PodSpec extends Json {
  initContainers: Container[];
  containers: Container[];
  volumes: Json[];
  securityContext: Json;
}

export interface Manifest extends Json {
  kind: string;
  metadata: { name: string };
  spec: PodSpec;
}

/** What became of a pod. */
export interface PodResult {
  /** Exit code of the gate; 0 when it let the pod start. */
  readonly exitCode: number;
  /** What the kubelet would read from the termination message path. */
  readonly message: string;
  /** The gate's log. */
  readonly log: string;
  /** True when the main container was started. */
  readonly started: boolean;
  /** Log of the main container. */
  readonly mainLog: string;
}

function podman(...args: string[]): { status: number; out: string; err: string } {
  // podman tries a failing init container for minutes; a kubelet does for ever.
  const { status, stdout, stderr } = spawnSync('podman', args, { encoding: 'utf8', timeout: 15_000 });
  return { status: status ?? -1, out: stdout, err: stderr };
}

/**
 * Removes what `podman kube play` made, without the ten seconds that a container gets to stop by
 * itself.
 */
function remove(manifests: readonly Manifest[]): void {
  for (const { kind, metadata } of manifests) {
    if (kind === 'Pod') podman('pod', 'rm', '--force', '--time', '0', metadata.name);
    if (kind === 'ConfigMap') podman('volume', 'rm', '--force', metadata.name);
  }
}

/** The manifests of an example, as they are. */
export function readExample(file: string): Manifest[] {
  const text = readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

/**
 * The pod that the Job controller makes of a Job: the template, with the job's name. Other kinds
 * stay as they are.
 */
export function asPod(manifest: Manifest): Manifest {
  if (manifest.kind !== 'Job') return manifest;
  const { template } = manifest.spec as unknown as { template: { metadata: Json; spec: PodSpec } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name: `${manifest.metadata.name}-x7k2p` },
    spec: structuredClone(template.spec),
  };
}

/** Fills the volume behind a claim; `fill` gets its folder on this machine. */
export function fillVolume(claim: string, uid: number, fill: (folder: string) => void): void {
  podman('volume', 'rm', '--force', claim);
  execFileSync('podman', ['volume', 'create', claim], { stdio: 'pipe' });
  const folder = execFileSync('podman', ['volume', 'inspect', '--format', '{{.Mountpoint}}', claim], {
    encoding: 'utf8',
  });
  fill(folder.trim());
  chownSync(folder.trim(), uid, uid);
}

/**
 * Runs an example exactly as it is, and says whether the main container was started. A pod that is
 * blocked is tried again and again, as its restart policy says, until `podman` is stopped.
 */
export function playAsIs(file: string): boolean {
  const pod = readExample(file).find(({ kind }) => kind === 'Pod');
  const path = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
  try {
    podman('kube', 'play', path);
    const name = `${pod?.metadata.name}-${pod?.spec.containers[0]?.name}`;
    return podman('inspect', '--format', '{{.State.StartedAt}}', name).out.startsWith('20');
  } finally {
    remove(readExample(file));
  }
}

/**
 * Runs a pod to its verdict and removes it again. As a kubelet does, it mounts a file of its own,
 * writable by anyone, at the gate's termination message path; everything else of the manifest is
 * podman's work. It makes one attempt, without a kubelet's retries.
 */
export function runPod(manifests: readonly Manifest[]): PodResult {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-pod-'));
  const file = join(work, 'pod.yaml');
  const terminationLog = join(work, 'termination-log');
  writeFileSync(terminationLog, '');
  chmodSync(terminationLog, 0o666);
  chmodSync(work, 0o755);
  const pods = structuredClone(manifests).map(asPod);
  const pod = pods.find(({ kind }) => kind === 'Pod');
  const gate = pod?.spec.initContainers[0];
  const main = pod?.spec.containers[0];
  if (pod === undefined || gate === undefined || main === undefined) throw new Error('no pod with a gate');
  // podman takes an annotation for a label, and refuses what is longer than a label may be.
  delete (pod.metadata as Json)['annotations'];
  pod.spec['restartPolicy'] = 'Never';
  pod.spec.volumes.push({ name: 'termination-log', hostPath: { path: terminationLog, type: 'File' } });
  gate.volumeMounts?.push({ name: 'termination-log', mountPath: '/dev/termination-log' });
  writeFileSync(file, pods.map((manifest) => stringify(manifest)).join('---\n'));
  try {
    const played = podman('kube', 'play', file);
    const gateName = `${pod.metadata.name}-${gate.name}`;
    const mainName = `${pod.metadata.name}-${main.name}`;
    // podman removes an init container that succeeded, and with it its log.
    const state = podman('inspect', '--format', '{{.State.ExitCode}}', gateName);
    const blocked = state.status === 0;
    if (!blocked && played.status !== 0) throw new Error(`podman kube play failed: ${played.err}`);
    if (!blocked) podman('wait', '--condition', 'exited', '--condition', 'running', mainName);
    const started = podman('inspect', '--format', '{{.State.StartedAt}}', mainName).out.startsWith('20');
    const logs = podman('logs', gateName);
    const mainLogs = started ? podman('logs', mainName) : { out: '', err: '' };
    return {
      exitCode: blocked ? Number(state.out) : 0,
      message: readFileSync(terminationLog, 'utf8'),
      log: logs.out + logs.err,
      started,
      mainLog: mainLogs.out + mainLogs.err,
    };
  } finally {
    remove(pods);
    rmSync(work, { recursive: true, force: true });
  }
}
