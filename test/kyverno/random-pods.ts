// Pods that nobody would write, each from a number: every kind of volume under every kind of name,
// mounted by every kind of container. Used to hold two tellings of the same rules against each
// other.
import type { Json } from './evaluate.ts';

const SOURCES: readonly ((random: Random) => Json)[] = [
  (random) => ({
    persistentVolumeClaim: {
      claimName: random.pick(['a', 'b', 'ckpt', 'pod-v0', 'pod-v1']),
      ...(random.some(20) ? { readOnly: true } : {}),
    },
  }),
  () => ({ emptyDir: {} }),
  () => ({ emptyDir: {} }),
  () => ({ configMap: { name: 'c' } }),
  () => ({ configMap: { name: 'weighlock-trust' } }),
  (random) => ({ hostPath: { path: random.pick(['/usr/lib/nvidia', '/usr/lib', '/data']) } }),
  () => ({ image: { reference: `r/x@sha256:${'a'.repeat(64)}` } }),
  (random) => ({ ephemeral: { volumeClaimTemplate: { spec: random.some(30) ? { volumeName: 'x' } : {} } } }),
  (random) => ({
    ephemeral: {
      volumeClaimTemplate: { metadata: random.some(50) ? { annotations: { a: 'b' } } : {}, spec: {} },
    },
  }),
  (random) => ({ csi: { driver: random.pick(['x', 'secrets-store.csi.k8s.io']) } }),
  () => ({ nfs: { server: 'n', path: '/' } }),
];
const VOLUMES = ['v0', 'v1', 'v2', 'v3', 'weighlock-trust', 'kserve-provision-location'];
const PATHS = ['/m', '/m/x', '/m/y', '/n', '/n/', '/o', '/', '/m/../n', '//n'];
const INITS = ['storage-initializer', 'istio-proxy', 'gke-gcsfuse-sidecar', 'juicefs', 'i1', 'i2'];
const IMAGES = ['x', 'gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter:v1', 'registry.example.com/juicefs:1'];

/** Mulberry32: small, and good enough to reach every combination. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  some(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** The pod `pod` of a number. */
export function randomPod(seed: number): Json {
  const random = new Random(seed);
  const names = ['v0', ...VOLUMES.slice(1).filter((name) => random.some(name.startsWith('v') ? 60 : 8))];
  const volumes = names.map((name) => ({ name, ...random.pick(SOURCES)(random) }));
  const inits = INITS.filter(() => random.some(18)).map((name) => container(random, name, names, true));
  const apps = ['app', ...(random.some(50) ? ['other'] : [])].map((name) => container(random, name, names, false));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', namespace: 'ml' },
    spec: {
      containers: apps,
      volumes,
      ...(inits.length > 0 ? { initContainers: inits } : {}),
      ...(random.some(15) ? { shareProcessNamespace: true } : {}),
      ...(random.some(5) ? { hostPID: true } : {}),
    },
  };
}

function container(random: Random, name: string, volumes: readonly string[], isInit: boolean): Json {
  const mounts = new Map<string, Json>();
  for (let i = random.below(4); i > 0; i--) {
    const mountPath = random.pick(PATHS);
    mounts.set(mountPath, {
      name: random.pick(volumes),
      mountPath,
      ...(random.some(60) ? { readOnly: true } : {}),
      ...(random.some(20) ? { subPath: random.pick(['s', 't']) } : {}),
      ...(random.some(3) ? { subPathExpr: '$(X)' } : {}),
      ...(random.some(3) ? { mountPropagation: 'HostToContainer' } : {}),
    });
  }
  return {
    name,
    image: random.pick(IMAGES),
    ...(mounts.size > 0 ? { volumeMounts: [...mounts.values()] } : {}),
    ...(random.some(4) ? { volumeDevices: [{ name: random.pick(volumes), devicePath: '/dev/x' }] } : {}),
    ...(isInit && random.some(25) ? { restartPolicy: 'Always' } : {}),
    ...(random.some(10) ? { env: [{ name: 'MODEL_SHA256', value: random.pick(['a', 'b']) }] } : {}),
  };
}
