import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { failureOf } from '../error/index.ts';
import { type Api, unavailable } from './api.ts';
import type { NamespaceMetadata } from './injected.ts';
import { event, policyReport, reportName } from './objects.ts';
import { type Pod, type Word, wordOf } from './pod.ts';

export interface ReporterOptions {
  /** One namespace; all of them when it is left out. */
  readonly namespace?: string;
  /** Digests of the verifier's image. */
  readonly images: readonly string[];
  /** Count the verifiers that pods' authors configured, too. */
  readonly authors: boolean;
  readonly events: boolean;
  readonly notice: (text: string) => void;
}

const PAGE = 500;

/** So long what a namespace said is taken for what it says. */
const NAMESPACE_MILLISECONDS = 30_000;

/** Seconds that the server keeps a watch open. */
const WATCH_SECONDS = 300;

/** Pause after an error, doubled up to the second value. */
const PAUSES = { first: 1000, longest: 60_000 };

/** Turns what verifiers said when they ended into reports and events, for as long as it is let. */
export class Reporter {
  readonly #api: Api;
  readonly #options: ReporterOptions;
  /** What was written of a pod, by its UID: the same word is written once. */
  readonly #written = new Map<string, string>();
  readonly #namespaces = new Map<
    string,
    { readonly until: number; readonly metadata: NamespaceMetadata | undefined }
  >();

  constructor(api: Api, options: ReporterOptions) {
    this.#api = api;
    this.#options = options;
  }

  /** Runs until the signal aborts; what goes wrong is said, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    let pause = PAUSES.first;
    while (!signal.aborted) {
      try {
        let version: string | undefined = await this.list(signal);
        pause = PAUSES.first;
        while (version !== undefined && !signal.aborted) version = await this.#follow(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.notice(failureOf(error).message);
        await delay(pause, undefined, { signal }).catch(() => {});
        pause = Math.min(2 * pause, PAUSES.longest);
      }
    }
  }

  /** Reports every pod that there is. @returns the version to watch from */
  async list(signal: AbortSignal): Promise<string> {
    const seen = new Set<string>();
    for (let next = ''; ; ) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(next === '' ? {} : { continue: next }) });
      const { status, body } = await this.#api.ask({ method: 'GET', path: `${this.#pods}?${query}`, signal });
      if (status !== 200) throw unavailable(this.#pods, `answered ${status}: ${reason(body)}`);
      for (const pod of (body['items'] ?? []) as Pod[]) {
        seen.add(pod.metadata?.uid ?? '');
        await this.#look(pod, signal);
      }
      const { continue: more = '', resourceVersion = '' } = (body['metadata'] ?? {}) as Record<string, string>;
      if (more === '') {
        for (const uid of this.#written.keys()) if (!seen.has(uid)) this.#written.delete(uid);
        return resourceVersion;
      }
      next = more;
    }
  }

  /** @returns the version to go on from; undefined when everything has to be listed again */
  async #follow(from: string, signal: AbortSignal): Promise<string | undefined> {
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    let version = from;
    for await (const { type, object } of this.#api.watch({ method: 'GET', path: `${this.#pods}?${query}`, signal })) {
      // 410 Gone: the server has forgotten what was then.
      if (type === 'ERROR') return undefined;
      const pod = (object ?? {}) as Pod;
      version = pod.metadata?.resourceVersion ?? version;
      if (type === 'DELETED') this.#written.delete(pod.metadata?.uid ?? '');
      else if (type === 'ADDED' || type === 'MODIFIED') await this.#look(pod, signal);
    }
    return version;
  }

  get #pods(): string {
    const { namespace } = this.#options;
    return namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  }

  async #look(pod: Pod, signal: AbortSignal): Promise<void> {
    // Most changes of a pod are none of its verifier.
    const { authors } = this.#options;
    if (wordOf(pod, this.#options) === undefined) return;
    const namespace = authors ? undefined : await this.#namespace(pod.metadata?.namespace ?? '', signal);
    const word = wordOf(pod, this.#options, namespace);
    if (word === undefined) return;
    const text = JSON.stringify(word);
    if (this.#written.get(word.uid) === text) return;
    try {
      await this.#write(word, signal);
      this.#written.set(word.uid, text);
    } catch (error) {
      if (signal.aborted) throw error;
      // One pod that cannot be written of does not keep the others from it.
      this.#options.notice(`${word.namespace}/${word.pod}: ${failureOf(error).message}`);
    }
  }

  /** Labels and annotations of a namespace; undefined when the API server does not show them. */
  async #namespace(name: string, signal: AbortSignal): Promise<NamespaceMetadata | undefined> {
    const known = this.#namespaces.get(name);
    if (known !== undefined && performance.now() < known.until) return known.metadata;
    const path = `/api/v1/namespaces/${encodeURIComponent(name)}`;
    const { status, body } = await this.#api.ask({ method: 'GET', path, signal });
    const metadata = status === 200 ? ((body['metadata'] ?? {}) as NamespaceMetadata) : undefined;
    this.#namespaces.set(name, { until: performance.now() + NAMESPACE_MILLISECONDS, metadata });
    if (metadata === undefined) this.#options.notice(`${path} answered ${status}: ${reason(body)}`);
    return metadata;
  }

  async #write(word: Word, signal: AbortSignal): Promise<void> {
    const namespace = encodeURIComponent(word.namespace);
    const path = `/apis/wgpolicyk8s.io/v1alpha2/namespaces/${namespace}/policyreports/${reportName(word.uid)}`;
    const report = await this.#api.ask({
      method: 'PATCH',
      path: `${path}?fieldManager=weighlock&force=true`,
      body: policyReport(word),
      contentType: 'application/apply-patch+yaml',
      signal,
    });
    if (report.status >= 300) throw unavailable(path, `answered ${report.status}: ${reason(report.body)}`);
    if (!this.#options.events) return;
    const answer = await this.#api.ask({
      method: 'POST',
      path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      body: event(word, hostname()),
      signal,
    });
    // 409: it is there already.
    if (answer.status >= 300 && answer.status !== 409)
      throw unavailable('events', `answered ${answer.status}: ${reason(answer.body)}`);
  }
}

function reason(body: Record<string, unknown>): string {
  return String(body['message'] ?? 'no reason').slice(0, 300);
}
