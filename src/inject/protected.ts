// Which volumes of a pod are verified. The variables `platform` to `protectedVols` of the policies
// in examples/kyverno say the same in CEL.
import { type Container, type InjectSettings, type PodSpec, TRUST, VERIFIER, type Volume } from './spec.ts';

/** The volume that KServe's downloader fills; its webhook may add the downloader after us. */
const DOWNLOADED = 'kserve-provision-location';

/**
 * Volumes that begin empty, or come from the cluster's own objects; every other kind, known or not,
 * is verified.
 */
const UNPROTECTED = ['emptyDir', 'configMap', 'secret', 'projected', 'downwardAPI'];

/**
 * What a claim of a pod's own must not have to begin empty: each of these leads to something that
 * exists already.
 */
const FILLED_FROM = ['dataSource', 'dataSourceRef', 'volumeName', 'selector'];

interface ClaimTemplate {
  readonly metadata?: { readonly annotations?: object };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/**
 * `NAME=REPOSITORY` of containers that serve volumes or bring secrets: Google's FUSE sidecar,
 * Vault's agent.
 */
export const PLATFORM_CONTAINERS: readonly string[] = [
  'gke-gcsfuse-sidecar=gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter',
  'gke-gcsfuse-sidecar=gcr.io/gke-release/gcs-fuse-csi-driver-sidecar-mounter',
  'vault-agent-init=hashicorp/vault',
  'vault-agent-init=docker.io/hashicorp/vault',
];

/** A tag or a digest behind a repository; of a registry that is named without one it is none. */
const OF_REPOSITORY = /^[:@][^/]*$/;

/**
 * True for a container that the platform, and not the pod's author, answers for: by its name and by
 * the repository of its image. A name alone is the author's word.
 */
export function isPlatformContainer(container: Container, { platformContainers = [] }: InjectSettings): boolean {
  const text = `${container.name ?? ''}=${container.image ?? ''}`;
  const known = [...PLATFORM_CONTAINERS, ...platformContainers];
  return known.some((one) => text.startsWith(one) && OF_REPOSITORY.test(text.slice(one.length)));
}

/** Init containers without the verifier, whoever put one of that name there. */
export function otherInits({ initContainers = [] }: PodSpec): readonly Container[] {
  return initContainers.filter(({ name }) => name !== VERIFIER);
}

/** Names of empty volumes that an init container fills for another container: a download, say. */
export function filledVolumes(spec: PodSpec, settings: InjectSettings): readonly string[] {
  const inits = otherInits(spec);
  const written = inits
    .filter((container) => !isPlatformContainer(container, settings))
    .flatMap(({ volumeMounts = [] }) => volumeMounts.filter(({ readOnly }) => readOnly !== true))
    .map(({ name }) => name);
  const all = [...(spec.containers ?? []), ...inits];
  const isShared = (name: string) => all.filter((one) => mounts(one, name)).length > 1;
  return (spec.volumes ?? [])
    .filter((volume) => beginsEmpty(volume) && written.includes(volume.name))
    .map(({ name = '' }) => name)
    .filter(isShared);
}

/** Whether a container writes into one of these volumes. */
export function writesTo({ volumeMounts = [] }: Container, volumes: readonly string[]): boolean {
  return volumeMounts.some(({ name = '', readOnly }) => volumes.includes(name) && readOnly !== true);
}

/**
 * How many of the other init containers come before the verifier: up to the last that fills, or
 * serves, a volume.
 */
export function leadingInits(spec: PodSpec, settings: InjectSettings): number {
  const filled = filledVolumes(spec, settings);
  return otherInits(spec).findLastIndex((one) => isPlatformContainer(one, settings) || writesTo(one, filled)) + 1;
}

/** Names of the volumes whose content has to be verified before anything uses it. */
export function protectedVolumes(spec: PodSpec, settings: InjectSettings): readonly string[] {
  const filled = filledVolumes(spec, settings);
  return (spec.volumes ?? [])
    .filter(({ name }) => name !== TRUST)
    .filter((volume) => filled.includes(volume.name ?? '') || isProtected(volume, settings))
    .map(({ name = '' }) => name);
}

function mounts({ volumeMounts = [] }: Container, name: string): boolean {
  return volumeMounts.some((mount) => mount.name === name);
}

function isProtected(volume: Volume, { scratchClaims, volumes, hostPaths = [] }: InjectSettings): boolean {
  const { name = '' } = volume;
  if (volumes.includes(name) || name === DOWNLOADED) return true;
  if (UNPROTECTED.some((kind) => volume[kind] !== undefined) || beginsEmpty(volume)) return false;
  const claim = volume['persistentVolumeClaim'] as { claimName?: string } | undefined;
  if (claim !== undefined) return !scratchClaims.includes(claim.claimName ?? '');
  const host = volume['hostPath'] as { path?: string } | undefined;
  if (host !== undefined) return !hostPaths.includes(host.path ?? '');
  const csi = volume['csi'] as { driver?: string } | undefined;
  return csi?.driver !== 'secrets-store.csi.k8s.io';
}

/** An emptyDir, or a claim of the pod's own that a provisioner makes anew. */
export function beginsEmpty(volume: Volume): boolean {
  if (volume['emptyDir'] !== undefined) return true;
  const ephemeral = volume['ephemeral'] as { volumeClaimTemplate?: ClaimTemplate } | undefined;
  if (ephemeral === undefined) return false;
  const { metadata: { annotations } = {}, spec: claim = {} } = ephemeral.volumeClaimTemplate ?? {};
  // Without a class a claim is bound to a volume that somebody made before. Annotations can say the
  // same (volume.beta.kubernetes.io/storage-class), and what a provisioner fills it with.
  if (claim['storageClassName'] === '' || Object.keys(annotations ?? {}).length > 0) return false;
  return FILLED_FROM.every((key) => claim[key] === undefined);
}
