import { KERNEL } from './kernel.ts';

/**
 * Messages that are hashed at once: in the lanes of one or two vector registers, and with one more
 * in scalar ones.
 */
export type LaneCount = 4 | 5 | 8;

/**
 * Bytes that a lane takes at once: with a quarter of it, the same folder takes 3 % longer, and with
 * four times as many no less.
 */
export const LANE_BYTES = 1 << 19;

/** FIPS 180-4, section 5.3.3. */
const INITIAL = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

const BLOCK = 64;

/**
 * Places in memory, in bytes: the kernels' own below the first; then states, then lanes with room
 * for their padding.
 */
const KERNEL_STATE_AT = 16_384;
const STATE_AT = 20_480;
const LANES_AT = 32_768;
const LANE_STEP = LANE_BYTES + 2 * BLOCK;
const STATE_BYTES = 32;

/** A kernel takes its scalar lane's state this far behind the pointer that it is given. */
const SCALAR_STATE = 128;

/**
 * Fewer are faster one after the other: two 505 MB/s, in four lanes of narrow registers 475, of
 * wide ones 730.
 */
const LEAST_TOGETHER = 3;
const LEAST_TOGETHER_WIDE = 2;

/** Fewer than this leave too much of the wide kernels empty. */
const LEAST_EIGHT = 5;

interface Kernel {
  one(state: number, p4: number, blocks: number): void;
  oneAhead(state: number, p4: number, fours: number): void;
  four(state: number, p0: number, p1: number, p2: number, p3: number, blocks: number): void;
  five(state: number, p0: number, p1: number, p2: number, p3: number, p4: number, blocks: number): void;
}

interface WideKernel {
  eight(state: number, ...pointersAndBlocks: number[]): void;
  fourAhead(state: number, p0: number, p1: number, p2: number, p3: number, pairs: number): void;
}

export interface LaneKernels {
  readonly lanes?: LaneCount;
  /**
   * Kernels of wide registers, compiled: for eight lanes, and for four with two blocks at a time.
   */
  readonly wide?: WebAssembly.Module;
  /** The module of the others, base64. */
  readonly kernel?: string;
}

interface Lane {
  /** Where its bytes go; a view of the module's memory. */
  readonly bytes: Buffer;
  /** The same without the place for padding. */
  readonly room: Buffer;
  isOpen: boolean;
  /** Bytes in it, and of those how many are hashed. */
  filled: number;
  taken: number;
  /** Of the whole message so far. */
  total: number;
  isEnded: boolean;
}

/**
 * SHA-256 of several messages at once, each of any length, each begun and ended whenever it suits.
 */
export class LaneHasher {
  /** How many there are. */
  readonly lanes: LaneCount;
  /** Whether the kernels of wide registers were used since somebody set this to false. */
  usedWide = false;
  readonly #kernel: Kernel;
  readonly #wide: WideKernel | undefined;
  readonly #words: Uint32Array;
  readonly #lanes: readonly Lane[];

