/** What of a pod's specification decides about the verifier; everything else is passed through. */
export interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: { readonly runAsUser?: number };
}

export interface Container {
  readonly name?: string;
  readonly env?: readonly { readonly name?: string; readonly value?: string }[];
  readonly volumeMounts?: readonly { readonly name?: string; readonly subPath?: string }[];
  readonly securityContext?: { readonly runAsUser?: number };
}

export interface Volume {
  readonly name?: string;
  readonly [source: string]: unknown;
}

/** What the platform decides about the verifier. */
export interface InjectSettings {
  /** Reference by digest. */
  readonly image: string;
  /** Claims that hold nothing to verify: checkpoints, caches. */
  readonly scratchClaims: readonly string[];
  /** Volumes to verify beside those that always are; only ever adds. */
  readonly volumes: readonly string[];
}

export const VERIFIER = 'weighlock';
export const TRUST = 'weighlock-trust';
export const TRUST_PATH = '/etc/weighlock';

/** Variables of the pod's author that reach the verifier, as literals only. */
const EVIDENCE = ['DATASET_SHA256', 'DATASET_SOURCE_URL', 'MODEL_SHA256', 'MODEL_SOURCE_URL'];

/** KServe's downloader, and the volume that it fills. */
const DOWNLOADER = 'storage-initializer';
const DOWNLOADED = 'kserve-provision-location';

/** Volumes that begin empty, or come from the cluster's own objects; every other kind, known or not, is verified. */
const UNPROTECTED = ['emptyDir', 'configMap', 'secret', 'projected', 'downwardAPI'];

/** What injection makes of a pod; undefined when there is nothing to verify in it. */
export interface Injected {
  readonly initContainers: readonly object[];
  readonly volumes: readonly object[];
}

/**
 * Puts the verifier into a pod: first, or right behind KServe's downloader. What somebody put there under its name is
 * replaced. The MutatingPolicy in examples/kyverno does exactly the same.
 *
 * @param claimTemplates - names of a StatefulSet's volumeClaimTemplates: volumes that no template lists
 */
export function injectPod(
  spec: PodSpec,
  settings: InjectSettings,
  claimTemplates: readonly string[] = [],
): Injected | undefined {
  const others = (spec.initContainers ?? []).filter(({ name }) => name !== VERIFIER);
  const containers = [...(spec.containers ?? []), ...others];
  const volumes = (spec.volumes ?? []).filter(({ name }) => name !== TRUST);
  const protectedVolumes = [
    ...volumes.filter((volume) => isProtected(volume, settings)).map(({ name = '' }) => name),
    ...claimTemplates,
  ];
  const mounts = distinct(
    containers.flatMap(({ volumeMounts = [] }) =>
      volumeMounts
        .filter(({ name = '' }) => protectedVolumes.includes(name))
        .map(({ name = '', subPath = '' }) => `${name}:${subPath}`),
    ),
  );
  if (mounts.length === 0) return undefined;
  const evidence = distinct(
    (spec.containers ?? []).flatMap(({ env = [] }) =>
      env
        .filter(({ name = '', value }) => EVIDENCE.includes(name) && value !== undefined)
        .map((one) => `${one.name}=${one.value}`),
    ),
  );
  const user = spec.containers?.[0]?.securityContext?.runAsUser ?? spec.securityContext?.runAsUser ?? 0;
  const index = others.findIndex(({ name }) => name === DOWNLOADER) + 1;
  const verifier = container(settings.image, mounts, evidence, user === 0 ? 65_532 : user);
  return {
    initContainers: [...others.slice(0, index), verifier, ...others.slice(index)],
    volumes: [{ name: TRUST, configMap: { name: TRUST } }, ...volumes],
  };
}

function isProtected(volume: Volume, { scratchClaims, volumes }: InjectSettings): boolean {
  const { name = '' } = volume;
  if (volumes.includes(name) || name === DOWNLOADED) return true;
  if (UNPROTECTED.some((kind) => volume[kind] !== undefined)) return false;
  const claim = volume['persistentVolumeClaim'] as { claimName?: string } | undefined;
  if (claim !== undefined) return !scratchClaims.includes(claim.claimName ?? '');
  const csi = volume['csi'] as { driver?: string } | undefined;
  if (csi !== undefined) return csi.driver !== 'secrets-store.csi.k8s.io';
  const ephemeral = volume['ephemeral'] as { volumeClaimTemplate?: { spec?: object } } | undefined;
  if (ephemeral === undefined) return true;
  // A claim of the pod's own begins empty, unless it is made from something.
  const claimed = ephemeral.volumeClaimTemplate?.spec ?? {};
  return 'dataSource' in claimed || 'dataSourceRef' in claimed;
}

function container(image: string, mounts: readonly string[], evidence: readonly string[], user: number): object {
  const size = { cpu: '1', memory: '512Mi' };
  return {
    name: VERIFIER,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: ['verify'],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    env: [
      { name: 'WEIGHLOCK_TRUST', value: TRUST_PATH },
      { name: 'WEIGHLOCK_TARGETS', value: mounts.map((_, i) => `/verify/${i}`).join(':') },
      ...evidence.map((text) => ({ name: text.slice(0, text.indexOf('=')), value: text.slice(text.indexOf('=') + 1) })),
    ],
    // The same for both keeps a Guaranteed pod Guaranteed.
    resources: { requests: size, limits: size },
    // What the restricted Pod Security profile asks for.
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: user,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: TRUST, mountPath: TRUST_PATH, readOnly: true },
      ...mounts.map((mount, i) => {
        const at = mount.indexOf(':');
        const subPath = mount.slice(at + 1);
        // Never where the workload mounts it: that could lie over the verifier itself.
        const common = { name: mount.slice(0, at), readOnly: true, mountPath: `/verify/${i}` };
        return subPath === '' ? common : { ...common, subPath };
      }),
    ],
  };
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
