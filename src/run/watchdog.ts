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

/**
 * Storage that answered nothing for so long, or for half of the time limit where that is less,
 * stands still.
 */
const STILL_MILLISECONDS = 10_000;

/**
 * A tick that comes so late was kept waiting by this thread's own work, which says nothing about
 * the storage.
 */
const LATE_MILLISECONDS = 2000;

/**
 * Watches a run from the main thread: reports its progress, and aborts it when it takes too long or
 * stands still.
 */
export class Watchdog {
  readonly #controller = new AbortController();
  readonly #limits: Pick<Limits, 'timeout' | 'idleTimeout'>;
  readonly #observer: Observer;
  readonly #read: () => Progress | undefined;
  readonly #clock: Clock;
  readonly #isReading: () => boolean;
  readonly #start: number;
  readonly #timer: NodeJS.Timeout;
  #last = { entries: 0, files: 0, bytes: 0 };
  #lastMoved: number;
  #lastTick: number;
  #totals = { totalBytes: 0, totalFiles: 0, counted: false };

  /**
   * @param isReading - true while a volume is read: then a time limit that is met although bytes
   * move is met because of what
   *   lies there, which is no unanswered question
   */
  constructor(
    limits: Pick<Limits, 'timeout' | 'idleTimeout'>,
    observer: Observer,
    read: () => Progress | undefined,
    clock: Clock = () => performance.now(),
    isReading: () => boolean = () => false,
  ) {
    this.#isReading = isReading;
    this.#limits = limits;
    this.#observer = observer;
    this.#read = read;
    this.#clock = clock;
    this.#start = this.#lastMoved = this.#lastTick = clock();
    this.#timer = setInterval(() => this.tick(), Math.min(TICK_MILLISECONDS, limits.timeout || TICK_MILLISECONDS));
  }

  /**
   * Aborts with a `TIMEOUT`, or with `LIMIT_EXCEEDED` where a volume has more to read than the time
   * allows: whoever writes to it can make it so, and with `failurePolicy: Ignore` a `TIMEOUT` lets
   * the pod start.
   */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Tells what there is to hash or to fetch, once it is known. */
  expect(parts: readonly Pick<FileTable, 'totalBytes' | 'count'>[]): void {
    this.#totals = {
      totalBytes: parts.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
      totalFiles: parts.reduce((sum, { count }) => sum + count, 0),
      counted: true,
    };
  }

  tick(): void {
    const now = this.#clock();
    const progress = this.#read() ?? this.#last;
    const { entries, files, bytes } = this.#last;
    if (progress.entries !== entries || progress.files !== files || progress.bytes !== bytes) this.#lastMoved = now;
    if (now - this.#lastTick >= LATE_MILLISECONDS) this.#lastMoved += now - this.#lastTick;
    this.#lastTick = now;
    this.#last = progress;
    this.#observer.progress?.({ ...progress, ...this.#totals, seconds: (now - this.#start) / 1000 });
    const { timeout, idleTimeout } = this.#limits;
    if (timeout > 0 && now - this.#start >= timeout) {
      const isStill = now - this.#lastMoved >= Math.min(STILL_MILLISECONDS, timeout / 2);
      const code = this.#isReading() && !isStill ? 'LIMIT_EXCEEDED' : 'TIMEOUT';
      this.#abort(code, `not finished within ${timeout / 1000} s`, '--timeout');
    } else if (idleTimeout > 0 && now - this.#lastMoved >= idleTimeout) {
      this.#abort('TIMEOUT', `no progress for ${idleTimeout / 1000} s: the storage does not answer`, '--idle-timeout');
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #abort(code: 'TIMEOUT' | 'LIMIT_EXCEEDED', message: string, flag: string): void {
    this.stop();
    const { bytes } = this.#last;
    const { totalBytes, counted } = this.#totals;
    this.#controller.abort(
      new WeighlockError({
        code,
        message,
        found: counted ? `${bytes} of ${totalBytes} bytes hashed` : `${this.#last.entries} entries listed`,
        remedy:
          code === 'TIMEOUT'
            ? `check the storage; for a large artifact on slow storage raise ${flag}`
            : `see what lies there: it is more than can be read in this time; if it is right, raise ${flag}`,
      }),
    );
  }
}
