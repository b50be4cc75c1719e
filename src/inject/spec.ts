/** What of a pod's specification decides about the verifier; everything else is passed through. */
export interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: User;
  readonly os?: { readonly name?: string };
  readonly shareProcessNamespace?: boolean;
  readonly hostPID?: boolean;
}

export interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name?: string; readonly value?: string }[];
  readonly volumeMounts?: readonly Mount[];
  readonly volumeDevices?: readonly { readonly name?: string }[];
  readonly securityContext?: User;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities; readonly claims?: unknown };
}

/** By resource: `cpu`, `memory`, ... */
export type Quantities = Readonly<Record<string, string | number>>;

export interface Mount {
  readonly name?: string;
  readonly mountPath?: string;
  readonly subPath?: string;
  readonly subPathExpr?: string;
  readonly readOnly?: boolean;
  readonly mountPropagation?: string;
}

interface User {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
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
  /** Folders of the node that hold nothing to verify, such as the libraries of a GPU driver. */
  readonly hostPaths?: readonly string[];
  /** `NAME=REPOSITORY`: containers of the platform's own beside the ones that everybody has. */
  readonly platformContainers?: readonly string[];
  /** Limits of the verifier, as Kubernetes quantities; the defaults are one processor and 512Mi. */
  readonly cpu?: string;
  readonly memory?: string;
  /**
   * What it asks a node for, where the pod is not of the quality of service Guaranteed: 100m and
   * 256Mi.
   */
  readonly cpuRequest?: string;
  readonly memoryRequest?: string;
}

export const VERIFIER = 'weighlock';
export const TRUST = 'weighlock-trust';
export const TRUST_PATH = '/etc/weighlock';

/** Variables of the pod's author that reach the verifier, as literals only. */
export const EVIDENCE = ['DATASET_SHA256', 'DATASET_SOURCE_URL', 'MODEL_SHA256', 'MODEL_SOURCE_URL'];
