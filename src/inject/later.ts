// What a container that is there while, or after, a volume is verified could still do to it. The
// variable `rest` of the ValidatingPolicy in examples/kyverno names the same containers.
import { leadingInits, otherInits } from './protected.ts';
import { asFolder, sharedVolumes } from './shared.ts';
import type { Container, InjectSettings, Mount, PodSpec, Volume } from './spec.ts';

/** @param verified - names of volumes */
export function laterProblems(spec: PodSpec, settings: InjectSettings, verified: ReadonlySet<string>): string[] {
  const inits = otherInits(spec);
  const before = inits.slice(0, leadingInits(spec, settings));
  const ended = new Set(before.filter(({ restartPolicy }) => restartPolicy !== 'Always'));
  const all = [...(spec.containers ?? []), ...(spec.ephemeralContainers ?? []), ...inits];
  const shared = sharedVolumes(spec, verified);
  const fixed = new Set((spec.volumes ?? []).filter(isReadOnly).map(({ name = '' }) => name));
  return [
    ...all.filter((one) => !ended.has(one)).flatMap((one) => problemsOfLater(one, { verified, shared, fixed })),
    // Where nothing is verified, there is no verifier to disturb.
    ...(all.some(({ volumeMounts = [] }) => volumeMounts.some(({ name = '' }) => verified.has(name)))
      ? processProblems(spec, before)
      : []),
  ];
}

interface Volumes {
  readonly verified: ReadonlySet<string>;
  readonly shared: ReadonlySet<string>;
  /** Those that nobody in the pod can write to. */
  readonly fixed: ReadonlySet<string>;
}

function problemsOfLater({ name: container, volumeMounts = [] }: Container, volumes: Volumes): string[] {
  const { verified, shared, fixed } = volumes;
  const problems = volumeMounts
    .filter(({ name = '' }) => verified.has(name))
    .flatMap((mount) => {
      const { name = '', mountPath: at = '', readOnly, mountPropagation = 'None' } = mount;
      return [
        ...(readOnly === true || fixed.has(name) ? [] : [`may write to ${name}: mount it with readOnly: true`]),
        ...(mountPropagation === 'None' ? [] : [`mounts ${name} with mountPropagation`]),
        ...(isPlain(at) ? [] : [`mounts ${name} at ${at}, which is no absolute path without . and ..`]),
        ...liesOver(mount, volumeMounts),
        ...liesInside(mount, volumeMounts, shared),
      ];
    });
  return problems.map((why) => `the container ${container} ${why}`);
}

/** Mounts of the same container that change what is seen at a verified path. */
function liesOver(verified: Mount, all: readonly Mount[]): string[] {
  const { mountPath: at = '' } = verified;
  return all
    .filter(({ mountPath = '' }) => mountPath !== at)
    .filter(({ mountPath = '' }) => !isPlain(mountPath) || !isPlain(at) || asFolder(mountPath).startsWith(asFolder(at)))
    .map(({ name, mountPath }) => `mounts ${name} at ${mountPath}, over or into what is verified at ${at}`);
}

/**
 * Who else mounts the volume around it can rename the folder that it is mounted on, and put another
 * one there.
 */
function liesInside({ name, mountPath: at = '' }: Mount, all: readonly Mount[], shared: ReadonlySet<string>): string[] {
  return all
    .filter((outer) => shared.has(outer.name ?? '') && asFolder(at).startsWith(asFolder(outer.mountPath ?? '')))
    .map((outer) => `mounts ${name} at ${at}, inside of ${outer.name}, which others may write to`);
}

function isPlain(path: string): boolean {
  return path.startsWith('/') && !/\/\/|\/\.\.?(\/|$)/.test(path);
}

/**
 * Of several containers in one process namespace, one that began before the verifier could change
 * what it does.
 */
function processProblems(
  { shareProcessNamespace, hostPID, ephemeralContainers = [] }: PodSpec,
  before: readonly Container[],
): string[] {
  if (shareProcessNamespace !== true && hostPID !== true) return [];
  return [...before.filter(({ restartPolicy }) => restartPolicy === 'Always'), ...ephemeralContainers].map(
    ({ name }) => `the container ${name} shares the processes of the verifier`,
  );
}

/** An image, or a claim that is attached so. */
function isReadOnly({ image, persistentVolumeClaim }: Volume): boolean {
  return image !== undefined || (persistentVolumeClaim as { readOnly?: boolean } | undefined)?.readOnly === true;
}
