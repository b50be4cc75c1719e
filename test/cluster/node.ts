// A node of the cluster: containerd and a kubelet, with the image of this checkout under its
// digest, and volumes that are folders of this machine.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { TOKENS } from './api-server.ts';
import { built, kubernetes } from './build.ts';
import { type Cluster, flags, freePorts } from './cluster.ts';
import { eventually, type ProcessGroup } from './process-group.ts';

export const NODE = 'node-1';
export const BUSYBOX = 'docker.io/library/busybox:1.37';
/** An OCI layout, made by image/build.sh. */
const IMAGE = fileURLToPath(new URL('../../build/image', import.meta.url));
const REPOSITORY = 'ghcr.io/weighlock/weighlock';
const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
/** What a kubelet sets for its node, which is this machine. */
const SETTINGS = ['kernel/panic', 'kernel/panic_on_oops', 'vm/overcommit_memory'].map((name) => `/proc/sys/${name}`);

/** containerd with the image of this checkout. */
interface Containerd {
  /** `ghcr.io/weighlock/weighlock@sha256:...` of this checkout. */
  readonly image: string;
  /** containerd's own client, in the namespace of the kubelet. */
  ctr(...words: string[]): string;
  /**
   * Where containerd looks for programs that judge images, with the policy that they are told of;
   * nothing is there yet.
   */
  readonly verifiers: string;
  readonly imagePolicy: string;
  /**
   * Lets pods be pulled from a registry of this machine without TLS.
   *
   * @param host - with its port
   */
  usePlainHttp(host: string): void;
}

export interface ClusterNode extends Containerd {
  /** Makes a claim over a folder, and gives the folder. */
  volume(namespace: string, claim: string, mode?: 'ReadWriteMany' | 'ReadOnlyMany'): string;
  stop(): Promise<void>;
}

/** Why no node can be started here, or undefined. */
export function lackingNode(): string | undefined {
  if (!existsSync(join(IMAGE, 'index.json'))) return 'the image is not built: image/build.sh';
  for (const file of ['/usr/sbin/runc', '/usr/lib/cni/bridge', '/usr/bin/skopeo'])
    if (!existsSync(file)) return `${file} is not installed`;
  const busybox = spawnSync('buildah', ['inspect', '--type=image', BUSYBOX], { stdio: 'ignore' });
  return busybox.status === 0 ? undefined : `there is no image ${BUSYBOX}: image/stand-in-busybox.sh`;
}

interface Started extends Containerd {
  readonly socket: string;
  /** The variable, with the programs of containerd. */
  readonly path: string;
  /** @param source - as skopeo names it */
  load(source: string, name: string): void;
}

