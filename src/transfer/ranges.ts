import { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  type Download,
  networkFault,
  type Patience,
  Retryable,
  unavailable,
  withRetries,
} from '../registry/index.ts';
import { download } from './download.ts';
import { changesAlways } from './ranges-answer.ts';
import type { Connections } from './ranges-connections.ts';
import type { Pieces } from './ranges-pieces.ts';
import { type Outcome, RangeRequests } from './ranges-requests.ts';
import { type Range, Window } from './ranges-window.ts';

/** What blobs are fetched with: what they share. */
export interface RangeTools {
  readonly connections: Connections;
  readonly pieces: Pieces;
  readonly sizes?: RangeSizes;
}

export interface RangeSizes {
  /**
   * Bytes of one range. With 40 MB/s and 20 ms for each request, one connection brings 91 % of what
   * it could by ranges of 8 MiB, 89 % by 6, 84 % by 4; what comes before its turn, and has to be
   * kept, grows with it.
   */
  readonly range: number;
  /** Bytes of the last ranges, so that no connection is idle while another one has much left. */
  readonly least: number;
  /** What is smaller comes by one connection. */
  readonly small: number;
}

export const RANGE_SIZES: RangeSizes = { range: 8 << 20, least: 1 << 20, small: 16 << 20 };

/** Times that what changes while it is fetched is begun. */
const MAX_VERSIONS = 2;

/**
 * Brings a body into a sink, in order, by several ranges at a time: where it is large, the server
 * gives ranges, and they cannot be used if they are of different versions, since its digest is
 * known or each answer has the same strong `ETag`. Everything else comes by one connection.
 *
 * @returns the number of bytes of the whole
 */
export async function fetchRanges(
  task: Download,
  patience: Omit<Patience, 'progress'>,
  tools: RangeTools,
): Promise<number> {
  const { small } = tools.sizes ?? RANGE_SIZES;
  if (tools.connections.most < 2 || (task.size ?? Number.POSITIVE_INFINITY) - task.offset <= small)
    return download(task, patience);
  let { offset } = task;
  for (let version = 1; ; version++) {
    const ranges = new Ranges({ ...task, offset }, patience, tools);
    const outcome = await ranges.run();
    if (outcome.kind === 'whole') return outcome.size;
    if (outcome.kind === 'failed') throw outcome.error;
    if (outcome.kind === 'single') return download(ranges.rest(outcome.answer), patience);
    await task.restart();
    offset = 0;
    if (!outcome.isSure) return download({ ...task, offset }, patience);
    if (version === MAX_VERSIONS) throw changesAlways(outcome.url);
  }
}

/** Brings bytes now, or waits because they came before their turn. */
interface Active {
  readonly answer: Answer;
  isWaiting: boolean;
}

class Ranges {
  readonly #task: Download;
  readonly #patience: Omit<Patience, 'progress'>;
  readonly #connections: Connections;
  readonly #pieces: Pieces;
  readonly #sizes: RangeSizes;
  readonly #requests: RangeRequests;
  readonly #window: Window;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<Outcome>();
  readonly #active = new Map<Range, Active>();
  /** First byte of which nothing was asked for. */
  #next: number;
  #received = 0;
  /** Ranges that are to be asked for again. */
  #broken = 0;

  constructor(task: Download, patience: Omit<Patience, 'progress'>, { connections, pieces, sizes }: RangeTools) {
    this.#task = task;
    this.#connections = connections;
    this.#pieces = pieces;
    this.#sizes = sizes ?? RANGE_SIZES;
    this.#patience = { ...patience, signal: AbortSignal.any([patience.signal, this.#abort.signal]) };
    const end = (outcome: Outcome) => this.#end(outcome);
    this.#requests = new RangeRequests(task, connections, this.#abort.signal, end);
    this.#next = task.offset;
    const sink = task.keptSink ?? task.sink;
    this.#window = new Window(task.offset, sink, pieces, (error) => end({ kind: 'failed', error }));
  }

  /** What is left for one connection, which begins with an answer that is there already. */
  rest(answer: Answer | undefined): Download {
    let given = answer;
    const { open } = this.#task;
    return {
      ...this.#task,
      offset: this.#window.handed,
      version: this.#requests.version,
      open: async (headers) => {
        const first = given;
        given = undefined;
        return first ?? open(headers);
      },
    };
  }

  async run(): Promise<Outcome> {
    try {
      await withRetries(() => this.#first(), this.#patience);
    } catch (error) {
      this.#end({ kind: 'failed', error });
    }
    const outcome = await this.#ended.promise;
    await this.#window.close();
    return outcome;
  }

  #end(outcome: Outcome): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new Error('no longer wanted'));
    for (const { answer } of this.#active.values()) answer.body.destroy();
    this.#ended.resolve(outcome);
    this.#pieces.announce();
  }

  get #isOver(): boolean {
    return this.#abort.signal.aborted;
  }

