import { type Api, reasonOf, unavailable } from './api.ts';

/** Where reports are written to. */
export interface ReportApi {
  readonly apiVersion: string;
  readonly kind: string;
  readonly resource: string;
}

/**
 * The two that there are, with the same fields; the first is what Kyverno writes unless it is told
 * otherwise.
 */
export const REPORT_APIS = {
  wgpolicyk8s: { apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: 'PolicyReport', resource: 'policyreports' },
  openreports: { apiVersion: 'openreports.io/v1alpha1', kind: 'Report', resource: 'reports' },
} as const satisfies Record<string, ReportApi>;

export const REPORT_CHOICES = ['auto', 'wgpolicyk8s', 'openreports', 'none'] as const;
export type ReportChoice = (typeof REPORT_CHOICES)[number];

/**
 * The API to write to: the one that is asked for, or the first that the API server serves.
 *
 * @returns undefined when there is none
 * @throws WeighlockError `SOURCE_UNAVAILABLE` when the server does not say
 */
export async function chooseReportApi(
  api: Api,
  choice: ReportChoice,
  signal: AbortSignal,
): Promise<ReportApi | undefined> {
  if (choice === 'none') return undefined;
  const candidates = choice === 'auto' ? Object.values(REPORT_APIS) : [REPORT_APIS[choice]];
  for (const candidate of candidates) if (await isServed(api, candidate, signal)) return candidate;
  return undefined;
}

async function isServed(api: Api, { apiVersion, resource }: ReportApi, signal: AbortSignal): Promise<boolean> {
  const path = `/apis/${apiVersion}`;
  const { status, body } = await api.ask({ method: 'GET', path, signal });
  if (status === 404) return false;
  if (status !== 200) throw unavailable(path, `answered ${status}: ${reasonOf(body)}`);
  const resources = Array.isArray(body['resources']) ? (body['resources'] as { readonly name?: unknown }[]) : [];
  return resources.some(({ name }) => name === resource);
}

/** Path of all reports in a namespace. */
export function reportsPath({ apiVersion, resource }: ReportApi, namespace: string): string {
  return `/apis/${apiVersion}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
}