/** @param work - a folder for everything of the node */
async function startContainerd(work: string, processes: ProcessGroup): Promise<Started> {
  const place = (name: string) => join(work, name);
  for (const name of ['', 'cni', 'images']) mkdirSync(place(name), { recursive: true });
  const socket = place('containerd.sock');
  writeFileSync(place('containerd.toml'), containerdConfig(work, socket));
  const programs = built('containerd');
  const path = `${programs}:${process.env['PATH']}`;
  processes.start('containerd', [join(programs, 'containerd'), '--config', place('containerd.toml')], {
    env: { PATH: path, WEIGHLOCK_POLICY: place('image-policy.yaml') },
  });
  const ctr = (...words: string[]) =>
    execFileSync(join(programs, 'ctr'), ['-a', socket, '-n', 'k8s.io', ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  await eventually('containerd', async () => ctr('version'));
  const load = (source: string, name: string) => {
    const archive = place('images/one.tar');
    rmSync(archive, { force: true });
    execFileSync('skopeo', ['copy', '--quiet', source, `oci-archive:${archive}:${name}`]);
    ctr('images', 'import', '--local', archive);
  };
  const { manifests } = JSON.parse(readFileSync(join(IMAGE, 'index.json'), 'utf8'));
  const image = `${REPOSITORY}@${manifests[0].digest}`;
  load(`oci:${IMAGE}`, `${REPOSITORY}:${VERSION}`);
  // By its digest, so that the reference of the policies resolves without a registry.
  ctr('images', 'tag', `${REPOSITORY}:${VERSION}`, image);
  return {
    image,
    ctr,
    load,
    socket,
    path,
    verifiers: place('verifiers'),
    imagePolicy: place('image-policy.yaml'),
    usePlainHttp(host) {
      const folder = place(`hosts/${host}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'hosts.toml'), `server = "http://${host}"\n[host."http://${host}"]\n`);
    },
  };
}

export async function startNode(cluster: Cluster): Promise<ClusterNode> {
  const { folder, processes } = cluster;
  const work = join(folder, 'node');
  const place = (name: string) => join(work, name);
  for (const name of ['', 'cni', 'volumes', 'pod-logs']) mkdirSync(place(name), { recursive: true });
  chmodSync(folder, 0o755);
  const before = SETTINGS.map((file) => [file, readFileSync(file, 'utf8')] as const);
  writeFileSync(place('cni/10-bridge.conflist'), JSON.stringify(network(work)));
  const containerd = await startContainerd(work, processes);
  const { ctr, load, socket, path } = containerd;
  execFileSync(fileURLToPath(new URL('pause.sh', import.meta.url)));
  for (const name of [BUSYBOX, 'localhost/weighlock-stand-in/pause:1']) load(`containers-storage:${name}`, name);

  const [kubeletPort, healthz] = await freePorts(2);
  const config = place('kubelet.yaml');
  writeFileSync(config, stringify(kubeletConfig(work, socket, kubeletPort, healthz)));
  processes.start(
    'kubelet',
    [
      ...kubernetes('kubelet'),
      ...flags({
        config,
        kubeconfig: cluster.kubeconfig('kubelet', TOKENS.kubelet),
        'hostname-override': NODE,
        'root-dir': place('kubelet'),
        'cert-dir': place('kubelet-pki'),
        'node-ip': address(),
      }),
    ],
    { env: { PATH: path } },
  );
  await eventually('readiness of the node', async () => {
    const { body } = await cluster.api.ask('admin', 'GET', `/api/v1/nodes/${NODE}`);
    if (!processes.isRunning('kubelet')) throw new Error(processes.log('kubelet').slice(-2000));
    const ready = body.status?.conditions?.find(({ type }: { type: string }) => type === 'Ready');
    return ready?.status === 'True' || undefined;
  });
  return {
    ...containerd,
    volume(namespace, claim, mode = 'ReadWriteMany') {
      const at = place(`volumes/${namespace}-${claim}`);
      mkdirSync(at, { recursive: true });
      const name = `${namespace}-${claim}`;
      const common = { accessModes: [mode], storageClassName: '' };
      const documents = [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolume',
          metadata: { name },
          spec: {
            ...common,
            capacity: { storage: '10Gi' },
            hostPath: { path: at },
            claimRef: { namespace, name: claim },
          },
        },
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: claim, namespace },
          spec: { ...common, volumeName: name, resources: { requests: { storage: '10Gi' } } },
        },
      ];
      cluster.kubectl(['apply', '-f', '-'], documents.map((one) => stringify(one)).join('---\n'));
      return at;
    },
    async stop() {
      // Pods first: what they have mounted keeps the folder busy.
      cluster.kubectl(['delete', 'deployments,statefulsets,jobs,cronjobs', '-A', '--all', '--cascade=background']);
      cluster.kubectl(['delete', 'pods', '-A', '--all', '--grace-period=0', '--force', '--wait=false']);
      await eventually('the end of all pods', async () => ctr('tasks', 'ls', '-q').trim() === '' || undefined);
      await processes.stop('kubelet');
      await processes.stop('containerd');
      for (const [file, value] of before) writeFileSync(file, value);
      unmountBelow(work);
    },
  };
}

function containerdConfig(work: string, socket: string): string {
  return `version = 3
root = "${work}/containerd"
state = "${work}/containerd-state"
[grpc]
  address = "${socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = "${work}/hosts"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "localhost/weighlock-stand-in/pause:1"
[plugins.'io.containerd.image-verifier.v1.bindir']
  bin_dir = "${work}/verifiers"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "${work}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "/usr/sbin/runc"
      SystemdCgroup = false
`;
}

function network(work: string): object {
  const ipam = { type: 'host-local', dataDir: join(work, 'cni-data'), ranges: [[{ subnet: '10.97.0.0/24' }]] };
  return {
    cniVersion: '1.0.0',
    name: 'weighlock',
    plugins: [{ type: 'bridge', bridge: 'weighlock0', isGateway: true, ipMasq: false, hairpinMode: true, ipam }],
  };
}

function kubeletConfig(work: string, socket: string, port = 0, healthzPort = 0): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    address: '127.0.0.1',
    port,
    healthzPort,
    readOnlyPort: 0,
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    failCgroupV1: false,
    makeIPTablesUtilChains: false,
    resolvConf: '/etc/resolv.conf',
    podLogsDir: join(work, 'pod-logs'),
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '100Mi', 'imagefs.available': '100Mi' },
    syncFrequency: '5s',
  };
}

/** Detaches everything that is mounted in a folder. */
function unmountBelow(folder: string): void {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((at) => at.startsWith(`${folder}/`));
  for (const at of mounted.reverse()) execFileSync('umount', ['-l', at]);
}

/** An address of this machine that is not loopback; one for documentation where there is none. */
function address(): string {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '192.0.2.2';
}
