// Where the pods of an object are, whatever its kind: a pod is known by its list of containers.

export type Path = readonly (string | number)[];

export interface Found {
  /** Paths of pod specifications. */
  readonly pods: readonly Path[];
  /** Paths of what looks like a part of a pod, but in none of them. */
  readonly unknown: readonly Path[];
}

/**
 * Kinds without a pod in them. What may look like one there is a pattern, a schema or a text; what
 * is made of it later is admitted by the cluster.
 */
const NO_POD = new Set(
  (
    'APIService CertificateSigningRequest ClusterImageCatalog ClusterPolicy ClusterRole ClusterRoleBinding ' +
    'ClusterTrustBundle ConfigMap ControllerRevision CSIDriver CSINode CustomResourceDefinition DeletingPolicy ' +
    'DeviceClass Endpoints EndpointSlice Event FlowSchema Gateway GatewayClass GeneratingPolicy GlobalContextEntry ' +
    'GRPCRoute HorizontalPodAutoscaler HTTPRoute ImageValidatingPolicy Ingress IngressClass Kustomization Lease ' +
    'LimitRange MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingPolicy MutatingWebhookConfiguration ' +
    'Namespace NetworkPolicy Node PersistentVolume PersistentVolumeClaim PodDisruptionBudget PodMonitor Policy ' +
    'PolicyException PolicyReport PriorityClass PriorityLevelConfiguration PrometheusRule ResourceClaim ' +
    'ResourceClaimTemplate ResourceQuota Role RoleBinding RuntimeClass Secret Service ServiceAccount ServiceMonitor ' +
    'StorageClass UpdateRequest ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingPolicy ' +
    'ValidatingWebhookConfiguration VerificationPolicy VolumeAttachment VolumeSnapshot VolumeSnapshotClass'
  ).split(' '),
);

/**
 * API groups whose kinds are meant: another group may have a kind of the same name with a pod in it
 * (Knative's Service).
 */
const GROUPS =
  /^(|apps|autoscaling|batch|policy|weighlock\.dev|monitoring\.coreos\.com|openreports\.io|([a-z0-9.-]+\.)?(k8s|kyverno)\.io)$/;

/**
 * @param apiVersion - `GROUP/VERSION`, or `v1`
 * @param podless - more kinds without a pod, of any group
 */
export function hasNoPod(apiVersion: string, kind: string, podless: readonly string[]): boolean {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return podless.includes(kind) || (NO_POD.has(kind) && GROUPS.test(group));
}

/** What only containers have, so that an object with one of these elsewhere is not understood. */
const OF_CONTAINERS = ['volumeMounts', 'volumeDevices'];

/** Deeper is no object of Kubernetes. */
const MAX_DEPTH = 64;

/** Finds every pod specification below an object: a map with a list of containers. */
export function findPods(value: unknown): Found {
  const pods: Path[] = [];
  const unknown: Path[] = [];
  const visit = (node: unknown, at: Path): void => {
    if (node === null || typeof node !== 'object') return;
    if (at.length > MAX_DEPTH) {
      unknown.push(at);
      return;
    }
    const entries = Array.isArray(node) ? node.map((one, i) => [i, one] as const) : Object.entries(node);
    const isPod = !Array.isArray(node) && isContainers((node as Record<string, unknown>)['containers']);
    if (isPod) pods.push(at);
    for (const [key, one] of entries) {
      if (isPod && ['containers', 'initContainers', 'ephemeralContainers'].includes(String(key))) continue;
      if (OF_CONTAINERS.includes(String(key))) unknown.push([...at, key]);
      visit(one, [...at, key]);
    }
  };
  visit(value, []);
  return { pods, unknown };
}

function isContainers(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => one !== null && typeof one === 'object' && !Array.isArray(one))
  );
}