  async #first(): Promise<void> {
    const { offset } = this.#task;
    const asked = Math.min(this.#requests.size ?? Number.POSITIVE_INFINITY, offset + this.#sizes.range);
    await this.#connection();
    let isKept = false;
    try {
      const first = await this.#requests.first(offset, asked, this.#connections.limit);
      if (first === undefined) return;
      this.#next = first.end;
      isKept = true;
      this.#bring(this.#window.add(offset, first.end), first.answer);
      void this.#others();
    } finally {
      if (!isKept) this.#connections.give();
    }
  }

  /** Asks for one range after the other, as there are connections and memory. */
  async #others(): Promise<void> {
    const size = this.#requests.size ?? 0;
    while (!this.#isOver) {
      if (this.#window.open === 0 && this.#next === size) this.#end({ kind: 'whole', size });
      else if (this.#next === size || !this.#mayAskForMore()) await this.#pieces.changed();
      else if (!this.#connections.take()) await this.#connections.changed();
      else {
        const end = Math.min(size, this.#next + this.#length(size - this.#next));
        this.#bring(this.#window.add(this.#next, end));
        this.#next = end;
      }
    }
  }

  #mayAskForMore(): boolean {
    if (this.#window.open === 0) return true;
    return this.#broken === 0 && !this.#pieces.isShort && this.#window.open < this.#connections.most + 2;
  }

  /** The last ranges get smaller. */
  #length(left: number): number {
    const { range, least } = this.#sizes;
    const share = Math.ceil(left / this.#connections.most / least) * least;
    return Math.max(least, Math.min(range, share));
  }

  /**
   * Brings a range whole, however often it breaks off. It has a connection, and perhaps an answer.
   */
  #bring(range: Range, answer?: Answer): void {
    let given = answer;
    let hasConnection = true;
    const attempt = async () => {
      for (let isWhole = false; !isWhole; ) {
        if (!hasConnection) await this.#connectionAgain(range);
        hasConnection = false;
        const first = given;
        given = undefined;
        try {
          isWhole = await this.#attempt(range, first);
        } finally {
          this.#connections.give();
        }
      }
    };
    withRetries(attempt, { ...this.#patience, progress: () => this.#received }).catch((error) =>
      this.#end({ kind: 'failed', error }),
    );
  }

  /** @returns false when it only gave its connection to one that needs it more */
  async #attempt(range: Range, given: Answer | undefined): Promise<boolean> {
    const from = range.first + range.got;
    const seen = this.#connections.limit;
    const answer = given ?? (await this.#requests.next(from, range.end, seen));
    const active = { answer, isWaiting: false };
    this.#active.set(range, active);
    try {
      await this.#requests.require(answer, from, range.end, seen);
      await answer.body.drain((chunk) => this.#take(range, chunk, active));
    } catch (error) {
      if (this.#isOver) throw error;
      if (!this.#active.has(range)) return false;
      if (error instanceof WeighlockError) throw error;
      this.#connections.broke(seen);
      const came = range.first + range.got;
      throw new Retryable(unavailable(answer.url, `broke off after ${came} bytes: ${networkFault(error)}`, error));
    } finally {
      this.#active.delete(range);
      answer.body.destroy();
    }
    const left = range.end - range.first - range.got;
    if (left > 0) throw new Retryable(unavailable(answer.url, `ended ${left} bytes before the end of a range`));
    this.#connections.good();
    this.#pieces.announce();
    return true;
  }

  #take(range: Range, chunk: Buffer, active: Active): void | Promise<void> {
    if (this.#isOver) throw this.#abort.signal.reason;
    if (chunk.length > range.end - range.first - range.got) {
      throw this.#requests.unfit(active.answer.url, 'sends more than the range it was asked for');
    }
    this.#received += chunk.length;
    const waits = this.#window.put(range, chunk);
    if (waits === undefined) return undefined;
    active.isWaiting = true;
    return waits.finally(() => {
      active.isWaiting = false;
    });
  }

  async #connection(): Promise<void> {
    while (!this.#connections.take()) {
      this.#patience.signal.throwIfAborted();
      await this.#connections.changed();
    }
  }

  /** A connection for a range that broke off: nothing new is asked for before it has one. */
  async #connectionAgain(range: Range): Promise<void> {
    this.#broken += 1;
    try {
      while (!this.#connections.take()) {
        this.#patience.signal.throwIfAborted();
        if (this.#window.isFirst(range)) this.#takeConnection();
        await this.#connections.changed();
      }
    } finally {
      this.#broken -= 1;
      this.#pieces.announce();
    }
  }

  /**
   * Everything waits for the first range: the last of those that came before their turn, and wait,
   * gives up its connection.
   */
  #takeConnection(): void {
    const [last] = [...this.#active].filter(([, { isWaiting }]) => isWaiting).sort(([a], [b]) => b.first - a.first);
    if (last === undefined) return;
    const [range, { answer }] = last;
    this.#active.delete(range);
    answer.body.destroy();
    this.#window.release(range);
  }
}
