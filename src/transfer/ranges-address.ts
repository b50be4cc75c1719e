import type { Answer, Download } from '../registry/index.ts';

/**
 * What a signed address of an object store answers when its time is over, or what it was signed for
 * is gone.
 */
const ENDED = new Set([400, 401, 403, 404, 410]);

/**
 * Asks where the first range came from, so that a registry that redirects to its storage is not
 * asked for every range. When that place refuses, the registry is asked again, once for all ranges
 * that wait for it.
 */
export class Address {
  readonly #open: Download['open'];
  #hops: readonly URL[] | undefined;
  /** Somebody asks for a new address. */
  #asking: Promise<void> | undefined;
  #redirects = true;

  constructor(open: Download['open']) {
    this.#open = open;
  }

  async ask(headers: Record<string, string>): Promise<Answer> {
    while (this.#redirects) {
      const hops = this.#hops;
      if (hops !== undefined) {
        const answer = await this.#open(headers, hops);
        if (!ENDED.has(answer.status)) return answer;
        if (this.#hops === hops) this.#hops = undefined;
        await answer.body.dump();
      } else if (this.#asking === undefined) return this.#askAgain(headers);
      await this.#asking;
    }
    return this.#open(headers);
  }

  async #askAgain(headers: Record<string, string>): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking = promise;
    try {
      const answer = await this.#open(headers);
      if (answer.status === 206) {
        this.#redirects = answer.hops.length > 1;
        this.#hops = answer.hops;
      }
      return answer;
    } finally {
      this.#asking = undefined;
      resolve();
    }
  }
}
