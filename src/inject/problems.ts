// What injection cannot make good. The ValidatingPolicy in examples/kyverno refuses the same, with
// the same reasons.
import { laterProblems } from './later.ts';
import {
  filledVolumes,
  isPlatformContainer,
  leadingInits,
  otherInits,
  protectedVolumes,
  writesTo,
} from './protected.ts';
import { secondNames } from './shared.ts';
import { type Container, EVIDENCE, type InjectSettings, type PodSpec, TRUST, type Volume } from './spec.ts';

const FUSE_SIDECAR = 'gke-gcsfuse-sidecar';

const BY_DIGEST = /@sha256:[a-f0-9]{64}$/;

/**
 * Reasons for which a pod must not be taken for verified, although the verifier is in it; one
 * sentence each.
 *
 * @param claimTemplates - names of a StatefulSet's volumeClaimTemplates
 */
export function problemsOf(
  spec: PodSpec,
  settings: InjectSettings,
  claimTemplates: readonly string[] = [],
): readonly string[] {
  if (spec.os?.name === 'windows') return [];
  const verified = new Set([...protectedVolumes(spec, settings), ...claimTemplates]);
  const containers = [...(spec.containers ?? []), ...(spec.ephemeralContainers ?? []), ...otherInits(spec)];
  return [
    ...trustProblems(spec),
    ...containers.flatMap((one) => containerProblems(one, verified)),
    ...laterProblems(spec, settings, verified),
    ...secondNames(spec, verified),
    ...imageProblems(spec),
    ...evidenceProblems(spec),
    ...orderProblems(spec, settings, verified),
  ];
}

/** The name is left out of what is verified, so nothing else may have it. */
function trustProblems({ volumes = [] }: PodSpec): string[] {
  const isTrust = ({ configMap }: Volume) => {
    const { name, items, optional } = (configMap ?? {}) as { name?: string; items?: unknown; optional?: boolean };
    return name === TRUST && items === undefined && optional !== true;
  };
  return volumes
    .filter((volume) => volume.name === TRUST && !isTrust(volume))
    .map(() => `the volume ${TRUST} is not the whole ConfigMap ${TRUST}: give it another name`);
}

function containerProblems(
  { name = '', volumeMounts = [], volumeDevices = [] }: Container,
  verified: ReadonlySet<string>,
): string[] {
  const isVerified = (one: { readonly name?: string }) => verified.has(one.name ?? '');
  const devices = volumeDevices.filter(isVerified).map((one) => `uses the volume ${one.name} as a block device`);
  const computed = volumeMounts
    .filter((mount) => isVerified(mount) && mount.subPathExpr !== undefined)
    .map((mount) => `mounts a part of ${mount.name} by subPathExpr, which cannot be verified: write it out as subPath`);
  return [...devices, ...computed].map((why) => `the container ${name} ${why}`);
}

function imageProblems({ volumes = [] }: PodSpec): string[] {
  return volumes
    .filter(({ image }) => image !== undefined)
    .filter(({ image }) => !BY_DIGEST.test(String((image as { reference?: unknown } | null)?.reference ?? '')))
    .map(
      ({ name }) => `the image volume ${name} is not named by digest (...@sha256:...), and may be another one later`,
    );
}

function evidenceProblems({ containers = [] }: PodSpec): string[] {
  const all = containers.flatMap(({ env = [] }) => env);
  return EVIDENCE.flatMap((name) => {
    const values = all.filter((one) => one.name === name).map(({ value }) => value);
    if (values.includes(undefined))
      return [`${name} must be written out: the verifier cannot be given it from elsewhere`];
    return new Set(values).size > 1 ? [`two containers name different values of ${name}`] : [];
  });
}

function orderProblems(spec: PodSpec, settings: InjectSettings, verified: ReadonlySet<string>): string[] {
  const filled = filledVolumes(spec, settings);
  const inits = otherInits(spec);
  const early = inits
    .slice(0, leadingInits(spec, settings))
    .flatMap(({ name, volumeMounts = [] }) =>
      volumeMounts
        .filter((mount) => verified.has(mount.name ?? '') && !filled.includes(mount.name ?? ''))
        .map((mount) => `the init container ${name} uses ${mount.name} before it can be verified`),
    );
  const filling = inits
    .filter((one) => one.restartPolicy === 'Always' && !isPlatformContainer(one, settings) && writesTo(one, filled))
    .map(({ name }) => `the sidecar ${name} goes on writing to what is verified`);
  const foreign = inits
    .filter((one) => one.name === FUSE_SIDECAR && !isPlatformContainer(one, settings))
    .map(({ image }) => `${FUSE_SIDECAR} runs ${image}, which is not the platform's image`);
  return [...early, ...filling, ...foreign];
}
