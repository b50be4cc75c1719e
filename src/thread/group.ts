import { type ResourceLimits, Worker } from 'node:worker_threads';
import { type Failure, failureOf, WeighlockError } from '../error/index.ts';
import { isInside } from '../fs/index.ts';
import { type ThreadKind, threadScript } from './script.ts';

/**
 * Received bytes lie outside of V8's heap and go when the small objects that own them are
 * collected: the less room there is for those, the sooner (2 GiB received: 102 MiB of peak RSS
 * instead of 158, in three quarters of the time). Where files are hashed there are only small
 * objects: 100,000 files take 3 % longer with as little, and 6 MiB less.
 */
const LIMITS: Readonly<Record<ThreadKind, ResourceLimits>> = {
  hash: { maxYoungGenerationSizeMb: 4 },
  pull: { maxYoungGenerationSizeMb: 2 },
};

/** What a thread answers a request with; before it there may be parts of the answer. */
export type Reply =
  | { readonly id: number; readonly part: unknown }
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };

/** What a thread tells its group. */
export interface ThreadEvents {
  message(message: Reply | { readonly notice: string }): void;
  error(error: unknown): void;
  exit(code: number): void;
}

/** What a group needs of a thread. */
export type Thread = Pick<Worker, 'postMessage' | 'unref' | 'terminate'>;

/** @param setup - what the thread is told when it starts */
export type StartThread = (kind: ThreadKind, setup: unknown, limits: ResourceLimits, events: ThreadEvents) => Thread;

function startWorker(kind: ThreadKind, setup: unknown, resourceLimits: ResourceLimits, events: ThreadEvents): Thread {
  const { script, isCode } = threadScript(kind);
  const worker = new Worker(script, { eval: isCode, workerData: setup, execArgv: [], env: {}, resourceLimits });
  return worker.on('message', events.message).on('error', events.error).on('exit', events.exit);
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: Error): void;
  part?(value: unknown): void;
}

/**
 * Worker threads of one kind that answer requests: `{ id, request }` goes in, a `Reply` comes out.
 */
export class ThreadGroup {
  readonly #kind: ThreadKind;
  readonly #onNotice: (notice: string) => void;
  readonly #threads: Thread[] = [];
  readonly #waiting = new Map<number, Waiter>();
  readonly #limits: ResourceLimits;
  readonly #startThread: StartThread;
  #lastId = 0;
  #stopped = false;
  #failure: WeighlockError | undefined;

  /** @param onNotice - gets what threads say without being asked: `{ notice }` */
  constructor(
    kind: ThreadKind,
    onNotice: (notice: string) => void = () => {},
    limits: ResourceLimits = LIMITS[kind],
    startThread: StartThread = startWorker,
  ) {
    this.#kind = kind;
    this.#onNotice = onNotice;
    this.#limits = limits;
    this.#startThread = startThread;
  }

  get size(): number {
    return this.#threads.length;
  }

  start(setup: unknown): void {
    if (isInside()) throw new Error('a thread was to start in the folder of an artifact');
    const thread = this.#startThread(this.#kind, setup, this.#limits, {
      message: (message) => {
        if ('notice' in message) this.#onNotice(message.notice);
        else this.#settle(message);
      },
      error: (error) => this.#fail(`a thread failed: ${failureOf(error).message}`),
      exit: (code) => this.#fail(`a thread ended early with code ${code}`),
    });
    this.#threads.push(thread);
    // Nobody ends it any more.
    if (this.#stopped) thread.unref();
  }

  /**
   * @param part - gets the parts of the answer, in their order
   * @throws WeighlockError what the thread answers, or `INTERNAL` when one of them dies or has died
   */
  ask(thread: number, request: object, part?: (value: unknown) => void): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject, ...(part === undefined ? {} : { part }) }),
    );
    this.#threads[thread]?.postMessage({ id, request });
    return answer;
  }

  /** Asks all threads the same. */
  askAll(request: object): Promise<unknown[]> {
    return Promise.all(this.#threads.map((_, i) => this.ask(i, request)));
  }

  /**
   * Ends all threads. Whoever waits for them waits for ever, so this ends a run. Threads that have
   * nothing to do are left to the end of the process, which does not have to wait for them.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#waiting.size > 0) await this.end();
    else for (const thread of this.#threads) thread.unref();
  }

  /** Ends all threads, those that have nothing to do too: for a process that goes on. */
  async end(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #settle(reply: Reply): void {
    const waiter = this.#waiting.get(reply.id);
    if ('part' in reply) {
      waiter?.part?.(reply.part);
      return;
    }
    this.#waiting.delete(reply.id);
    if (reply.ok) waiter?.resolve(reply.value);
    else waiter?.reject(new WeighlockError(reply.failure));
  }

  #fail(message: string): void {
    if (this.#stopped) return;
    const remedy = 'raise the memory limit of the container if it ran out of memory; otherwise report this as a defect';
    // Nothing is asked of the others either: what a dead thread had taken off the queue would be
    // missing.
    this.#failure ??= new WeighlockError({ code: 'INTERNAL', message, remedy });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
