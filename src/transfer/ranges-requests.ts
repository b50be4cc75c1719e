import { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  type Download,
  isRetryableStatus,
  MAX_TRIES_MISSING,
  parseContentRange,
  Retryable,
  unavailable,
  versionOf,
} from '../registry/index.ts';
import { NO_RANGE, tooMuch } from './download.ts';
import { Address } from './ranges-address.ts';
import { hasChanged, rangeFault } from './ranges-answer.ts';
import type { Connections } from './ranges-connections.ts';

/** How the ranges of a body end. */
export type Outcome =
  | { readonly kind: 'whole'; readonly size: number }
  /** The server gives no ranges; `answer` is what it gave, to be used. */
  | { readonly kind: 'single'; readonly answer?: Answer }
  /**
   * @param isSure - two strong validators differ; others may differ from one server of a name to
   * the next
   */
  | { readonly kind: 'changed'; readonly url: URL; readonly isSure: boolean }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Times that an answer may be no part of what was asked for before the server is asked for no more
 * ranges.
 */
const MAX_UNFIT = 2;

/**
 * Asks a server for parts of one body; what is not the part that was asked for, of the same
 * version, is never used.
 */
export class RangeRequests {
  /** Bytes of the whole, from the first answer on. */
  size: number | undefined;
  /** What the first answer said of the version. */
  version: string | undefined;
  readonly #task: Download;
  readonly #connections: Connections;
  readonly #address: Address;
  readonly #signal: AbortSignal;
  readonly #end: (outcome: Outcome) => void;
  #unfit = 0;

  /**
   * @param signal - aborted by `end`
   * @param end - told of an answer after which no more ranges are asked for
   */
  constructor(task: Download, connections: Connections, signal: AbortSignal, end: (outcome: Outcome) => void) {
    this.#task = task;
    this.#connections = connections;
    this.#address = new Address(task.open);
    this.#signal = signal;
    this.#end = end;
    this.size = task.size;
  }

  /**
   * Asks for the first range: its answer says whether there are others, and of how much.
   *
   * @param seen - the limit of connections before
   * @returns the answer, and the first byte that is not in it; undefined when that was the end
   */
  async first(
    from: number,
    asked: number,
    seen: number,
  ): Promise<{ readonly answer: Answer; readonly end: number } | undefined> {
    const answer = await this.#ask(from, asked);
    const { status, url, headers } = answer;
    if (isRetryableStatus(status)) throw await this.#refusal(answer, seen);
    if (status !== 206) {
      const isUseless = from === 0 && NO_RANGE.has(status);
      if (isUseless) await answer.body.dump();
      this.#end({ kind: 'single', ...(isUseless ? {} : { answer }) });
      return undefined;
    }
    const version = versionOf(answer);
    const total = parseContentRange(headers['content-range'])?.total ?? 0;
    const end = Math.min(asked, total);
    const isWhole = from === 0 && end === total;
    const { isAddressed = false, isPinned = false, room } = this.#task;
    const mayChange = !isAddressed && !isPinned && !isWhole && version?.startsWith('"') !== true;
    if (mayChange || rangeFault(answer, from, this.size, asked) !== undefined) {
      answer.body.destroy();
      this.#end({ kind: 'single' });
      return undefined;
    }
    if (room !== undefined && total > room.bytes) {
      answer.body.destroy();
      throw tooMuch(url, room, total);
    }
    this.version = version;
    this.size = total;
    return { answer, end };
  }

  /** Asks for a part, of which the answer is not looked at yet. */
  async next(from: number, end: number, seen: number): Promise<Answer> {
    try {
      const answer = await this.#ask(from, end);
      if (!this.#signal.aborted) return answer;
      answer.body.destroy();
    } catch (error) {
      if (error instanceof Retryable) this.#connections.fewer(seen);
      throw error;
    }
    throw this.#signal.reason;
  }

  /**
   * Throws, or ends everything, unless the answer is the part that was asked for, of the same
   * version.
   */
  async require(answer: Answer, from: number, end: number, seen: number): Promise<void> {
    const { status, url } = answer;
    if (status !== 206 && status !== 200 && !NO_RANGE.has(status)) throw await this.#refusal(answer, seen);
    const isSure = this.version?.startsWith('"') === true;
    if (hasChanged(answer, this.size, this.version, this.#task)) this.#end({ kind: 'changed', url, isSure });
    else if (status !== 206) this.#end({ kind: 'single' });
    else {
      const fault = rangeFault(answer, from, this.size, end);
      if (fault !== undefined) throw this.unfit(url, fault);
      return;
    }
    throw this.#signal.reason;
  }

  /** An answer is no part of what was asked for. */
  unfit(url: URL, fault: string): Retryable {
    this.#unfit += 1;
    if (this.#unfit >= MAX_UNFIT) this.#end({ kind: 'single' });
    return new Retryable(unavailable(url, fault));
  }

  #ask(from: number, end: number): Promise<Answer> {
    const isStrong = this.#task.isAddressed !== true && this.version?.startsWith('"') === true;
    const condition = isStrong ? { 'if-range': this.version ?? '' } : undefined;
    return this.#address.ask({ range: `bytes=${from}-${end - 1}`, ...condition });
  }

  /**
   * What is refused beside others is asked for again alone: some that ban say so with any status.
   */
  async #refusal(answer: Answer, seen: number): Promise<Error> {
    const failure = await this.#task.refusal(answer);
    if (isRetryableStatus(answer.status)) this.#connections.fewer(seen);
    if (failure instanceof Retryable || !(failure instanceof WeighlockError) || this.#connections.inUse < 2)
      return failure;
    this.#connections.one();
    return new Retryable(failure, { tries: MAX_TRIES_MISSING });
  }
}
