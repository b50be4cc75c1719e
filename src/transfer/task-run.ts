import type { Call, Task, Tasks } from '../fs/index.ts';
import { markSlow } from '../hash/index.ts';
import { timesBlocked } from './blocked.ts';
import { mostDescriptors } from './descriptors.ts';
import type { ReadingThread } from './thread.ts';

/** A call on a folder that takes longer asks a server; so many of them, and the volume is slow. */
const SLOW_MILLISECONDS = 0.5;
const SLOW_CALLS = 2;

/** Calls that are measured: a volume that is slow is so from the beginning. */
const MEASURED = 256;

/** A folder with more entries takes a while anywhere. */
const MANY = 512;

/** Tasks that run at the same time: each may have a folder open. */
const MOST_AT_ONCE = 48;

/**
 * Makes the calls of a task: one after the other in this thread, and many at once by libuv's
 * threads from the moment on that they are found to be slow.
 */
export class TaskRun {
  readonly #thread: ReadingThread;
  readonly #most = Math.min(MOST_AT_ONCE, mostDescriptors());
  #isSlow: boolean;
  #measured = 0;
  #slowCalls = 0;
  #blocked = timesBlocked();
  #device = 0n;
  #running = 0;
  /** Resolves when nobody goes deeper than there are places. */
  #alone: Promise<void> = Promise.resolve();
  #fault: { readonly error: unknown } | undefined;

  /** True when calls were made in no certain order. */
  get wasAtOnce(): boolean {
    return this.#isSlow;
  }

  /** @param isSlow - whether that is known already */
  constructor(thread: ReadingThread, isSlow: boolean) {
    this.#thread = thread;
    this.#isSlow = isSlow;
  }

  /** @throws what the task throws, when all of its calls have come back */
  async run<T>(task: Task<T>, isAlone = false): Promise<T> {
    for (let step = task.next(); ; ) {
      if (step.done === true) return step.value;
      let value: unknown;
      try {
        if ('tasks' in step.value) await this.#all(step.value, isAlone);
        else value = this.#isSlow ? await this.#later(step.value) : this.#now(step.value);
        if (this.#fault !== undefined) throw this.#fault.error;
      } catch (error) {
        step = task.throw(error);
        continue;
      }
      step = task.next(value);
    }
  }

  /** Without a promise for each of a hundred thousand entries. */
  #runNow(task: Task): void {
    for (let step = task.next(); step.done !== true; ) {
      let value: unknown;
      try {
        if ('tasks' in step.value) for (const one of step.value.tasks) this.#runNow(one);
        else value = this.#now(step.value);
      } catch (error) {
        step = task.throw(error);
        continue;
      }
      step = task.next(value);
    }
  }

  #now(call: Call): unknown {
    if (this.#measured >= MEASURED) return call.now();
    this.#measured++;
    const from = performance.now();
    const value = call.now();
    const isSlow = performance.now() - from >= SLOW_MILLISECONDS;
    if (typeof value === 'object' && value !== null) {
      if ('dev' in value) this.#device = BigInt.asUintN(64, value.dev as bigint);
      if ('files' in value && 'names' in value && [value.files, value.names].flat().length > MANY) return value;
    }
    if (!isSlow) return value;
    const blocked = timesBlocked();
    const hasWaited = blocked === undefined || blocked !== this.#blocked;
    this.#blocked = blocked;
    if (hasWaited && ++this.#slowCalls === SLOW_CALLS) {
      this.#isSlow = true;
      this.#thread.likelyDevice = this.#device;
      markSlow(this.#thread.control, this.#device);
    }
    return value;
  }

  #later(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#thread.reads.call<unknown>(
        (done) => call.later(done),
        (error, value) => (error === null ? resolve(value) : reject(error)),
      );
    });
  }

  /**
   * When one fails no more are begun, and the others end at their next call: what they use is
   * closed only then.
   */
  async #all({ tasks }: Tasks, isAlone: boolean): Promise<void> {
    const running = new Set<Promise<void>>();
    for (const task of tasks) {
      while (this.#isSlow && this.#running >= this.#most && running.size > 0) await Promise.race(running);
      if (this.#fault !== undefined) break;
      if (this.#isSlow && !isAlone && this.#running < this.#most) {
        const ran: Promise<void> = this.#one(this.run(task)).finally(() => running.delete(ran));
        running.add(ran);
      } else if (!this.#isSlow) this.#runNow(task);
      else await this.#one(isAlone ? this.run(task, true) : this.#runAlone(task));
    }
    await Promise.all(running);
  }

  async #one(run: Promise<void>): Promise<void> {
    this.#running++;
    try {
      await run;
    } catch (error) {
      this.#fault ??= { error };
    } finally {
      this.#running--;
    }
  }

  /**
   * All places are taken by those that it lies in, and by others: one of them after the other goes
   * deeper, so that descriptors last.
   */
  #runAlone(task: Task): Promise<void> {
    const ran = this.#alone.then(() => this.run(task, true));
    this.#alone = ran.catch(() => {});
    return ran;
  }
}
