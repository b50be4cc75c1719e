import { setTimeout as delay } from 'node:timers/promises';
import { failureOf } from '../error/index.ts';
import { AnswerTooLarge, type Api, type ApiAnswer, Refused, reasonOf, unavailable } from './api.ts';
import { type Pauses, pauseAfter } from './back-off.ts';
import type { Pod } from './pod.ts';

/** Who is told of pods; a pod is told of again whenever it may have changed. */
export interface PodListener {
  /** Before each list. */
  listing(signal: AbortSignal): Promise<void>;
  changed(pod: Pod, signal: AbortSignal): Promise<void>;
  deleted(uid: string): void;
  /** After a whole list: these are all that there are. */
  listed(uids: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

export interface FeedOptions {
  /** One namespace; all of them when it is left out. */
  readonly namespace?: string;
  /** Milliseconds after which everything is listed again, whatever the watch says. */
  readonly relist: number;
  readonly pauses: Pauses;
  readonly notice: (text: string) => void;
}

/**
 * Pods in the first page; later ones hold what fits into `PAGE_BYTES`, by the size of those that
 * came.
 */
const FIRST_PAGE = 20;
const MAX_PAGE = 500;
const PAGE_BYTES = 1 << 20;

/** A page that is larger is asked for again in smaller ones: a pod may have 1.5 MB. */
const MAX_PAGE_BYTES = 6 << 20;

/** Seconds that the server keeps a watch open. */
const WATCH_SECONDS = 300;

/** A watch that ends sooner, and said nothing, is a server that does not want one. */
const SHORTEST_WATCH = 1000;

/** What the pods of a cluster are, by lists and watches; for as long as it takes. */
export class PodFeed {
  readonly #api: Api;
  readonly #options: FeedOptions;
  readonly #listener: PodListener;
  #failures = 0;
  #said = '';
  #isCurrent = false;
  #relistAt = 0;
  #wakeUp: (() => void) | undefined;
  #lists = 0;
  #listedAt = 0;

  constructor(api: Api, options: FeedOptions, listener: PodListener) {
    this.#api = api;
    this.#options = options;
    this.#listener = listener;
  }

  /** True while everything was listed, and is watched. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** Whole lists so far, and when the last one ended: seconds since the epoch. */
  get lists(): { readonly count: number; readonly time: number } {
    return { count: this.#lists, time: this.#listedAt };
  }

  /** Runs until the signal aborts; what goes wrong is said, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const version = await this.list(signal);
        await this.#followFrom(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#isCurrent = false;
        this.#failures += 1;
        const { message } = failureOf(error);
        // A server that is away for an hour is away once.
        if (message !== this.#said) this.#options.notice(`${message}; everything is listed again`);
        this.#said = message;
        const asked = error instanceof Refused ? error.retryAfter : undefined;
        const pause = pauseAfter(this.#options.pauses, this.#failures, asked);
        await delay(pause, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** Has everything listed again, in so many milliseconds at the latest. */
  relistWithin(milliseconds: number): void {
    this.#relistAt = Math.min(this.#relistAt, performance.now() + milliseconds);
    this.#wakeUp?.();
  }

  /** Tells of every pod that there is. @returns the version to watch from */
  async list(signal: AbortSignal): Promise<string> {
    await this.#listener.listing(signal);
    this.#relistAt = performance.now() + this.#options.relist;
    const uids = new Set<string>();
    let limit = FIRST_PAGE;
    for (let next = ''; ; ) {
      const page = await this.#page(next, limit, signal);
      if (page === undefined) {
        limit = Math.max(1, Math.floor(limit / 4));
        continue;
      }
      const pods = (page.body['items'] ?? []) as Pod[];
      for (const pod of pods) {
        uids.add(pod.metadata?.uid ?? '');
        await this.#listener.changed(pod, signal);
      }
      if (pods.length > 0) limit = clamp(Math.floor((PAGE_BYTES * pods.length) / page.bytes), 1, MAX_PAGE);
      const { continue: more = '', resourceVersion = '' } = (page.body['metadata'] ?? {}) as Record<string, string>;
      if (more === '') {
        await this.#listener.listed(uids, signal);
        this.#lists += 1;
        this.#listedAt = Date.now() / 1000;
        return resourceVersion;
      }
      next = more;
    }
  }

  /** @returns undefined when so many pods are too much at a time */
  async #page(next: string, limit: number, signal: AbortSignal): Promise<ApiAnswer | undefined> {
    const query = new URLSearchParams({ limit: String(limit), ...(next === '' ? {} : { continue: next }) });
    try {
      const path = `${this.#path}?${query}`;
      const answer = await this.#api.ask({ method: 'GET', path, signal, maxBytes: MAX_PAGE_BYTES });
      if (answer.status === 200) return answer;
      if (answer.retryAfter !== undefined) throw new Refused(this.#path, answer);
      throw unavailable(this.#path, `answered ${answer.status}: ${reasonOf(answer.body)}`);
    } catch (error) {
      if (error instanceof AnswerTooLarge && limit > 1) return undefined;
      throw error;
    }
  }

  /** Follows the changes until everything has to be listed again. */
  async #followFrom(version: string, signal: AbortSignal): Promise<void> {
    let from: string | undefined = version;
    while (from !== undefined && !signal.aborted && performance.now() < this.#relistAt) {
      this.#isCurrent = true;
      from = await this.#follow(from, signal);
    }
  }

  /** @returns the version to go on from; undefined when the server has forgotten what was then */
  async #follow(from: string, signal: AbortSignal): Promise<string | undefined> {
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const start = performance.now();
    const end = new AbortController();
    const stop = this.#stopAtRelist(end);
    const path = `${this.#path}?${query}`;
    let version = from;
    let events = 0;
    try {
      const both = AbortSignal.any([signal, end.signal]);
      for await (const { type, object } of this.#api.watch({ method: 'GET', path, signal: both })) {
        const pod = (object ?? {}) as Pod;
        if (type === 'ERROR') {
          if (isExpired(object) && events > 0) return undefined;
          throw unavailable(this.#path, `ended the watch: ${reasonOf((object ?? {}) as Record<string, unknown>)}`);
        }
        events += 1;
        this.#failures = 0;
        this.#said = '';
        version = pod.metadata?.resourceVersion ?? version;
        if (type === 'DELETED') this.#listener.deleted(pod.metadata?.uid ?? '');
        else if (type === 'ADDED' || type === 'MODIFIED') await this.#listener.changed(pod, signal);
      }
    } catch (error) {
      if (end.signal.aborted && !signal.aborted) return version;
      if (error instanceof Refused && error.status === 410 && events > 0) return undefined;
      throw error;
    } finally {
      stop();
    }
    if (events === 0 && performance.now() - start < SHORTEST_WATCH)
      throw unavailable(this.#path, 'ended the watch at once');
    this.#failures = 0;
    this.#said = '';
    return version;
  }

  #stopAtRelist(end: AbortController): () => void {
    let timer: NodeJS.Timeout | undefined;
    const set = () => {
      clearTimeout(timer);
      timer = setTimeout(() => end.abort(), Math.max(0, this.#relistAt - performance.now()));
    };
    this.#wakeUp = set;
    set();
    return () => {
      clearTimeout(timer);
      this.#wakeUp = undefined;
    };
  }

  get #path(): string {
    const { namespace } = this.#options;
    return namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  }
}

function isExpired(status: unknown): boolean {
  return (status as { readonly code?: unknown } | undefined)?.code === 410;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