  /** @throws WebAssembly.CompileError on a processor or a Node without 128-bit SIMD */
  constructor({ lanes = 4, wide, kernel = KERNEL }: LaneKernels = {}) {
    if (lanes > 5 && wide === undefined) throw new Error('more than five lanes need their kernel');
    this.lanes = lanes;
    const bytes = LANES_AT + this.lanes * LANE_STEP;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536), maximum: Math.ceil(bytes / 65_536) });
    const imports = { e: { m: memory } };
    const module = new WebAssembly.Module(Buffer.from(kernel, 'base64'));
    this.#kernel = new WebAssembly.Instance(module, imports).exports as unknown as Kernel;
    if (wide !== undefined) this.#wide = new WebAssembly.Instance(wide, imports).exports as unknown as WideKernel;
    this.#words = new Uint32Array(memory.buffer);
    this.#lanes = Array.from({ length: this.lanes }, (_, i) => ({
      bytes: Buffer.from(memory.buffer, LANES_AT + i * LANE_STEP, LANE_STEP),
      room: Buffer.from(memory.buffer, LANES_AT + i * LANE_STEP, LANE_BYTES),
      isOpen: false,
      filled: 0,
      taken: 0,
      total: 0,
      isEnded: false,
    }));
  }

  /** What to call what was used since then. */
  get kernel(): 'multi-buffer' | 'multi-buffer-avx2' {
    return this.usedWide ? 'multi-buffer-avx2' : 'multi-buffer';
  }

  /** Begins a message in a lane that has none. */
  begin(lane: number): void {
    Object.assign(this.#lane(lane), { isOpen: true, filled: 0, taken: 0, total: 0, isEnded: false });
    this.#words.set(INITIAL, stateIndex(lane));
  }

  /**
   * True when a lane has no whole block left, so that more bytes are wanted, or its message is
   * over.
   */
  isIdle(lane: number): boolean {
    const { filled, taken } = this.#lane(lane);
    return filled - taken < BLOCK;
  }

  /** Where to put the next bytes of a message; at most `LANE_BYTES`, and it must be idle. */
  room(lane: number): Buffer {
    const one = this.#lane(lane);
    // The beginning of a block that has not come whole.
    if (one.taken < one.filled) one.bytes.copyWithin(0, one.taken, one.filled);
    one.filled -= one.taken;
    one.taken = 0;
    return one.filled === 0 ? one.room : one.bytes.subarray(one.filled, LANE_BYTES);
  }

  /** Says how many bytes were put into `room`. */
  add(lane: number, length: number): void {
    const one = this.#lane(lane);
    one.filled += length;
    one.total += length;
  }

  /**
   * Ends a message: pads it (FIPS 180-4, section 5.1.1). Its digest is there when the lane is idle
   * again.
   */
  end(lane: number): void {
    const one = this.#lane(lane);
    const rest = (one.filled - one.taken) % BLOCK;
    const padded = one.filled + (rest < BLOCK - 8 ? BLOCK : 2 * BLOCK) - rest;
    one.bytes.fill(0, one.filled, padded);
    one.bytes[one.filled] = 0x80;
    // The length in bits, of 64 bits.
    one.bytes.writeUInt32BE(Math.floor(one.total / 2 ** 29), padded - 8);
    one.bytes.writeUInt32BE((one.total * 8) % 2 ** 32, padded - 4);
    one.filled = padded;
    one.isEnded = true;
  }

  /**
   * False while it pays to wait: some messages have bytes, and more could be hashed together with
   * them.
   */
  get isFull(): boolean {
    let [busy, open] = [0, 0];
    for (const [lane, { isOpen, isEnded }] of this.#lanes.entries()) {
      const isBusy = isOpen && !this.isIdle(lane);
      if (isBusy) busy++;
      if (isBusy || (isOpen && !isEnded)) open++;
    }
    return busy === 0 || busy === open || open < this.#leastTogether;
  }

  /**
   * Hashes what all open lanes can take together; at least one block of one of them, if there is
   * any.
   */
  run(): void {
    const busy: number[] = [];
    for (let lane = 0; lane < this.lanes; lane++) if (this.#lane(lane).isOpen && !this.isIdle(lane)) busy.push(lane);
    if (busy.length < this.#leastTogether) for (const lane of busy) this.#runAlone(lane);
    else this.#runTogether(busy);
  }

  /** Takes the digest of a message that has ended, as 32 raw bytes, and frees its lane. */
  digest(lane: number): Uint8Array {
    const one = this.#lane(lane);
    if (!one.isEnded || one.filled !== one.taken) throw new Error('a digest of a message that has not ended');
    const digest = Buffer.allocUnsafe(32);
    for (let i = 0; i < 8; i++) digest.writeUInt32BE(this.#words[stateIndex(lane) + i] ?? 0, 4 * i);
    one.isOpen = false;
    return digest;
  }

  /** Gives up a message. */
  drop(lane: number): void {
    this.#lane(lane).isOpen = false;
  }

  get #leastTogether(): number {
    return this.#wide === undefined ? LEAST_TOGETHER : LEAST_TOGETHER_WIDE;
  }

  /**
   * The busy lanes fill the places of a kernel; one that is left over gets somebody else's bytes,
   * and nobody takes its state.
   */
  #runTogether(busy: readonly number[]): void {
    const blocks = Math.min(...busy.map((lane) => this.#blocks(lane)));
    const p = (place: number) => this.#pointer(busy[place] ?? busy[0] ?? 0);
    if (this.#wide !== undefined && busy.length >= LEAST_EIGHT) {
      this.#bring(busy, 8, false);
      this.#wide.eight(KERNEL_STATE_AT, p(0), p(1), p(2), p(3), p(4), p(5), p(6), p(7), blocks);
      this.#bring(busy, 8, true);
      this.usedWide = true;
    } else {
      this.#bring(busy, 4, false);
      if (busy.length > 4) this.#kernel.five(KERNEL_STATE_AT, p(0), p(1), p(2), p(3), p(4), blocks);
      else this.#runFour(p(0), p(1), p(2), p(3), blocks);
      this.#bring(busy, 4, true);
    }
    for (const lane of busy) this.#lane(lane).taken += blocks * BLOCK;
  }

  /**
   * Copies states to where a kernel takes them: word by word for `width` vector lanes, then the
   * scalar one; or back.
   */
  #bring(busy: readonly number[], width: number, isBack: boolean): void {
    const words = this.#words;
    for (let place = 0; place < busy.length; place++) {
      const own = stateIndex(busy[place] ?? 0);
      const first = (place < width ? KERNEL_STATE_AT + 4 * place : KERNEL_STATE_AT + SCALAR_STATE) / 4;
      const step = place < width ? width : 1;
      for (let i = 0; i < 8; i++) {
        if (isBack) words[own + i] = words[first + i * step] ?? 0;
        else words[first + i * step] = words[own + i] ?? 0;
      }
    }
  }

  #runFour(p0: number, p1: number, p2: number, p3: number, blocks: number): void {
    const pairs = this.#wide === undefined ? 0 : blocks >>> 1;
    if (pairs > 0) {
      this.#wide?.fourAhead(KERNEL_STATE_AT, p0, p1, p2, p3, pairs);
      this.usedWide = true;
    }
    const done = 2 * BLOCK * pairs;
    this.#kernel.four(KERNEL_STATE_AT, p0 + done, p1 + done, p2 + done, p3 + done, blocks - 2 * pairs);
  }

  /** As many blocks at a time as can be scheduled together, and then what is left. */
  #runAlone(lane: number): void {
    const state = 4 * stateIndex(lane) - SCALAR_STATE;
    const fours = this.#blocks(lane) >>> 2;
    this.#kernel.oneAhead(state, this.#pointer(lane), fours);
    this.#lane(lane).taken += 4 * fours * BLOCK;
    const blocks = this.#blocks(lane);
    this.#kernel.one(state, this.#pointer(lane), blocks);
    this.#lane(lane).taken += blocks * BLOCK;
  }

  #blocks(lane: number): number {
    const { filled, taken } = this.#lane(lane);
    return Math.floor((filled - taken) / BLOCK);
  }

  #pointer(lane: number): number {
    return LANES_AT + lane * LANE_STEP + this.#lane(lane).taken;
  }

  #lane(lane: number): Lane {
    const one = this.#lanes[lane];
    if (one === undefined) throw new Error('no such lane');
    return one;
  }
}

/** Of a lane's state, in 32-bit words. */
function stateIndex(lane: number): number {
  return (STATE_AT + STATE_BYTES * lane) / 4;
}
