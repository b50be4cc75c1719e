// Whether the verifier of a pod is the one that the platform put there. A pod's author may run the
// same image with arguments of his own, on another artifact: that it passed says nothing about what
// this pod uses.
import { type InjectSettings, injectPod, problemsOf, TRUST, VERIFIER } from '../inject/index.ts';
import type { Pod, PodContainer } from './pod.ts';

/** What a namespace says to the policies of examples/kyverno: the admins' word. */
export interface NamespaceMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What the ServiceAccount admission plug-in adds to every container. */
const ACCOUNT_MOUNT = /^kube-api-access-/;

/** Fields with which a container is not the injected one any more. */
const FOREIGN = ['command', 'envFrom', 'lifecycle', 'restartPolicy', 'volumeDevices', 'workingDir'] as const;

/** Any other brings a device, with variables and mounts of its driver's. */
const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * @param namespace - of the pod; undefined when it could not be read
 * @returns undefined for the platform's verifier with everything that is verified in its reach;
 * otherwise what differs
 */
export function whyNotPlatforms(pod: Pod, namespace: NamespaceMetadata | undefined): string | undefined {
  if (namespace === undefined) return 'its namespace cannot be read, so nobody knows whose policy it was';
  // In another namespace the ConfigMap with the policy is whoever's who may write one.
  if (namespace.labels?.['weighlock.dev/enforce'] !== 'true')
    return "its namespace has no label weighlock.dev/enforce=true, so the policy may be its author's";
  const { spec = {} } = pod;
  const own = (spec.initContainers ?? []).filter(({ name }) => name === VERIFIER) as readonly PodContainer[];
  const [actual] = own;
  if (actual === undefined || own.length > 1) return 'there is no init container weighlock, or more than one';
  const settings = settingsOf(namespace, pod.metadata?.annotations?.['weighlock.dev/volumes'] ?? '');
  const injected = injectPod(spec, settings);
  const expected = injected?.initContainers.find((one) => (one as PodContainer).name === VERIFIER) as
    | PodContainer
    | undefined;
  if (expected === undefined) return 'nothing in this pod is verified';
  const [problem] = problemsOf(spec, settings);
  if (problem !== undefined) return problem;
  if (FOREIGN.some((key) => actual[key] !== undefined)) return 'the verifier was changed';
  if (Object.keys({ ...actual.resources?.limits }).some((one) => !RESOURCES.includes(one)) || actual.resources?.claims)
    return 'the verifier was given a device of the node';
  if (shape(actual) !== shape(expected))
    return "the verifier's arguments, environment or mounts are not the injected ones";
  const trust = (spec.volumes ?? []).find(({ name }) => name === TRUST)?.['configMap'];
  const { name, items } = (trust ?? {}) as { name?: string; items?: unknown };
  return name === TRUST && items === undefined ? undefined : `its policy is not the whole ConfigMap ${TRUST}`;
}

function settingsOf({ annotations = {} }: NamespaceMetadata, volumes: string): InjectSettings {
  const list = (key: string) => (annotations[`weighlock.dev/${key}`] ?? '').split(',').filter((one) => one !== '');
  return {
    image: '',
    scratchClaims: list('scratch-claims'),
    hostPaths: list('host-paths'),
    platformContainers: list('platform-containers'),
    volumes: volumes.split(','),
  };
}

/** What decides about the verdict, in one order. */
function shape({ args = [], env = [], volumeMounts = [] }: PodContainer): string {
  const mounts = volumeMounts
    .filter(({ name = '' }) => !ACCOUNT_MOUNT.test(name))
    .map(({ name, mountPath, subPath = '', readOnly = false }) => [name, mountPath, subPath, readOnly].join('\0'));
  const variables = env.map(({ name, value }) => `${name}\0${value}`);
  return JSON.stringify([args, variables.sort(), mounts.sort()]);
}
