import type { PodVerdict } from './pod-verdict.ts';

/**
 * What is known of the pods that there are; verdicts alone, since a thousand pods would be too much
 * to keep.
 */
export class Verdicts {
  readonly #byUid = new Map<string, PodVerdict>();
  readonly #byNamespace = new Map<string, Map<string, PodVerdict>>();

  /** @returns what was known of this pod before */
  set(verdict: PodVerdict): PodVerdict | undefined {
    const { uid, namespace } = verdict;
    const before = this.#byUid.get(uid);
    this.#byUid.set(uid, verdict);
    const own = this.#byNamespace.get(namespace) ?? new Map<string, PodVerdict>();
    this.#byNamespace.set(namespace, own.set(uid, verdict));
    return before;
  }

  /** @returns what was known of it */
  delete(uid: string): PodVerdict | undefined {
    const known = this.#byUid.get(uid);
    if (known === undefined) return undefined;
    this.#byUid.delete(uid);
    const own = this.#byNamespace.get(known.namespace);
    own?.delete(uid);
    if (own?.size === 0) this.#byNamespace.delete(known.namespace);
    return known;
  }

  clear(): void {
    this.#byUid.clear();
    this.#byNamespace.clear();
  }

  get uids(): readonly string[] {
    return [...this.#byUid.keys()];
  }

  get namespaces(): readonly string[] {
    return [...this.#byNamespace.keys()];
  }

  of(namespace: string): Iterable<PodVerdict> {
    return this.#byNamespace.get(namespace)?.values() ?? [];
  }

  all(): Iterable<PodVerdict> {
    return this.#byUid.values();
  }
}
