import {
  BEGIN,
  DATA,
  DONE,
  DROP,
  END,
  HEAD,
  PIECE_BYTES,
  RESERVE,
  RING,
  RING_AT,
  type RingBuffer,
  SLOT_AT,
  SLOTS_EACH,
  STREAM_AT,
  TAIL,
} from './ring-buffer.ts';

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

  /** A number that changes when the other thread is done with something. */
  get done(): number {
    return Atomics.load(this.#ring.words, DONE);
  }

  /** Resolves when it is no longer that number, or after a while. */
  async changed(seen: number): Promise<void> {
    await Atomics.waitAsync(this.#ring.words, DONE, seen, 100).value;
  }

  /** Waits for the other thread to be done with something, a millisecond at most. */
  block(): void {
    const { words } = this.#ring;
    // What is done between the look and the wait costs a millisecond, not a tenth of a second.
    Atomics.wait(words, DONE, Atomics.load(words, DONE), 1);
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
      if (this.#filled === PIECE_BYTES) this.flush();
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
    this.end();
    await this.#until(() => this.#isThere);
    return this.#digest();
  }

  /**
   * Where bytes can be put, for a thread that fills pieces itself: what is left of one.
   *
   * @returns undefined while the other thread has all pieces
   */
  pieceLeft(): Buffer | undefined {
    if (this.#slot === undefined && this.#free.length === 0) this.#reclaim();
    this.#slot ??= this.#free.pop();
    if (this.#slot === undefined) return undefined;
    return this.#pieceAt(this.#slot).subarray(this.#filled);
  }

  /** So many bytes were put there. @returns true when they have filled a piece, which is sent */
  filled(length: number): boolean {
    this.#filled += length;
    if (this.#filled < PIECE_BYTES) return false;
    this.flush();
    return true;
  }

  /** True when the other thread has nothing of it left to hash. */
  get isIdle(): boolean {
    this.#reclaim();
    return this.#sent.length === 0;
  }

  /** Sends what is there, though it does not fill a piece. */
  flush(): void {
    if (this.#slot === undefined || this.#filled === 0) return;
    Atomics.store(this.#ring.words, SLOT_AT + this.#slot, 1);
    this.#sent.push(this.#slot);
    this.#sender.send(DATA, this.#number, this.#slot, this.#filled);
    this.#slot = undefined;
    this.#filled = 0;
  }

  /** Asks for the digest of what was sent. */
  end(): void {
    this.flush();
    this.#asked = (this.#asked % 0x7fff_ffff) + 1;
    Atomics.store(this.#ring.words, STREAM_AT + this.#number, this.#asked);
    this.#sender.send(END, this.#number, 0, this.#asked);
  }

  /** The digest that was asked for, once it is there. */
  digestNow(): Uint8Array | undefined {
    return this.#isThere ? this.#digest() : undefined;
  }

  close(): void {
    if (this.#slot !== undefined) this.#free.push(this.#slot);
    this.#slot = undefined;
    this.#filled = 0;
    this.#sender.send(DROP, this.#number);
    this.#sender.close(this);
  }

  get #isThere(): boolean {
    return Atomics.load(this.#ring.words, STREAM_AT + this.#number) === 0;
  }

  #digest(): Uint8Array {
    return this.#ring.digests.slice(32 * this.#number, 32 * this.#number + 32);
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      const seen = this.#sender.done;
      if (condition()) return;
      await this.#sender.changed(seen);
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

  #reclaim(): void {
    const pending: number[] = [];
    for (const slot of this.#sent)
      (Atomics.load(this.#ring.words, SLOT_AT + slot) === 0 ? this.#free : pending).push(slot);
    this.#sent = pending;
  }
}
