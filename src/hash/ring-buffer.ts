// Bytes that one thread receives and another hashes meanwhile: pieces in shared memory, and a ring
// that says in which order they belong to which stream. The receiver would otherwise stand still
// for as long as hashing takes; and what several connections bring is hashed in the lanes of one
// kernel: eight layers of 256 MiB with the wasm engine in 4.5 s, not 6.7.

/**
 * Streams that a ring carries at a time: one, or as many as the multi-buffer kernel has vector
 * lanes.
 */
export type RingStreams = 1 | 4 | 8;

/**
 * Bytes are hashed and written in pieces of this size: each system call and each call into a hasher
 * costs.
 */
export const PIECE_BYTES = 1 << 20;

/**
 * Pieces of each stream: what one thread is ahead of the other. A stream has its own, so that a
 * fast connection cannot take the places of the others: streams are hashed together as long as
 * there is something of each. By itself, one may need more: with four a large file takes OpenSSL 2
 * % longer, since whichever thread the system interrupts makes the other one wait sooner.
 */
const SLOTS_EACH = { 1: 8, 4: 4, 8: 3 };
const MOST_SLOTS = 24;

/** Free pieces to have before more bytes are asked for: a chunk may fill one, and begin another. */
const RESERVE = 2;

const RING = 128;

/** Places in `words`. */
const HEAD = 0;
const TAIL = 1;
const DONE = 2;
const CLOSED = 3;
const SLOT_AT = 8;
/** For each stream the number of the digest that is waited for, or 0. */
export const STREAM_AT = SLOT_AT + MOST_SLOTS;
const RING_AT = 64;

const BEGIN = 1;
const DATA = 2;
const END = 3;
const DROP = 4;

/** What both threads have in common. */
export interface RingBuffer {
  readonly streams: RingStreams;
  readonly pieces: SharedArrayBuffer;
  readonly words: Int32Array;
  /** 32 bytes for each stream. */
  readonly digests: Uint8Array;
}

export function createRing(streams: RingStreams = 4): RingBuffer {
  return {
    streams,
    pieces: new SharedArrayBuffer(streams * SLOTS_EACH[streams] * PIECE_BYTES),
    words: new Int32Array(new SharedArrayBuffer(4 * (RING_AT + 2 * RING))),
    digests: new Uint8Array(new SharedArrayBuffer(32 * streams)),
  };
}

/** Nothing more comes: whoever hashes returns. */
export function closeRing({ words }: RingBuffer): void {
  Atomics.store(words, CLOSED, 1);
  Atomics.notify(words, HEAD);
}

/** The receiver's end. */
export class RingSender {
  readonly #ring: RingBuffer;
  readonly #streams: RingStream[];

  constructor(ring: RingBuffer) {
    this.#ring = ring;
    this.#streams = Array.from({ length: ring.streams }, (_, i) => new RingStream(this, ring, i));
  }

  /** A stream that nobody uses; there are `RingBuffer.streams` of them. */
  open(): RingStream {
    const stream = this.#streams.pop();
    if (stream === undefined) throw new Error('a ring has no more streams');
    return stream;
  }

  /** @internal */
  close(stream: RingStream): void {
    this.#streams.push(stream);
  }

  /** @internal */
  send(kind: number, stream: number, slot = 0, length = 0): void {
    const { words } = this.#ring;
    const head = Atomics.load(words, HEAD);
    for (let tail = Atomics.load(words, TAIL); head - tail >= RING; tail = Atomics.load(words, TAIL))
      Atomics.wait(words, TAIL, tail, 100);
    const at = RING_AT + 2 * (head % RING);
    words[at] = kind | (stream << 8) | (slot << 16);
    words[at + 1] = length;
    Atomics.store(words, HEAD, head + 1);
    Atomics.notify(words, HEAD);
  }
}

/** One SHA-256 that is computed in the other thread. */
export class RingStream {
  readonly #sender: RingSender;
  readonly #ring: RingBuffer;
  readonly #number: number;
  readonly #free: number[];
  /** Sent, and perhaps not hashed yet. */
  #sent: number[] = [];
  #slot: number | undefined;
  #filled = 0;
  /**
   * Of the digest that was asked for last, never 0: one that was given up must not stand for a
   * later one.
   */
  #asked = 0;

