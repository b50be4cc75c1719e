import { cutBytes } from '../cut-bytes.ts';
import { VERSION } from '../version.ts';
import { visible, visibleLines } from '../visible-text.ts';
import type { ArtifactVerdict, PodVerdict, Result } from './pod-verdict.ts';
import type { ReportApi } from './report-api.ts';

const SEVERITY = { pass: 'info', fail: 'critical', warn: 'medium', error: 'high' } as const;

/** The worst first: what a person looks at. */
const ORDER: readonly Result[] = ['fail', 'error', 'warn', 'pass'];

/** Groups of a namespace's report; more would not fit into an object. */
const MAX_GROUPS = 200;

/** Pods that a group names. */
const MAX_PODS = 10;

/** Says of a report what it is about. */
export const SCOPE_LABEL = 'weighlock.dev/scope';

/**
 * A report of one pod, as `kubectl get policyreport` shows it; it goes when the pod goes. One
 * result for each artifact.
 */
export function podReport(verdict: PodVerdict, api: ReportApi): Record<string, unknown> {
  const { namespace, pod, uid } = verdict;
  const owner = { apiVersion: 'v1', kind: 'Pod', name: pod, uid };
  const results = judgedArtifacts(verdict).map(({ artifact, result }) => ({
    ...common(result),
    policy: policyOf(artifact),
    message: visibleLines(verdict.message),
    properties: {
      exitCode: String(verdict.exitCode),
      codes: visible(verdict.codes.join(',')),
      ...artifactProperties(artifact),
    },
    timestamp: { seconds: additionalOf(verdict), nanos: 0 },
  }));
  return {
    ...head(api, { name: reportName(uid), namespace, scope: 'pod' }, { ownerReferences: [owner] }),
    scope: { ...owner, namespace },
    ...sorted(results),
  };
}

/** One report of a namespace: which content runs in it, by whom it was signed, in how many pods. */
export function namespaceReport(
  namespace: string,
  verdicts: Iterable<PodVerdict>,
  api: ReportApi,
): Record<string, unknown> {
  const groups = new Map<string, { judged: Judged; pods: PodVerdict[] }>();
  for (const verdict of verdicts) {
    for (const judged of judgedArtifacts(verdict)) {
      const key = JSON.stringify([judged.result, judged.artifact, verdict.codes]);
      const group = groups.get(key) ?? { judged, pods: [] };
      group.pods.push(verdict);
      groups.set(key, group);
    }
  }
  const results = [...groups.values()].map(({ judged: { artifact, result }, pods }) => {
    const times = pods.map(additionalOf);
    const codes = pods[0]?.codes ?? [];
    const what = codes.length === 0 ? '' : `, ${codes.join(', ')}`;
    return {
      ...common(result),
      policy: policyOf(artifact),
      message: visible(`${artifact?.name ?? 'no artifact'}: ${result} in ${count(pods.length)}${what}`),
      properties: {
        pods: String(pods.length),
        codes: visible(codes.join(',')),
        oldest: new Date(1000 * Math.min(...times)).toISOString(),
        ...artifactProperties(artifact),
      },
      resources: pods
        .slice(0, MAX_PODS)
        .map(({ pod, uid }) => ({ apiVersion: 'v1', kind: 'Pod', name: pod, namespace, uid })),
      timestamp: { seconds: Math.max(...times), nanos: 0 },
    };
  });
  return {
    ...head(api, { name: NAMESPACE_REPORT, namespace, scope: 'namespace' }),
    scope: { apiVersion: 'v1', kind: 'Namespace', name: namespace },
    ...sorted(results),
  };
}

/** What a namespace's report is called. */
export const NAMESPACE_REPORT = 'weighlock';

export function reportName(uid: string): string {
  return `weighlock-${uid}`;
}

