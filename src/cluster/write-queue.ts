import { failureOf } from '../error/index.ts';
import { type Pauses, pauseAfter } from './back-off.ts';
import type { WriteOutcome } from './outcome.ts';

/** One thing to write. */
export interface Write {
  /** What it is about: a later write of the same key takes the place of one that waits. */
  readonly key: string;
  /** What messages call it. */
  readonly name: string;
  /** What needs the same rights: a kind of object in a namespace, in words. */
  readonly group: string;
  /** Milliseconds to wait for a newer one of the same key. */
  readonly delay?: number;
  readonly send: (signal: AbortSignal) => Promise<WriteOutcome>;
}

export interface QueueOptions {
  /** After a failure of one object, or of the server. */
  readonly pauses: Pauses;
  /** After the server said that we may not. */
  readonly forbiddenPauses: Pauses;
  /** Least milliseconds from one write of a key to the next. */
  readonly interval: number;
  /** How often something is tried; without it, for as long as it takes. */
  readonly attempts?: number;
  readonly notice: (text: string) => void;
  /** False while somebody else is to write; asked before each write. */
  readonly mayWrite?: () => boolean;
}

/**
 * An API server names the object that may not be written: of a right that is missing, each one has
 * a text of its own.
 */
function kindOf(why: string): string {
  return why.replace(/"[^"]*"/g, '""');
}

/** Writes in flight at a time: the API server serves others too. */
const CONCURRENCY = 4;

interface Entry {
  write: Write;
  failures: number;
  why?: string;
  /** Whom it is about is gone: whatever comes of it, it is not tried again. */
  isDropped?: true;
  /** On the clock of `performance.now()`. */
  notBefore: number;
  readonly since: number;
  /** When it was sent last. */
  sent?: number;
}

interface Blocked {
  /** What was sent before says nothing about whether it is over. */
  readonly since: number;
  readonly failures: number;
  readonly until: number;
  readonly why: string;
}

/** What was written, and what could not be; all since the start. */
export interface QueueCounts {
  written: number;
  /** Attempts that failed, whatever became of the next. */
  failed: number;
  /** What is not written any more because its namespace is gone. */
  dropped: number;
  /** Given up after so many attempts. */
  lost: number;
}

/**
 * Writes objects until they are written. The newest state of a key wins; one that fails is tried
 * again, later each time; a right that is missing holds up its group alone, and is said once; a
 * server that is not there holds up everything.
 */
