import { Exposition, type Sample } from '../exposition.ts';
import { VERSION } from '../version.ts';
import type { Api } from './api.ts';
import type { Lease } from './lease.ts';
import { additionalOf, judgedArtifacts } from './objects.ts';
import type { Reporter } from './reporter.ts';

/** Series of one metric; names of artifacts are their authors', and a scraper pays for each. */
const MAX_SERIES = 2000;

/**
 * What a reporter knows and does, in the text format of Prometheus.
 *
 * @param reporter - undefined while another one writes: it has the verdicts, and this one counts
 * none a second time
 */
export function reporterMetrics(
  api: Pick<Api, 'requests'>,
  reporter: Reporter | undefined,
  lease: Lease | undefined,
): string {
  const page = new Exposition();
  page.add('build_info', 'gauge', 'The version, as a label.', [[{ version: VERSION }, 1]]);
  const leads = lease === undefined || lease.isHeld;
  page.add('reporter_leader', 'gauge', 'Whether this reporter is the one that writes.', [[{}, leads ? 1 : 0]]);
  page.add('reporter_requests_total', 'counter', 'Requests to the API server.', [[{}, api.requests]]);
  if (reporter === undefined) return page.text();
  addVerdicts(page, reporter);
  const { counts, size, age, forbidden } = reporter.queue;
  const { written, failed, dropped, lost } = counts;
  page.add('reporter_writes_total', 'counter', 'Attempts to write a report or event, by what became of them.', [
    [{ outcome: 'written' }, written],
    [{ outcome: 'failed' }, failed],
    [{ outcome: 'dropped' }, dropped],
    [{ outcome: 'lost' }, lost],
  ]);
  page.add('reporter_queue_length', 'gauge', 'Reports and events that wait to be written.', [[{}, size]]);
  page.add('reporter_queue_age_seconds', 'gauge', 'How long the oldest of them waits.', [[{}, age / 1000]]);
  page.add('reporter_forbidden', 'gauge', 'Kinds of objects, by namespace, that may not be written.', [
    [{}, forbidden.length],
  ]);
  const { isCurrent, lists } = reporter.feed;
  page.add('reporter_synced', 'gauge', 'Whether all pods were listed, and are watched.', [[{}, isCurrent ? 1 : 0]]);
  page.add('reporter_lists_total', 'counter', 'Lists of all pods.', [[{}, lists.count]]);
  page.add('reporter_last_list_timestamp_seconds', 'gauge', 'When the last one ended.', [[{}, lists.time]]);
  return page.text();
}

function addVerdicts(page: Exposition, { verdicts }: Reporter): void {
  const pods = new Tally();
  const artifacts = new Tally();
  const oldest = new Map<string, number>();
  const newest = new Map<string, number>();
  for (const verdict of verdicts.all()) {
    const { namespace, result, codes } = verdict;
    pods.add({ namespace, result });
    for (const { artifact, result: own } of judgedArtifacts(verdict))
      for (const code of own === 'pass' || codes.length === 0 ? [''] : codes)
        artifacts.add({ namespace, artifact: artifact?.name ?? '', result: own, code });
    const time = additionalOf(verdict);
    oldest.set(namespace, Math.min(oldest.get(namespace) ?? time, time));
    newest.set(namespace, Math.max(newest.get(namespace) ?? 0, time));
  }
  page.add('pods', 'gauge', 'Pods by the last verdict of their verifier.', pods.samples);
  page.add(
    'artifacts',
    'gauge',
    'Artifacts in pods by verdict and code; one with two codes counts under each.',
    artifacts.samples,
  );
  const ages = (values: ReadonlyMap<string, number>) =>
    [...values].slice(0, MAX_SERIES).map(([namespace, time]): Sample => [{ namespace }, time]);
  page.add('oldest_verdict_timestamp_seconds', 'gauge', 'When the oldest verdict was reached.', ages(oldest));
  page.add('newest_verdict_timestamp_seconds', 'gauge', 'When the newest verdict was reached.', ages(newest));
}

/** Counts by labels; what is too much for a scraper is counted together. */
class Tally {
  readonly #counts = new Map<string, [Readonly<Record<string, string>>, number]>();

  add(labels: Readonly<Record<string, string>>): void {
    const key = JSON.stringify(labels);
    const isNew = !this.#counts.has(key);
    if (isNew && this.#counts.size >= MAX_SERIES && labels['namespace'] !== OTHERS) {
      this.add({ ...labels, namespace: OTHERS, ...(labels['artifact'] === undefined ? {} : { artifact: OTHERS }) });
      return;
    }
    const [, count = 0] = this.#counts.get(key) ?? [];
    this.#counts.set(key, [labels, count + 1]);
  }

  get samples(): readonly Sample[] {
    return [...this.#counts.values()];
  }
}

/** No namespace is called so. */
const OTHERS = '...';