/** What `kubectl describe pod` shows of a refusal; one for each time the verifier ended. */
export function event(verdict: PodVerdict, host: string): Record<string, unknown> {
  const seconds = additionalOf(verdict);
  const { namespace, pod, uid, result, codes, message } = verdict;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    // Sent again after a restart of ours, it is the same one.
    metadata: { name: `weighlock-${uid}-${seconds}`, namespace },
    eventTime: new Date(1000 * seconds).toISOString().replace(/Z$/, '000Z'),
    type: result === 'pass' ? 'Normal' : 'Warning',
    reason: result === 'pass' ? 'Verified' : result === 'warn' ? 'Unverified' : 'VerificationFailed',
    action: 'Verify',
    note: cutBytes(visibleLines([codes.join(', '), message].filter((text) => text !== '').join(': ')), 1024),
    regarding: { apiVersion: 'v1', kind: 'Pod', name: pod, namespace, uid },
    reportingController: 'weighlock.dev/reporter',
    reportingInstance: `${host}-${VERSION}`.slice(0, 128),
  };
}

/** Since the epoch; 0 when the kubelet did not say. */
export function additionalOf({ time }: Pick<PodVerdict, 'time'>): number {
  const milliseconds = Date.parse(time);
  return Number.isFinite(milliseconds) ? Math.floor(milliseconds / 1000) : 0;
}

export interface Judged {
  /** Undefined where the verifier named none, or not the one that this is about. */
  readonly artifact: ArtifactVerdict | undefined;
  readonly result: Result;
}

/**
 * What is said of each artifact of a pod. A verifier names as many as there was room for: where
 * none of those has the pod's own result, one without a name has it.
 */
export function judgedArtifacts(verdict: PodVerdict): readonly Judged[] {
  const named = verdict.artifacts.map((artifact) => ({ artifact, result: resultOf(artifact, verdict) }));
  if (named.some(({ result }) => result === verdict.result)) return named;
  return [...named, { artifact: undefined, result: verdict.result }];
}

function resultOf({ result }: ArtifactVerdict, { isCounted, result: whole }: PodVerdict): Result {
  if (result === 'PASSED') return isCounted ? 'pass' : 'warn';
  // Let pass all the same: by the mode, or by the failure policy.
  if (whole === 'warn' || whole === 'pass') return 'warn';
  return result === 'FAILED' ? 'fail' : 'error';
}

function head(
  { apiVersion, kind }: ReportApi,
  { name, namespace, scope }: { name: string; namespace: string; scope: string },
  more: object = {},
): Record<string, unknown> {
  const labels = { 'app.kubernetes.io/managed-by': 'weighlock', [SCOPE_LABEL]: scope };
  return { apiVersion, kind, metadata: { name, namespace, labels, ...more } };
}

function common(result: Result) {
  const severity = SEVERITY[result];
  return { source: 'weighlock', rule: 'verify', category: 'AI Supply Chain', severity, result, scored: true };
}

function policyOf(artifact: ArtifactVerdict | undefined): string {
  return visible(artifact?.policies?.join(',') ?? 'weighlock');
}

function artifactProperties(artifact: ArtifactVerdict | undefined): Record<string, string> {
  if (artifact === undefined) return {};
  const { name, sha256, manifest, signers = [], policies = [] } = artifact;
  return {
    artifact: visible(name),
    ...(sha256 === undefined ? {} : { sha256: visible(sha256) }),
    ...(manifest === undefined ? {} : { manifest: visible(manifest) }),
    ...(signers.length === 0 ? {} : { signer: visible(signers.join(', ')) }),
    ...(policies.length === 0 ? {} : { policies: visible(policies.join(', ')) }),
  };
}

/**
 * Results with the worst first, and how many there are of each; a list that is cut still counts
 * all.
 */
function sorted(results: readonly { readonly result: Result }[]): object {
  const summary = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 };
  for (const { result } of results) summary[result] += 1;
  const inOrder = results.toSorted((a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result));
  return { summary, results: inOrder.slice(0, MAX_GROUPS) };
}

function count(pods: number): string {
  return pods === 1 ? 'one pod' : `${pods} pods`;
}
