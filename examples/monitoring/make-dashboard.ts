// Makes dashboard.json: the panels, each with its query, in rows of 24 columns.
//   node examples/monitoring/make-dashboard.ts
import { writeFileSync } from 'node:fs';

interface Panel {
  readonly title: string;
  readonly type: 'stat' | 'timeseries' | 'table';
  readonly width: number;
  readonly unit?: string;
  readonly queries: Readonly<Record<string, string>>;
}

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const IN_NAMESPACE = 'namespace=~"$namespace"';
const count = (result: string) => `sum(weighlock_pods{${IN_NAMESPACE},result="${result}"}) or vector(0)`;

const PANELS: readonly Panel[] = [
  { title: 'Verified pods', type: 'stat', width: 6, queries: { pods: count('pass') } },
  { title: 'Refused pods', type: 'stat', width: 6, queries: { pods: count('fail') } },
  { title: 'Could not be evaluated', type: 'stat', width: 6, queries: { pods: count('error') } },
  { title: 'Unverified, let through', type: 'stat', width: 6, queries: { pods: count('warn') } },
  {
    title: 'Pods by verdict',
    type: 'timeseries',
    width: 12,
    queries: { '{{result}}': `sum by (result) (weighlock_pods{${IN_NAMESPACE}})` },
  },
  {
    title: 'What is refused, and why',
    type: 'table',
    width: 12,
    queries: {
      pods: `sum by (namespace, artifact, result, code) (weighlock_artifacts{${IN_NAMESPACE},result!="pass"})`,
    },
  },
  {
    title: 'Age of the oldest verdict',
    type: 'timeseries',
    width: 12,
    unit: 's',
    queries: {
      '{{namespace}}': `time() - min by (namespace) (weighlock_oldest_verdict_timestamp_seconds{${IN_NAMESPACE}})`,
    },
  },
  {
    title: 'Reports: written, failed, waiting',
    type: 'timeseries',
    width: 12,
    queries: {
      '{{outcome}} per s': 'sum by (outcome) (rate(weighlock_reporter_writes_total[$__rate_interval]))',
      waiting: 'sum(weighlock_reporter_queue_length)',
    },
  },
  {
    title: 'Running pods whose content is verified',
    type: 'timeseries',
    width: 12,
    queries: {
      '{{namespace}}/{{pod}} {{artifact}}': `min by (namespace, pod, artifact) (weighlock_artifact_verified{${IN_NAMESPACE}})`,
    },
  },
  {
    title: 'Since the last good verification of a running pod',
    type: 'timeseries',
    width: 12,
    unit: 's',
    queries: {
      '{{namespace}}/{{pod}}': `time() - max by (namespace, pod) (weighlock_last_success_timestamp_seconds{${IN_NAMESPACE}} > 0)`,
    },
  },
  {
    title: 'Bytes verified again',
    type: 'timeseries',
    width: 12,
    unit: 'Bps',
    queries: {
      '{{namespace}}': `sum by (namespace) (rate(weighlock_verified_bytes_total{${IN_NAMESPACE}}[$__rate_interval]))`,
    },
  },
  {
    title: 'Verifications of running pods',
    type: 'timeseries',
    width: 12,
    queries: {
      '{{result}} per s': `sum by (result) (rate(weighlock_verifications_total{${IN_NAMESPACE}}[$__rate_interval]))`,
    },
  },
];

export function dashboard(): object {
  let x = 0;
  let y = 0;
  const panels = PANELS.map(({ title, type, width: w, unit, queries }, i) => {
    if (x + w > 24) [x, y] = [0, y + 8];
    const gridPos = { x, y, w, h: 8 };
    x += w;
    const instant = type !== 'timeseries';
    const targets = Object.entries(queries).map(([legendFormat, expr], at) => ({
      refId: String.fromCharCode(65 + at),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      instant,
      range: !instant,
      format: type === 'table' ? 'table' : 'time_series',
    }));
    const defaults = unit === undefined ? {} : { unit };
    return {
      id: i + 1,
      title,
      type,
      datasource: DATASOURCE,
      gridPos,
      targets,
      fieldConfig: { defaults, overrides: [] },
    };
  });
  const variable = {
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
  return {
    uid: 'weighlock',
    title: 'Weighlock',
    tags: ['weighlock'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    time: { from: 'now-6h', to: 'now' },
    refresh: '1m',
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus' },
        {
          name: 'namespace',
          type: 'query',
          datasource: DATASOURCE,
          query: 'label_values(weighlock_pods, namespace)',
          ...variable,
        },
      ],
    },
    panels,
  };
}

export const dashboardText = (): string => `${JSON.stringify(dashboard(), undefined, 2)}\n`;

if (import.meta.main) writeFileSync(new URL('dashboard.json', import.meta.url), dashboardText());
