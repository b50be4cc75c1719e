import { type Api, reasonOf, unavailable } from './api.ts';
import type { NamespaceMetadata } from './injected.ts';
import { SCOPE_LABEL } from './objects.ts';
import type { Pod } from './pod.ts';
import type { ReportObject } from './pod-rows.ts';
import { REPORT_APIS, type ReportApi } from './report-api.ts';

export interface Wanted {
  /** All of them when it is left out. */
  readonly namespace?: string;
  readonly pod?: string;
  readonly selector?: string;
}

export interface Read {
  readonly pods: readonly Pod[];
  readonly reports: readonly ReportObject[];
  readonly namespaces: ReadonlyMap<string, NamespaceMetadata>;
}

/** For one question of a person this much memory is there. */
const MAX_BYTES = 1 << 30;

/** Long: a cluster may send 10,000 pods over a slow line. */
const TIMEOUT = 120_000;

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/**
 * Pods, the reports of them, and their namespaces: all asked for at once, and answered out of the
 * API server's cache.
 *
 * @param withNamespaces - whether the labels of namespaces matter
 * @throws WeighlockError `SOURCE_UNAVAILABLE` where the pods cannot be had; the rest may be missing
 */
export async function readPods(api: Api, wanted: Wanted, withNamespaces: boolean, signal: AbortSignal): Promise<Read> {
  const { namespace, pod, selector } = wanted;
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const field: Record<string, string> = pod === undefined ? {} : { fieldSelector: `metadata.name=${pod}` };
  const label: Record<string, string> = selector === undefined ? {} : { labelSelector: selector };
  const list = async <T>(path: string, query: Record<string, string>, accept?: string) => {
    const asked = `${path}?${new URLSearchParams({ resourceVersion: '0', ...query })}`;
    const more = accept === undefined ? {} : { accept };
    const items: T[] = [];
    const answer = await api.list(
      { method: 'GET', path: asked, signal, maxBytes: MAX_BYTES, timeout: TIMEOUT, ...more },
      (item) => items.push(item as T),
    );
    return { answer, items };
  };
  const optional = async <T>(path: string, query: Record<string, string>, accept?: string): Promise<readonly T[]> => {
    const { answer, items } = await list<T>(path, query, accept);
    return answer.status === 200 ? items : [];
  };
  const reportsOf = ({ apiVersion, resource }: ReportApi) =>
    optional<ReportObject>(`/apis/${apiVersion}${within}/${resource}`, { labelSelector: `${SCOPE_LABEL}=pod` });
  const [{ answer, items: pods }, wg, open, namespaces] = await Promise.all([
    list<Pod>(`/api/v1${within}/pods`, { ...field, ...label }),
    reportsOf(REPORT_APIS.wgpolicyk8s),
    reportsOf(REPORT_APIS.openreports),
    withNamespaces ? optional<{ metadata?: Named }>('/api/v1/namespaces', {}, METADATA_LIST) : [],
  ]);
  if (answer.status === 200 && !('items' in answer.body)) throw unavailable('/api/v1/pods', 'sent no whole list');
  if (answer.status !== 200) throw unavailable('/api/v1/pods', `answered ${answer.status}: ${reasonOf(answer.body)}`);
  return {
    pods,
    reports: [...open, ...wg],
    namespaces: new Map(namespaces.map(({ metadata = {} }) => [metadata.name ?? '', metadata])),
  };
}

interface Named extends NamespaceMetadata {
  readonly name?: string;
}