  constructor(sender: RingSender, ring: RingBuffer, number: number) {
    this.#sender = sender;
    this.#ring = ring;
    this.#number = number;
    const each = SLOTS_EACH[ring.streams];
    this.#free = Array.from({ length: each }, (_, i) => each * number + i);
  }

  init(): void {
    this.#filled = 0;
    this.#sender.send(BEGIN, this.#number);
  }

  /**
   * Copies the bytes. `isShort` says when to wait before the next ones; at most a piece at a time.
   */
  update(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      this.#slot ??= this.#take();
      const take = Math.min(PIECE_BYTES - this.#filled, bytes.length - at);
      // Not `set`: V8 copies into shared memory word by word then.
      bytes.copy(this.#pieceAt(this.#slot), this.#filled, at, at + take);
      this.#filled += take;
      at += take;
      if (this.#filled === PIECE_BYTES) this.#flush();
    }
  }

  /** True while it is better to wait before more bytes are brought. */
  get isShort(): boolean {
    if (this.#free.length < RESERVE) this.#reclaim();
    return this.#free.length < RESERVE;
  }

  /** Resolves when there is room for more. */
  async room(): Promise<void> {
    await this.#until(() => !this.isShort);
  }

  /** 32 raw bytes. */
  async digest(): Promise<Uint8Array> {
    await this.#until(this.#end());
    return this.#digest();
  }

  /**
   * An empty piece to put bytes into, for a thread that may block.
   *
   * @param check - is called at least every 100 ms; what it throws ends the wait
   */
  piece(check: () => void): Buffer {
    for (this.#reclaim(); this.#free.length === 0; this.#reclaim()) this.#block(check);
    this.#slot ??= this.#take();
    return this.#pieceAt(this.#slot);
  }

  /** Sends the piece that was filled. */
  send(length: number): void {
    this.#filled = length;
    this.#flush();
  }

  /** The digest, for a thread that may block. */
  digestNow(check: () => void): Uint8Array {
    const ready = this.#end();
    while (!ready()) this.#block(check);
    return this.#digest();
  }

  close(): void {
    if (this.#slot !== undefined) this.#free.push(this.#slot);
    this.#slot = undefined;
    this.#filled = 0;
    this.#sender.send(DROP, this.#number);
    this.#sender.close(this);
  }

  /** @returns whether the digest is there */
  #end(): () => boolean {
    const { words } = this.#ring;
    this.#flush();
    this.#asked = (this.#asked % 0x7fff_ffff) + 1;
    Atomics.store(words, STREAM_AT + this.#number, this.#asked);
    this.#sender.send(END, this.#number, 0, this.#asked);
    return () => Atomics.load(words, STREAM_AT + this.#number) === 0;
  }

  #digest(): Uint8Array {
    return this.#ring.digests.slice(32 * this.#number, 32 * this.#number + 32);
  }

  #block(check: () => void): void {
    const { words } = this.#ring;
    check();
    // What is done between the look and the wait costs a millisecond, not a tenth of a second.
    Atomics.wait(words, DONE, Atomics.load(words, DONE), 1);
  }

  async #until(condition: () => boolean): Promise<void> {
    const { words } = this.#ring;
    for (;;) {
      const seen = Atomics.load(words, DONE);
      if (condition()) return;
      await Atomics.waitAsync(words, DONE, seen, 100).value;
    }
  }

  #pieceAt(slot: number): Buffer {
    return Buffer.from(this.#ring.pieces, slot * PIECE_BYTES, PIECE_BYTES);
  }

  #take(): number {
    this.#reclaim();
    const slot = this.#free.pop();
    if (slot === undefined) throw new Error('a ring has no more pieces');
    return slot;
  }

  #flush(): void {
    if (this.#slot === undefined || this.#filled === 0) return;
    Atomics.store(this.#ring.words, SLOT_AT + this.#slot, 1);
    this.#sent.push(this.#slot);
    this.#sender.send(DATA, this.#number, this.#slot, this.#filled);
    this.#slot = undefined;
    this.#filled = 0;
  }

  #reclaim(): void {
    const pending: number[] = [];
    for (const slot of this.#sent)
      (Atomics.load(this.#ring.words, SLOT_AT + slot) === 0 ? this.#free : pending).push(slot);
    this.#sent = pending;
  }
}

/** What the hashing end does with each stream. */
export interface StreamHashers {
  begin(stream: number): void;
  /** Takes some or all of the bytes. @returns how many */
  feed(stream: number, bytes: Buffer): number;
  /** Hashes what was taken. */
  run(): void;
  /** @returns undefined while there is something left to hash */
  end(stream: number): Uint8Array | undefined;
  drop(stream: number): void;
}

interface Pending {
  readonly pieces: { readonly slot: number; readonly length: number; taken: number }[];
  /** The number of the digest that is asked for; 0 while more bytes may come. */
  asked: number;
}

/**
 * The hashing end: takes what comes until the ring is closed. Blocks its thread.
 *
 * @param check - is called at least every 100 ms; what it throws ends the ring
 */
export function serveRing(
  { streams: count, words, pieces, digests }: RingBuffer,
  hashers: StreamHashers,
  check: () => void,
): void {
  const streams: Pending[] = Array.from({ length: count }, () => ({ pieces: [], asked: 0 }));
  let hasNews = false;
  const free = (slot: number) => {
    Atomics.store(words, SLOT_AT + slot, 0);
    hasNews = true;
  };
  const accept = (kind: number, stream: number, slot: number, length: number) => {
    const pending = streams[stream];
    if (pending === undefined) return;
    if (kind === DATA) pending.pieces.push({ slot, length, taken: 0 });
    else if (kind === END) pending.asked = length;
    else {
      for (const piece of pending.pieces.splice(0)) free(piece.slot);
      pending.asked = 0;
      if (kind === BEGIN) hashers.begin(stream);
      else hashers.drop(stream);
    }
  };
  let tail = 0;
  for (;;) {
    check();
    const head = Atomics.load(words, HEAD);
    for (; tail < head; tail++) {
      const at = RING_AT + 2 * (tail % RING);
      const word = words[at] ?? 0;
      accept(word & 0xff, (word >> 8) & 0xff, word >>> 16, words[at + 1] ?? 0);
    }
    Atomics.store(words, TAIL, tail);
    Atomics.notify(words, TAIL);
    let isBusy = false;
    for (const [stream, pending] of streams.entries()) {
      for (let piece = pending.pieces[0]; piece !== undefined; piece = pending.pieces[0]) {
        const bytes = Buffer.from(pieces, piece.slot * PIECE_BYTES + piece.taken, piece.length - piece.taken);
        const taken = hashers.feed(stream, bytes);
        piece.taken += taken;
        isBusy ||= taken > 0;
        if (piece.taken < piece.length) break;
        pending.pieces.shift();
        free(piece.slot);
      }
    }
    hashers.run();
    for (const [stream, pending] of streams.entries()) {
      if (pending.asked === 0 || pending.pieces.length > 0) continue;
      isBusy = true;
      const digest = hashers.end(stream);
      if (digest === undefined) continue;
      digests.set(digest, 32 * stream);
      // Whoever asked may have given it up, and asked for another one since.
      Atomics.compareExchange(words, STREAM_AT + stream, pending.asked, 0);
      pending.asked = 0;
      hasNews = true;
    }
    // Waking somebody is a system call: not for every step, but for what somebody may wait for.
    if (hasNews) {
      hasNews = false;
      Atomics.add(words, DONE, 1);
      Atomics.notify(words, DONE);
    }
    if (isBusy) continue;
    if (streams.every((pending) => pending.pieces.length === 0)) {
      if (Atomics.load(words, CLOSED) === 1 && Atomics.load(words, HEAD) === tail) return;
      Atomics.wait(words, HEAD, tail, 100);
    }
  }
}
