import { cutBytes } from '../cut-bytes.ts';
import { VERSION } from '../version.ts';
import { visible, visibleLines } from '../visible-text.ts';
import type { Word } from './pod.ts';

const SEVERITY = { pass: 'info', fail: 'critical', warn: 'medium', error: 'high' } as const;

/** A report of one pod, as `kubectl get policyreport` shows it; it goes when the pod goes. */
export function policyReport(word: Word): Record<string, unknown> {
  const { namespace, pod, uid, result, codes, message, artifacts, exitCode } = word;
  const counts = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0, [result]: 1 };
  const digests = artifacts.flatMap(({ name, sha256 }) =>
    sha256 === undefined ? [] : [[`sha256.${visible(name)}`, visible(sha256)]],
  );
  return {
    apiVersion: 'wgpolicyk8s.io/v1alpha2',
    kind: 'PolicyReport',
    metadata: {
      name: reportName(uid),
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'weighlock' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod, uid }],
    },
    scope: { apiVersion: 'v1', kind: 'Pod', name: pod, namespace, uid },
    summary: counts,
    results: [
      {
        source: 'weighlock',
        policy: 'weighlock',
        rule: 'verify',
        category: 'AI Supply Chain',
        severity: SEVERITY[result],
        result,
        scored: true,
        message: visibleLines(message),
        properties: {
          exitCode: String(exitCode),
          codes: visible(codes.join(',')),
          artifacts: visible(artifacts.map((one) => `${one.name}=${one.result}`).join(',')),
          ...Object.fromEntries(digests),
        },
        timestamp: { seconds: secondsOf(word), nanos: 0 },
      },
    ],
  };
}

export function reportName(uid: string): string {
  return `weighlock-${uid}`;
}

/** What `kubectl describe pod` shows of a refusal; one for each time the verifier ended. */
export function event(word: Word, host: string): Record<string, unknown> {
  const seconds = secondsOf(word);
  const { namespace, pod, uid, result, codes, message } = word;
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
function secondsOf({ time }: Word): number {
  const milliseconds = Date.parse(time);
  return Number.isFinite(milliseconds) ? Math.floor(milliseconds / 1000) : 0;
}
