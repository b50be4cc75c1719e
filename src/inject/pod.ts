import { leadingInits, otherInits, protectedVolumes } from './protected.ts';
import {
  type Container,
  EVIDENCE,
  type InjectSettings,
  type Mount,
  type PodSpec,
  TRUST,
  TRUST_PATH,
  VERIFIER,
} from './spec.ts';

/** The user that the verifier runs as where the workload names none, or root. */
const DISTROLESS_USER = 65_532;

/** What injection makes of a pod; undefined when there is nothing to verify in it. */
export interface Injected {
  readonly initContainers: readonly object[];
  readonly volumes: readonly object[];
}

/**
 * Puts the verifier into a pod: first, or right behind what fills or serves a volume that is
 * verified. What somebody put there under its name is replaced. The MutatingPolicy in
 * examples/kyverno does exactly the same. Pods for Windows are left alone: the kubelet lets them
 * run on no other system.
 *
 * @param claimTemplates - names of a StatefulSet's volumeClaimTemplates: volumes that no template
 * lists
 */
export function injectPod(
  spec: PodSpec,
  settings: InjectSettings,
  claimTemplates: readonly string[] = [],
): Injected | undefined {
  if (spec.os?.name === 'windows') return undefined;
  const others = otherInits(spec);
  const containers = [...(spec.containers ?? []), ...others];
  const volumes = (spec.volumes ?? []).filter(({ name }) => name !== TRUST);
  const verified = [...protectedVolumes(spec, settings), ...claimTemplates];
  const isVerified = ({ name = '' }: Mount) => verified.includes(name);
  const mounts = distinct(
    containers.flatMap(({ volumeMounts = [] }) =>
      volumeMounts.filter(isVerified).map(({ name = '', subPath = '' }) => `${name}:${subPath}`),
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
  const index = leadingInits(spec, settings);
  const reader = containers.find(({ volumeMounts = [] }) => volumeMounts.some(isVerified));
  const resources = resourcesOf(settings, containers.every(isGuaranteed));
  const verifier = { ...container(settings.image, mounts, evidence, userOf(spec, reader)), resources };
  return {
    initContainers: [...others.slice(0, index), verifier, ...others.slice(index)],
    volumes: [{ name: TRUST, configMap: { name: TRUST } }, ...volumes],
  };
}

/** As whom the workload reads the volume, so that the verifier may read it too. */
function userOf(spec: PodSpec, reader: Container | undefined): { runAsUser: number; runAsGroup?: number } {
  const user = reader?.securityContext?.runAsUser ?? spec.securityContext?.runAsUser ?? 0;
  const group = reader?.securityContext?.runAsGroup;
  return { runAsUser: user === 0 ? DISTROLESS_USER : user, ...(group === undefined ? {} : { runAsGroup: group }) };
}

/** Whether a container asks for no less than it may use: a pod of such containers is Guaranteed. */
function isGuaranteed({ resources: { limits = {}, requests = {} } = {} }: Container): boolean {
  return ['cpu', 'memory'].every((name) => {
    const limit = limits[name];
    return limit !== undefined && String(requests[name] ?? limit) === String(limit);
  });
}

/**
 * A small request lets many pods start on a small node; a Guaranteed pod stays one only by requests
 * that are its limits.
 */
function resourcesOf(
  { cpu = '1', memory = '512Mi', cpuRequest = '100m', memoryRequest = '256Mi' }: InjectSettings,
  guaranteed: boolean,
): object {
  const limits = { cpu, memory };
  return { requests: guaranteed ? limits : { cpu: cpuRequest, memory: memoryRequest }, limits };
}

function container(
  image: string,
  mounts: readonly string[],
  evidence: readonly string[],
  user: { readonly runAsUser: number; readonly runAsGroup?: number },
): object {
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
    // What the restricted Pod Security profile asks for.
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      ...user,
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
