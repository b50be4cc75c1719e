import { hostname } from 'node:os';
import { failureOf } from '../error/index.ts';
import { type Api, reasonOf } from './api.ts';
import { Namespaces } from './namespaces.ts';
import {
  additionalOf,
  event,
  NAMESPACE_REPORT,
  namespaceReport,
  podReport,
  reportName,
  SCOPE_LABEL,
} from './objects.ts';
import { outcomeOf, outcomeOfCreation, type WriteOutcome } from './outcome.ts';
import type { Pod } from './pod.ts';
import { PodFeed, type PodListener } from './pod-feed.ts';
import { hasVerdict, type PodVerdict, verdictOf } from './pod-verdict.ts';
import { chooseReportApi, type ReportApi, type ReportChoice, reportsPath } from './report-api.ts';
import { TIMING, type Timing } from './timing.ts';
import { Verdicts } from './verdicts.ts';
import { WriteQueue } from './write-queue.ts';

export interface ReporterOptions {
  /** One namespace; all of them when it is left out. */
  readonly namespace?: string;
  /** Digests of the verifier's image. */
  readonly images: readonly string[];
  /** Count the verifiers that pods' authors configured, too. */
  readonly authors: boolean;
  /** Which verdicts become events. */
  readonly events: 'none' | 'refusals' | 'all';
  readonly reports: ReportChoice;
  readonly notice: (text: string) => void;
  /** False while somebody else is to write. */
  readonly mayWrite?: () => boolean;
  readonly timing?: Partial<Timing>;
}

/** How often a write is tried where the program is to come to an end. */
const ATTEMPTS_OF_ONCE = 4;

/** Turns what verifiers said when they ended into reports and events, for as long as it is let. */
export class Reporter implements PodListener {
  readonly #api: Api;
  readonly #options: ReporterOptions;
  readonly #timing: Timing;
  readonly #namespaces: Namespaces;
  /** When what is known of a pod is written again, whether it changed or not. */
  readonly #again = new Map<string, number>();
  readonly #unreadable = new Set<string>();
  #reportApi: ReportApi | undefined;
  #saidNoApi = false;
  readonly verdicts = new Verdicts();
  readonly queue: WriteQueue;
  readonly feed: PodFeed;

  /** @param isOnce - gives up what cannot be written after a few attempts */
  constructor(api: Api, options: ReporterOptions, isOnce = false) {
    this.#api = api;
    this.#options = options;
    this.#timing = { ...TIMING, ...(isOnce ? { settle: 0, interval: 0 } : {}), ...options.timing };
    const { notice, namespace, mayWrite } = options;
    const { pauses, forbiddenPauses, interval, relist } = this.#timing;
    this.#namespaces = new Namespaces(api, notice);
    this.queue = new WriteQueue({
      pauses,
      forbiddenPauses,
      interval,
      notice,
      ...(mayWrite === undefined ? {} : { mayWrite }),
      ...(isOnce ? { attempts: ATTEMPTS_OF_ONCE } : {}),
    });
    this.feed = new PodFeed(api, { relist, pauses, notice, ...(namespace === undefined ? {} : { namespace }) }, this);
  }

  /** Runs until the signal aborts; what goes wrong is said, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    this.queue.start(signal);
    await this.feed.run(signal);
  }

  /**
   * Reports the pods that there are.
   *
   * @returns how many of them, or of what is said of them, could not be written, or read
   */
  async once(signal: AbortSignal): Promise<number> {
    await this.feed.list(signal);
    this.queue.start(signal);
    await this.queue.drained();
    const isNowhere = this.#reportApi === undefined && this.#options.reports !== 'none';
    return this.queue.counts.lost + this.#unreadable.size + (isNowhere ? 1 : 0);
  }

  /** True while everything is known, and may be written. */
  get isReady(): boolean {
    return this.feed.isCurrent && this.queue.forbidden.length === 0;
  }

