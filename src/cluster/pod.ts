import type { Container, PodSpec } from '../inject/index.ts';

/** What of a pod a report is made of. */
export interface Pod {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: PodSpec;
  readonly status?: {
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** A container as the API server has it. */
export interface PodContainer extends Container {
  readonly command?: unknown;
  readonly envFrom?: unknown;
  readonly lifecycle?: unknown;
  readonly workingDir?: unknown;
}

export interface ContainerStatus {
  readonly name?: string;
  readonly imageID?: string;
  readonly state?: { readonly terminated?: Terminated };
  readonly lastState?: { readonly terminated?: Terminated };
}

interface Terminated {
  readonly exitCode?: number;
  readonly message?: string;
  readonly finishedAt?: string;
}
