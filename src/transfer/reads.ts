import { type BigIntStats, closeLater, type Done, statLater, statOpen } from '../fs/index.ts';
import { type Control, depthOf, isStopped, takeBytes } from '../hash/index.ts';
import { Depth } from './depth.ts';
import { mostDescriptors } from './descriptors.ts';
import { QuickCalls } from './quick-calls.ts';
import { PIECE_BYTES, type Window } from './window.ts';

/**
 * Pieces that came and wait for their turn, beside those in flight: a half of these, and no more
 * than so many.
 */
const MOST_WAITING = 32;

/**
 * A thread that has enough to hash hears of what came so often: pieces of a slow volume are hashed
 * in 0.1 to 0.3 ms each.
 */
const TURN_MILLISECONDS = 0.4;

/**
 * The system calls of one thread on slow volumes: keeps as many in flight as pay, over all of its
 * files. libuv's threads wait for them; this one hears of what came when it returns to its event
 * loop.
 */
export class Reads {
  /**
   * Opens another file, while more calls may be in flight and nothing is left to read; false when
   * there is nothing to open.
   */
  opener: (() => boolean) | undefined;
  /** Descriptors of files that are open, or being opened. */
  opens = 0;
  /** Attributes of a file that was just opened, the end behind its last byte, attributes then. */
  readonly quick = { opened: new QuickCalls(), end: new QuickCalls(), closing: new QuickCalls() };
  readonly #control: Control;
  readonly #depth = new Depth();
  readonly #calls: (() => void)[] = [];
  readonly #windows: Window[] = [];
  readonly #buffers: Buffer[] = [];
  #slots = 0;
  #underWay = 0;
  #mostOpen = mostDescriptors();
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #hasNews = false;
  #isTelling = false;
  #isPumping = false;
  /** When this thread was in its event loop the last time. */
  #turned = 0;

  constructor(control: Control) {
    this.#control = control;
  }

  /** Resolves when something has come since this was asked the last time. */
  arrival(): Promise<void> {
    this.pump();
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#hasNews) this.#tell();
    });
  }

  /**
   * As `Inputs.turn`: nothing is asked for, and no call is found to be done, while this thread does
   * not return to its event loop.
   */
  turn(): Promise<void> | undefined {
    if (this.#underWay === 0 || performance.now() - this.#turned < TURN_MILLISECONDS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#turned = performance.now();
        resolve();
      }),
    );
  }

  /** Resolves when nothing is in flight any more. */
  async idle(): Promise<void> {
    while (this.#underWay > 0 || this.#calls.length > 0) await this.arrival();
  }

  add(window: Window): void {
    this.#windows.push(window);
  }

  remove(window: Window): void {
    const at = this.#windows.indexOf(window);
    if (at >= 0) this.#windows.splice(at, 1);
  }

  /** Begins a call as soon as it may be in flight. */
  call<T>(start: (done: Done<T>) => void, settled: Done<T>): void {
    this.#calls.push(() => this.begin(start, settled));
    this.pump();
  }

  /** Begins one now. */
  begin<T>(start: (done: Done<T>) => void, settled: Done<T>): void {
    this.#underWay++;
    const from = performance.now();
    start((error, value) => {
      this.#underWay--;
      const now = performance.now();
      // A thread that has enough to hash hears late of what came: that tells nothing of the volume,
      // and no more is needed.
      if (this.#wake !== undefined) this.#depth.completed(now - from, depthOf(this.#control).most);
      settled(error, value);
      this.#hasNews = true;
      this.pump();
      this.#tell();
    });
  }

  /** Attributes of an open file, at one of the times at which the kernel may know them. */
  stat(kind: QuickCalls, descriptor: number, settled: Done<BigIntStats>): void {
    const later = (done: Done<BigIntStats>) => this.call<BigIntStats>((told) => statLater(descriptor, told), done);
    kind.call(() => statOpen(descriptor), later, settled);
  }

  /** Closes one of these descriptors. */
  close(descriptor: number): void {
    this.call<void>(
      (done) => closeLater(descriptor, done),
      () => {
        this.opens--;
      },
    );
  }

  /** There was no descriptor left: there are not to be more than are open now. */
  openFewer(): void {
    this.#mostOpen = Math.max(1, this.opens);
  }

  giveBack(buffer: Buffer): void {
    this.#buffers.push(buffer);
    this.#slots--;
    this.pump();
  }

  /** Begins what may be in flight. */
  pump(): void {
    if (this.#isPumping || isStopped(this.#control)) return;
    this.#isPumping = true;
    try {
      while (this.#underWay < this.#most && this.#beginOne());
    } finally {
      this.#isPumping = false;
    }
  }

  get #most(): number {
    const { most, isGiven } = depthOf(this.#control);
    return isGiven ? most : this.#depth.now(most);
  }

  get #mostSlots(): number {
    return this.#most + Math.min(MOST_WAITING, Math.ceil(this.#most / 2));
  }

  #beginOne(): boolean {
    const call = this.#calls.shift();
    if (call !== undefined) {
      call();
      return true;
    }
    const window = this.#neediest();
    if (window === undefined) {
      return this.opens < this.#mostOpen && this.opener?.() === true;
    }
    // One that is waited for gets its piece: others may have taken all places.
    const isWaitedFor = window.isTaken && window.ahead === 0;
    if (this.#timer !== undefined || (this.#slots >= this.#mostSlots && !isWaitedFor)) return false;
    this.#waitFor(takeBytes(this.#control, window.nextBytes));
    this.#slots++;
    window.issue(this.#buffers.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES + 1));
    return true;
  }

  /**
   * Of the files that are hashed the one with the fewest pieces ahead: they are hashed together, as
   * long as there is something of each. Of one that nobody takes yet only the first piece is as
   * urgent: with it, it can be taken.
   */
  #neediest(): Window | undefined {
    let found: Window | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const window of this.#windows) {
      if (!window.isReadable) continue;
      const { ahead, isTaken } = window;
      const untaken = ahead === 0 ? 0.5 : Number.MAX_SAFE_INTEGER;
      const has = isTaken ? ahead : untaken;
      if (has >= least) continue;
      found = window;
      least = has;
    }
    return found;
  }

  /** Nothing more is read for so long. */
  #waitFor(milliseconds: number): void {
    if (milliseconds <= 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, milliseconds);
  }

  /** Once for all that came in one turn of the event loop. */
  #tell(): void {
    if (this.#wake === undefined || this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      const wake = this.#wake;
      this.#isTelling = false;
      this.#hasNews = false;
      this.#turned = performance.now();
      this.#wake = undefined;
      wake?.();
    });
  }
}
