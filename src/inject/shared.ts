// What else in a pod, or beside it, could write to what is verified. The variable `sharedVols` of
// the ValidatingPolicy in examples/kyverno, and its rule about what is in a pod a second time, say
// the same in CEL.
import { beginsEmpty, otherInits } from './protected.ts';
import type { PodSpec, Volume } from './spec.ts';

/** Kinds whose content only the kubelet writes. */
const READ_ONLY = ['configMap', 'secret', 'projected', 'downwardAPI'];

/**
 * Names of volumes, beside those that are verified, that somebody else may write to as well: an
 * empty one that two containers mount, or one that is not the pod's own.
 */
export function sharedVolumes(spec: PodSpec, verified: ReadonlySet<string>): ReadonlySet<string> {
  const all = [...(spec.containers ?? []), ...(spec.ephemeralContainers ?? []), ...otherInits(spec)];
  const isMountedTwice = (name: string) =>
    all.filter(({ volumeMounts = [] }) => volumeMounts.some((mount) => mount.name === name)).length > 1;
  const names = (spec.volumes ?? [])
    .filter((volume) => !READ_ONLY.some((kind) => volume[kind] !== undefined))
    .filter((volume) => !beginsEmpty(volume) || isMountedTwice(volume.name ?? ''))
    .map(({ name = '' }) => name);
  return new Set(names.filter((name) => !verified.has(name)));
}

/**
 * Folders of the node that are verified, and in the pod a second time, where they can be written
 * to; one sentence each.
 */
export function secondNames({ volumes = [] }: PodSpec, verified: ReadonlySet<string>): readonly string[] {
  const listed = volumes
    .filter(({ name = '' }) => !verified.has(name))
    .map(pathOf)
    .filter((path) => path !== undefined);
  const isSecond = (path: string | undefined) => path !== undefined && listed.some((one) => overlaps(path, one));
  return volumes
    .filter((volume) => verified.has(volume.name ?? '') && isSecond(pathOf(volume)))
    .map(({ name }) => `the volume ${name} is in the pod a second time, where it can be written to`);
}

function pathOf(volume: Volume): string | undefined {
  return (volume['hostPath'] as { path?: string } | undefined)?.path;
}

function overlaps(path: string, other: string): boolean {
  const isPlain = !/\/\/|\/\.(\/|$)/.test(path);
  return !isPlain || asFolder(path).startsWith(asFolder(other)) || asFolder(other).startsWith(asFolder(path));
}

export function asFolder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
