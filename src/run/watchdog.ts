import { WeighlockError } from '../error/index.ts';
import type { FileTable } from '../fs/index.ts';
import type { Progress } from '../hash/index.ts';
import type { Limits } from '../plan/index.ts';
import type { ArtifactOutcome } from '../verdict/index.ts';

/** How far a run is, and how far it has to go. */
export interface RunProgress extends Progress {
  readonly totalBytes: number;
  readonly totalFiles: number;
  /** Seconds since the run began. */
  readonly seconds: number;
  /** False while the artifacts are still being listed and the totals are not known. */
  readonly counted: boolean;
}

/** Who wants to know about a run while it goes on. */
export interface Observer {
  /** Called about four times a second. */
  progress?(progress: RunProgress): void;
  artifact?(outcome: ArtifactOutcome): void;
  /** What a registry warns of, and why something is tried again. */
  notice?(text: string): void;
}

/** A clock: milliseconds from any fixed point on. */
export type Clock = () => number;

const TICK_MILLISECONDS = 250;

/** Watches a run from the main thread: reports its progress, and aborts it when it takes too long or stands still. */
export class Watchdog {
  readonly #controller = new AbortController();
  readonly #limits: Pick<Limits, 'timeout' | 'idleTimeout'>;
  readonly #observer: Observer;
  readonly #read: () => Progress | undefined;
  readonly #clock: Clock;
  readonly #start: number;
  readonly #timer: NodeJS.Timeout;
  #last = { entries: 0, files: 0, bytes: 0 };
  #lastMoved: number;
  #totals = { totalBytes: 0, totalFiles: 0, counted: false };

  constructor(
    limits: Pick<Limits, 'timeout' | 'idleTimeout'>,
    observer: Observer,
    read: () => Progress | undefined,
    clock: Clock = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#observer = observer;
    this.#read = read;
    this.#clock = clock;
    this.#start = this.#lastMoved = clock();
    this.#timer = setInterval(() => this.tick(), Math.min(TICK_MILLISECONDS, limits.timeout || TICK_MILLISECONDS));
  }

  /** Aborts with a `TIMEOUT`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Tells what there is to hash, once it is known. */
  expect(
    tables: readonly FileTable[],
    remote: readonly { bytes: number; layout: { items: readonly unknown[] } }[] = [],
  ): void {
    const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
    this.#totals = {
      totalBytes: sum([...tables.map(({ totalBytes }) => totalBytes), ...remote.map(({ bytes }) => bytes)]),
      totalFiles: sum([...tables.map(({ count }) => count), ...remote.map(({ layout }) => layout.items.length)]),
      counted: true,
    };
  }

  tick(): void {
    const now = this.#clock();
    const progress = this.#read() ?? this.#last;
    const { entries, files, bytes } = this.#last;
    if (progress.entries !== entries || progress.files !== files || progress.bytes !== bytes) this.#lastMoved = now;
    this.#last = progress;
    this.#observer.progress?.({ ...progress, ...this.#totals, seconds: (now - this.#start) / 1000 });
    const { timeout, idleTimeout } = this.#limits;
    if (timeout > 0 && now - this.#start >= timeout)
      this.#abort(`not finished within ${timeout / 1000} s`, '--timeout');
    else if (idleTimeout > 0 && now - this.#lastMoved >= idleTimeout) {
      this.#abort(`no progress for ${idleTimeout / 1000} s: the storage does not answer`, '--idle-timeout');
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #abort(message: string, flag: string): void {
    this.stop();
    const { bytes } = this.#last;
    const { totalBytes, counted } = this.#totals;
    this.#controller.abort(
      new WeighlockError({
        code: 'TIMEOUT',
        message,
        found: counted ? `${bytes} of ${totalBytes} bytes hashed` : `${this.#last.entries} entries listed`,
        remedy: `check the storage; for a large artifact on slow storage raise ${flag}`,
      }),
    );
  }
}
