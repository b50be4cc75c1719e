import { VERIFIER } from '../inject/index.ts';
import type { NamespaceMetadata } from './injected.ts';
import type { Pod } from './pod.ts';
import { type ArtifactVerdict, type Believed, type PodVerdict, verdictOf } from './pod-verdict.ts';
import { originOf, type PodOrigin } from './pod-volumes.ts';

/**
 * A verdict, or why there is none: one that nobody confirmed, a verifier that has not ended, a pod
 * without one.
 */
export type Standing = PodVerdict['result'] | 'unconfirmed' | 'waiting' | 'none';

/** What a person is shown of a pod. */
export interface PodRow {
  readonly namespace: string;
  readonly pod: string;
  readonly verdict: Standing;
  /** Who says so: the reporter, this program out of the pod's own status, or nobody. */
  readonly confirmedBy: 'report' | 'status' | 'nobody';
  readonly codes: readonly string[];
  readonly artifacts: readonly ArtifactVerdict[];
  readonly message: string;
  /** RFC 3339, of the verdict; empty where there is none. */
  readonly time: string;
  readonly imageId: string;
  readonly origin: PodOrigin;
}

/** A report as the reporter writes it. */
export interface ReportObject {
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
  readonly scope?: { readonly uid?: string };
  readonly results?: readonly ReportResult[];
}

interface ReportResult {
  readonly result?: string;
  readonly message?: string;
  readonly timestamp?: { readonly seconds?: number };
  readonly properties?: Readonly<Record<string, string>>;
}

const ORDER = ['fail', 'error', 'warn', 'pass'] as const;

/**
 * Pods with what is known of them. The reporter's word counts where it is about what the pod's
 * verifier said last; else, with digests of the verifier's image, this program judges as the
 * reporter does. Otherwise a pass is unconfirmed: whoever writes a pod can write a container that
 * says so.
 *
 * @param namespaces - undefined for one that cannot be read
 */
export function rowsOf(
  pods: readonly Pod[],
  reports: readonly ReportObject[],
  believed: Believed,
  namespaces: (name: string) => NamespaceMetadata | undefined,
): PodRow[] {
  const byUid = new Map(reports.map((report) => [report.scope?.uid ?? '', report]));
  const rows = pods.map((pod) => rowOf(pod, byUid.get(pod.metadata?.uid ?? ''), believed, namespaces));
  const at = ({ namespace, pod }: PodRow) => `${namespace}\0${pod}`;
  return rows.sort((a, b) => (at(a) < at(b) ? -1 : 1));
}

function rowOf(
  pod: Pod,
  report: ReportObject | undefined,
  believed: Believed,
  namespaces: (name: string) => NamespaceMetadata | undefined,
): PodRow {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const imageId = [...initContainerStatuses, ...containerStatuses].find((one) => one.name === VERIFIER)?.imageID ?? '';
  const common = { namespace, pod: name, imageId, origin: originOf(pod) } as const;
  const own = verdictOf(pod, believed, namespaces(namespace));
  const hasVerifier = [...initContainers, ...containers].some((one) => one.name === VERIFIER);
  if (own === undefined) {
    const verdict = hasVerifier ? 'waiting' : 'none';
    return { ...common, verdict, confirmedBy: 'nobody', codes: [], artifacts: [], message: '', time: '' };
  }
  const { codes, artifacts, message, time } = own;
  const said = report === undefined ? undefined : reportOf(report, own);
  if (said !== undefined) return { ...common, ...said, confirmedBy: 'report', time };
  const isConfirmed = believed.images.length > 0;
  const verdict = own.result === 'pass' && !isConfirmed ? 'unconfirmed' : own.result;
  return { ...common, verdict, confirmedBy: isConfirmed ? 'status' : 'nobody', codes, artifacts, message, time };
}

/**
 * What a report says, where it is about what the verifier said last: not about an earlier time that
 * it ended.
 */
function reportOf({ results = [] }: ReportObject, { time, exitCode }: PodVerdict) {
  const seconds = Math.floor(Date.parse(time) / 1000);
  const current = results.filter(({ timestamp }) => timestamp?.seconds === seconds);
  const worst = ORDER.find((one) => current.some(({ result }) => result === one));
  // Reports can be written by others, too; what the kubelet says of the exit code cannot.
  if (worst === undefined || (worst === 'pass' && exitCode !== 0)) return undefined;
  const [first] = current;
  return {
    verdict: worst,
    codes: (first?.properties?.['codes'] ?? '').split(',').filter((code) => code !== ''),
    message: first?.message ?? '',
    artifacts: current.flatMap(({ result, properties = {} }) => {
      const { artifact, sha256, manifest, signer, policies } = properties;
      if (artifact === undefined) return [];
      return [
        {
          name: artifact,
          result: result ?? '',
          ...(sha256 === undefined ? {} : { sha256 }),
          ...(manifest === undefined ? {} : { manifest }),
          ...(signer === undefined ? {} : { signers: [signer] }),
          ...(policies === undefined ? {} : { policies: policies.split(', ') }),
        },
      ];
    }),
  };
}
