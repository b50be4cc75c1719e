import { type Api, reasonOf, unavailable } from './api.ts';
import type { NamespaceMetadata } from './injected.ts';

/** So long what a namespace said is taken for what it says. */
const FRESH_MILLISECONDS = 60_000;

const PAGE = 500;

/** Metadata alone is a tenth of the objects. */
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

interface Known {
  readonly until: number;
  /** Undefined where the API server does not show it. */
  readonly metadata: NamespaceMetadata | undefined;
}

/** Labels and annotations of namespaces, as they are, or were a minute ago. */
export class Namespaces {
  readonly #api: Api;
  readonly #notice: (text: string) => void;
  readonly #known = new Map<string, Known>();

  constructor(api: Api, notice: (text: string) => void) {
    this.#api = api;
    this.#notice = notice;
  }

  /** Reads all of them, where that is allowed; otherwise each is asked for when it is needed. */
  async list(signal: AbortSignal): Promise<void> {
    this.#known.clear();
    for (let next = ''; ; ) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(next === '' ? {} : { continue: next }) });
      const path = `/api/v1/namespaces?${query}`;
      const { status, body } = await this.#api.ask({ method: 'GET', path, accept: METADATA_LIST, signal });
      if (status === 403) return;
      if (status !== 200) throw unavailable(path, `answered ${status}: ${reasonOf(body)}`);
      for (const { metadata = {} } of (body['items'] ?? []) as readonly { metadata?: Named }[])
        this.#remember(metadata.name ?? '', metadata);
      const { continue: more = '' } = (body['metadata'] ?? {}) as { continue?: string };
      if (more === '') return;
      next = more;
    }
  }

  /**
   * @returns undefined for one that the API server does not show; `gone` for one that is not there
   * any more
   * @throws WeighlockError `SOURCE_UNAVAILABLE` when nobody can say at the moment
   */
  async get(name: string, signal: AbortSignal): Promise<NamespaceMetadata | undefined | 'gone'> {
    const known = this.#known.get(name);
    if (known !== undefined && performance.now() < known.until) return known.metadata;
    const path = `/api/v1/namespaces/${encodeURIComponent(name)}`;
    const { status, body } = await this.#api.ask({ method: 'GET', path, accept: METADATA, signal });
    if (status === 404) return 'gone';
    if (status === 200) return this.#remember(name, (body['metadata'] ?? {}) as Named);
    if (status !== 403) throw unavailable(path, `answered ${status}: ${reasonOf(body)}`);
    if (known === undefined || known.metadata !== undefined)
      this.#notice(`${path} answered ${status}: ${reasonOf(body)}`);
    return this.#remember(name, undefined);
  }

  #remember(name: string, metadata: Named | undefined): NamespaceMetadata | undefined {
    const kept =
      metadata === undefined
        ? undefined
        : { labels: metadata.labels ?? {}, annotations: ours(metadata.annotations ?? {}) };
    this.#known.set(name, { until: performance.now() + FRESH_MILLISECONDS, metadata: kept });
    return kept;
  }
}

interface Named extends NamespaceMetadata {
  readonly name?: string;
}

/** Others' annotations can be large. */
function ours(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith('weighlock.dev/')));
}