  async listing(signal: AbortSignal): Promise<void> {
    const { authors, reports, notice } = this.#options;
    this.#unreadable.clear();
    if (!authors && this.#options.namespace === undefined) await this.#namespaces.list(signal);
    const before = this.#reportApi;
    this.#reportApi = await chooseReportApi(this.#api, reports, signal);
    if (this.#reportApi !== before) this.#again.clear();
    if (this.#reportApi === undefined && reports !== 'none' && !this.#saidNoApi)
      notice(
        'the API server has no reports (wgpolicyk8s.io, openreports.io): install one of the two, or --reports=none',
      );
    this.#saidNoApi = this.#reportApi === undefined;
  }

  async changed(pod: Pod, signal: AbortSignal): Promise<void> {
    // Most changes of a pod are none of its verifier.
    if (!hasVerdict(pod)) return;
    const namespace = pod.metadata?.namespace ?? '';
    const owner = this.#options.authors ? undefined : await this.#ownerOf(pod, signal);
    if (owner === 'gone' || owner === 'unknown') return;
    const verdict = verdictOf(pod, this.#options, owner);
    if (verdict === undefined) return;
    const before = this.verdicts.set(verdict);
    const isSame = before !== undefined && JSON.stringify(before) === JSON.stringify(verdict);
    const now = performance.now();
    if (isSame && now < (this.#again.get(verdict.uid) ?? 0)) return;
    this.#again.set(verdict.uid, now + this.#timing.reapply);
    this.#writeReport(verdict);
    if (!isSame && this.#isEventful(verdict, before)) this.#writeEvent(verdict);
    this.#writeNamespace(namespace);
  }

  deleted(uid: string): void {
    this.#again.delete(uid);
    this.#unreadable.delete(uid);
    this.queue.drop(`report ${uid}`);
    this.queue.drop(`event ${uid}`);
    const known = this.verdicts.delete(uid);
    if (known !== undefined) this.#writeNamespace(known.namespace);
  }

  async listed(uids: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const uid of this.verdicts.uids) if (!uids.has(uid)) this.deleted(uid);
    await this.#emptyForgotten(signal);
  }

  /**
   * Labels and annotations of the pod's namespace; a question without an answer is asked again with
   * the next list.
   */
  async #ownerOf(pod: Pod, signal: AbortSignal) {
    const { namespace = '', uid = '' } = pod.metadata ?? {};
    try {
      const owner = await this.#namespaces.get(namespace, signal);
      this.#unreadable.delete(uid);
      return owner;
    } catch (error) {
      if (signal.aborted) throw error;
      if (this.#unreadable.size === 0) this.#options.notice(failureOf(error).message);
      this.#unreadable.add(uid);
      this.feed.relistWithin(this.#timing.pauses.longest / 4);
      return 'unknown';
    }
  }

  /** What is old was said before us, in events that are gone by now. */
  #isEventful(verdict: PodVerdict, before: PodVerdict | undefined): boolean {
    const { events } = this.#options;
    if (events === 'none' || Date.now() - 1000 * additionalOf(verdict) > this.#timing.eventAge) return false;
    const wasRefused = before !== undefined && before.result !== 'pass';
    return events === 'all' || verdict.result !== 'pass' || wasRefused;
  }

  #writeReport(verdict: PodVerdict): void {
    const api = this.#reportApi;
    if (api === undefined) return;
    const { namespace, uid, pod } = verdict;
    this.queue.put({
      key: `report ${uid}`,
      name: `${namespace}/${pod}`,
      group: `${api.resource} in ${namespace}`,
      send: (signal) => this.#apply(reportsPath(api, namespace), reportName(uid), podReport(verdict, api), signal),
    });
  }

  #writeNamespace(namespace: string): void {
    const api = this.#reportApi;
    if (api === undefined) return;
    this.queue.put({
      key: `namespace ${namespace}`,
      name: namespace,
      group: `${api.resource} in ${namespace}`,
      delay: this.#timing.settle,
      send: (signal) => {
        const report = namespaceReport(namespace, this.verdicts.of(namespace), api);
        return this.#apply(reportsPath(api, namespace), NAMESPACE_REPORT, report, signal);
      },
    });
  }

  #writeEvent(verdict: PodVerdict): void {
    const { namespace, uid, pod } = verdict;
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    this.queue.put({
      key: `event ${uid}`,
      name: `${namespace}/${pod}`,
      group: `events in ${namespace}`,
      send: async (signal) => {
        const body = event(verdict, hostname());
        return outcomeOfCreation(await this.#api.ask({ method: 'POST', path, body, signal }));
      },
    });
  }

  async #apply(path: string, name: string, body: object, signal: AbortSignal): Promise<WriteOutcome> {
    const answer = await this.#api.ask({
      method: 'PATCH',
      path: `${path}/${name}?fieldManager=weighlock&force=true`,
      body,
      contentType: 'application/apply-patch+yaml',
      signal,
    });
    return outcomeOf(answer);
  }

  /**
   * A namespace whose last pod went while nobody looked has a report of pods that are not there.
   */
  async #emptyForgotten(signal: AbortSignal): Promise<void> {
    const api = this.#reportApi;
    const { namespace, notice } = this.#options;
    if (api === undefined || this.feed.lists.count > 0) return;
    const query = new URLSearchParams({ labelSelector: `${SCOPE_LABEL}=namespace` });
    const all = namespace === undefined ? `/apis/${api.apiVersion}/${api.resource}` : reportsPath(api, namespace);
    const answer = await this.#api.ask({
      method: 'GET',
      path: `${all}?${query}`,
      accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
      signal,
    });
    if (answer.status !== 200) {
      notice(`reports of namespaces without pods are left: answered ${answer.status}: ${reasonOf(answer.body)}`);
      return;
    }
    const known = new Set(this.verdicts.namespaces);
    for (const { metadata } of (answer.body['items'] ?? []) as readonly { metadata?: { namespace?: string } }[]) {
      const owner = metadata?.namespace ?? '';
      if (owner !== '' && !known.has(owner)) this.#writeNamespace(owner);
    }
  }
}
