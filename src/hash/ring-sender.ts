import {
  BEGIN,
  DATA,
  DONE,
  DROP,
  END,
  HEAD,
  PIECE_BYTES,
  RING,
  RING_AT,
  type RingBuffer,
  SLOT_AT,
  SLOTS_EACH,
  STREAM_AT,
  TAIL,
} from './ring-buffer.ts';

/** Free pieces to have before more bytes are asked for: a chunk may fill one, and begin another. */
const RESERVE = 2;

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
