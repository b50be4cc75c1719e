import { TRUST, VERIFIER, type Volume } from '../inject/index.ts';
import { withoutSecrets } from '../without-secrets.ts';
import type { Pod } from './pod.ts';

/** Where a pod's content is said to come from, and on which volumes it lay when it was verified. */
export interface PodOrigin {
  /** By the pod's author: the variables of its verifier, and its annotation. */
  readonly sources: readonly string[];
  /** By the pod's specification, in words. */
  readonly volumes: readonly string[];
}

const SOURCES = ['MODEL_SOURCE_URL', 'DATASET_SOURCE_URL'];
const SOURCE_ANNOTATION = 'model.ai/source';

/** What the ServiceAccount admission plug-in adds. */
const ACCOUNT = /^kube-api-access-/;

export function originOf({ metadata, spec = {} }: Pod): PodOrigin {
  const verifier = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].find(({ name }) => name === VERIFIER);
  const said = (verifier?.env ?? []).filter(({ name = '' }) => SOURCES.includes(name)).map(({ value = '' }) => value);
  const annotated = metadata?.annotations?.[SOURCE_ANNOTATION] ?? '';
  const mounted = new Set((verifier?.volumeMounts ?? []).map(({ name }) => name));
  const volumes = (spec.volumes ?? [])
    .filter(({ name = '' }) => mounted.has(name) && name !== TRUST && !ACCOUNT.test(name))
    .map(volumeText);
  return { sources: [...new Set([...said, annotated])].filter((one) => one !== '').map(plainAddress), volumes };
}

function volumeText(volume: Volume): string {
  const { name = '' } = volume;
  const of = (kind: string) => (volume[kind] ?? {}) as Readonly<Record<string, unknown>>;
  if (volume['persistentVolumeClaim'] !== undefined) return `claim ${of('persistentVolumeClaim')['claimName']}`;
  if (volume['image'] !== undefined) return `image ${of('image')['reference']}`;
  if (volume['nfs'] !== undefined) return `NFS ${of('nfs')['server']}:${of('nfs')['path']}`;
  if (volume['hostPath'] !== undefined) return `node's folder ${of('hostPath')['path']}`;
  if (volume['csi'] !== undefined) return `CSI ${of('csi')['driver']}`;
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'volume';
  return `${kind} ${name}`;
}

/** The address alone: not even that there was a query. */
function plainAddress(source: string): string {
  return withoutSecrets(source).replace(/[?#].*$/s, '');
}