export class WriteQueue {
  readonly #options: QueueOptions;
  readonly #waiting = new Map<string, Entry>();
  readonly #running = new Map<string, Entry>();
  readonly #blocked = new Map<string, Blocked>();
  /** When a key was last written: until its interval is over. */
  readonly #written = new Map<string, number>();
  readonly counts: QueueCounts = { written: 0, failed: 0, dropped: 0, lost: 0 };
  #everything: Blocked | undefined;
  #timer: NodeJS.Timeout | undefined;
  #signal: AbortSignal | undefined;
  #idle: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Begins to write, until the signal aborts; what waits then is forgotten. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    this.#next();
  }

  put(write: Write): void {
    const now = performance.now();
    const { key, delay = 0 } = write;
    const known = this.#waiting.get(key);
    if (known !== undefined) {
      known.write = write;
      return;
    }
    const last = this.#written.get(key) ?? Number.NEGATIVE_INFINITY;
    const notBefore = Math.max(now + delay, last + this.#options.interval);
    this.#waiting.set(key, { write, failures: 0, notBefore, since: now });
    this.#next();
  }

  /** Forgets what waits under this key. */
  drop(key: string): void {
    this.#waiting.delete(key);
    this.#written.delete(key);
    const running = this.#running.get(key);
    if (running !== undefined) running.isDropped = true;
    this.#settle();
  }

  /** How many keys wait or are being written. */
  get size(): number {
    return new Set([...this.#waiting.keys(), ...this.#running.keys()]).size;
  }

  /** Milliseconds that the oldest of them waits. */
  get age(): number {
    const all = [...this.#waiting.values(), ...this.#running.values()];
    return all.length === 0 ? 0 : performance.now() - Math.min(...all.map(({ since }) => since));
  }

  /** Groups that may not write, in words. */
  get forbidden(): readonly string[] {
    return [...this.#blocked.keys()];
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    if (this.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Starts what may be started, and wakes up when the next may. */
  #next(): void {
    clearTimeout(this.#timer);
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) return;
    const now = performance.now();
    let wakeUp = Number.POSITIVE_INFINITY;
    for (const [key, entry] of this.#waiting) {
      const until = Math.max(
        entry.notBefore,
        this.#everything?.until ?? 0,
        this.#blocked.get(entry.write.group)?.until ?? 0,
      );
      if (until > now) wakeUp = Math.min(wakeUp, until);
      else if (this.#running.size < CONCURRENCY && !this.#running.has(key)) this.#begin(entry, signal);
    }
    if (wakeUp < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#next(), Math.ceil(wakeUp - now));
  }

  #begin(entry: Entry, signal: AbortSignal): void {
    const { key } = entry.write;
    this.#waiting.delete(key);
    this.#running.set(key, entry);
    entry.sent = performance.now();
    void this.#send(entry, signal).then((outcome) => {
      this.#running.delete(key);
      if (!signal.aborted) this.#finish(entry, outcome);
      this.#next();
      this.#settle();
    });
  }

  async #send({ write }: Entry, signal: AbortSignal): Promise<WriteOutcome> {
    // Somebody else may have become the one who writes, while this process slept.
    if (this.#options.mayWrite?.() === false) return { kind: 'again', who: 'all', why: 'is not ours to write to' };
    try {
      return await write.send(signal);
    } catch (error) {
      return { kind: 'again', who: 'all', why: failureOf(error).message };
    }
  }

  #finish(entry: Entry, outcome: WriteOutcome): void {
    const { write } = entry;
    if (outcome.kind === 'again') {
      this.#failed(entry, outcome);
      return;
    }
    this.counts[outcome.kind === 'gone' ? 'dropped' : 'written'] += 1;
    if (outcome.kind === 'gone') {
      this.#written.delete(write.key);
      return;
    }
    if (entry.isDropped !== true) this.#written.set(write.key, performance.now());
    const { sent = 0 } = entry;
    if (this.#everything !== undefined && sent > this.#everything.since) {
      this.#everything = undefined;
      this.#options.notice('the API server is written to again');
    }
    const group = this.#blocked.get(write.group);
    if (group !== undefined && sent > group.since) {
      this.#blocked.delete(write.group);
      this.#options.notice(`${write.group}: written again`);
    }
    const newer = this.#waiting.get(write.key);
    if (newer !== undefined) newer.notBefore = Math.max(newer.notBefore, performance.now() + this.#options.interval);
  }

  #failed(entry: Entry, { who, why, retryAfter }: WriteOutcome & { kind: 'again' }): void {
    const { pauses, forbiddenPauses, attempts = Number.POSITIVE_INFINITY, notice } = this.#options;
    const { write } = entry;
    const now = performance.now();
    this.counts.failed += 1;
    entry.failures += 1;
    const before = who === 'object' ? entry : who === 'group' ? this.#blocked.get(write.group) : this.#everything;
    if (before?.why === undefined || kindOf(before.why) !== kindOf(why))
      notice(`${who === 'object' ? write.name : write.group}: ${why}; it is tried again`);
    entry.why = why;
    if (who === 'group') this.#blocked.set(write.group, blocked(this.#blocked.get(write.group), forbiddenPauses));
    if (who === 'all') this.#everything = blocked(this.#everything, pauses);
    // One that came in the meantime is newer.
    if (this.#waiting.has(write.key) || entry.isDropped === true) return;
    // Where there is an end to it, nobody waits for a role to be granted.
    if (entry.failures >= attempts || (attempts < Number.POSITIVE_INFINITY && who === 'group')) {
      this.counts.lost += 1;
      return;
    }
    entry.notBefore = who === 'object' ? now + pauseAfter(pauses, entry.failures, retryAfter) : now;
    this.#waiting.set(write.key, entry);

    function blocked(known: Blocked | undefined, usual: Pauses): Blocked {
      // Several writes are in flight when the server goes away: together they are one failure.
      const isSame = known !== undefined && known.until > now;
      const failures = (known?.failures ?? 0) + (isSame ? 0 : 1);
      return {
        failures,
        why,
        since: isSame ? known.since : now,
        until: isSame ? known.until : now + pauseAfter(usual, failures, retryAfter),
      };
    }
  }

  #settle(): void {
    if (this.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
    this.#settle();
  }
}
