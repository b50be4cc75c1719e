import { KERNEL } from './kernel.ts';

/** Messages that are hashed at once: four in the lanes of vector registers, one in scalar registers. */
export const LANES = 5;

/** Bytes that a lane takes at once; five of them stay in the second-level cache between read and hash. */
export const LANE_BYTES = 1 << 17;

/** FIPS 180-4, section 5.3.3. */
const INITIAL = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

const BLOCK = 64;

/** Places in memory, in bytes: the kernel's own below the first; then states, then lanes with room for their padding. */
const STATE_AT = 16_384;
const SCALAR_STATE_AT = STATE_AT + 128;
/** State of a lane of the vector registers, while it is hashed by itself. */
const ALONE_AT = STATE_AT + 512;
const LANES_AT = 32_768;
const LANE_STEP = LANE_BYTES + 2 * BLOCK;

/** Fewer lanes than this are faster one after the other in scalar registers. */
const LEAST_TOGETHER = 3;

interface Kernel {
  one(state: number, p4: number, blocks: number): void;
  four(state: number, p0: number, p1: number, p2: number, p3: number, blocks: number): void;
  five(state: number, p0: number, p1: number, p2: number, p3: number, p4: number, blocks: number): void;
}

interface Lane {
  /** Where its bytes go; a view of the module's memory. */
  readonly bytes: Buffer;
  isOpen: boolean;
  /** Bytes in it, and of those how many are hashed. */
  filled: number;
  taken: number;
  /** Of the whole message so far. */
  total: number;
  isEnded: boolean;
}

/** SHA-256 of several messages at once, each of any length, each begun and ended whenever it suits. */
export class LaneHasher {
  readonly #kernel: Kernel;
  readonly #words: Uint32Array;
  readonly #lanes: readonly Lane[];

  /**
   * @param kernel - the module, base64
   * @throws WebAssembly.CompileError on a processor or a Node without 128-bit SIMD
   */
  constructor(kernel: string = KERNEL) {
    const bytes = LANES_AT + LANES * LANE_STEP;
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536), maximum: Math.ceil(bytes / 65_536) });
    const module = new WebAssembly.Module(Buffer.from(kernel, 'base64'));
    this.#kernel = new WebAssembly.Instance(module, { e: { m: memory } }).exports as unknown as Kernel;
    this.#words = new Uint32Array(memory.buffer);
    this.#lanes = Array.from({ length: LANES }, (_, i) => ({
      bytes: Buffer.from(memory.buffer, LANES_AT + i * LANE_STEP, LANE_STEP),
      isOpen: false,
      filled: 0,
      taken: 0,
      total: 0,
      isEnded: false,
    }));
  }

  /** Begins a message in a lane that has none. */
  begin(lane: number): void {
    Object.assign(this.#lane(lane), { isOpen: true, filled: 0, taken: 0, total: 0, isEnded: false });
    for (const [i, word] of INITIAL.entries()) this.#words[this.#stateIndex(lane, i)] = word;
  }

  /** True when a lane has no whole block left, so that more bytes are wanted, or its message is over. */
  isIdle(lane: number): boolean {
    const { filled, taken } = this.#lane(lane);
    return filled - taken < BLOCK;
  }

  /** Where to put the next bytes of a message; at most `LANE_BYTES`, and it must be idle. */
  room(lane: number): Buffer {
    const one = this.#lane(lane);
    // The beginning of a block that has not come whole.
    one.bytes.copyWithin(0, one.taken, one.filled);
    one.filled -= one.taken;
    one.taken = 0;
    return one.bytes.subarray(one.filled, LANE_BYTES);
  }

  /** Says how many bytes were put into `room`. */
  add(lane: number, length: number): void {
    const one = this.#lane(lane);
    one.filled += length;
    one.total += length;
  }

  /** Ends a message: pads it (FIPS 180-4, section 5.1.1). Its digest is there when the lane is idle again. */
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

  /** Hashes what all open lanes can take together; at least one block of one of them, if there is any. */
  run(): void {
    const busy: number[] = [];
    for (let lane = 0; lane < LANES; lane++) if (this.#lane(lane).isOpen && !this.isIdle(lane)) busy.push(lane);
    if (busy.length < LEAST_TOGETHER) for (const lane of busy) this.#runAlone(lane);
    else this.#runTogether(busy);
  }

  /** Takes the digest of a message that has ended, as 32 raw bytes, and frees its lane. */
  digest(lane: number): Uint8Array {
    const one = this.#lane(lane);
    if (!one.isEnded || one.filled !== one.taken) throw new Error('a digest of a message that has not ended');
    const digest = Buffer.allocUnsafe(32);
    for (let i = 0; i < 8; i++) digest.writeUInt32BE(this.#words[this.#stateIndex(lane, i)] ?? 0, 4 * i);
    one.isOpen = false;
    return digest;
  }

  /** Gives up a message. */
  drop(lane: number): void {
    this.#lane(lane).isOpen = false;
  }

  #runTogether(busy: readonly number[]): void {
    const blocks = Math.min(...busy.map((lane) => this.#blocks(lane)));
    // A lane that has nothing to hash gets somebody else's bytes; its state is put back if it still matters.
    const waiting = this.#lanes.flatMap(({ isOpen }, lane) => (isOpen && !busy.includes(lane) ? [lane] : []));
    const kept = waiting.map((lane) => INITIAL.map((_, i) => this.#words[this.#stateIndex(lane, i)] ?? 0));
    const spare = this.#pointer(busy[0] ?? 0);
    const at = (lane: number) => (busy.includes(lane) ? this.#pointer(lane) : spare);
    const isFifth = busy.includes(LANES - 1);
    if (isFifth) this.#kernel.five(STATE_AT, at(0), at(1), at(2), at(3), at(4), blocks);
    else this.#kernel.four(STATE_AT, at(0), at(1), at(2), at(3), blocks);
    for (const lane of busy) this.#lane(lane).taken += blocks * BLOCK;
    for (const [n, lane] of waiting.entries())
      for (const [i, word] of (kept[n] ?? []).entries()) this.#words[this.#stateIndex(lane, i)] = word;
  }

  #runAlone(lane: number): void {
    const blocks = this.#blocks(lane);
    const words = this.#words;
    const isScalar = lane === LANES - 1;
    // The kernel's scalar state is 128 bytes behind the pointer that it is given.
    const state = isScalar ? STATE_AT : ALONE_AT;
    const alone = (ALONE_AT + 128) / 4;
    if (!isScalar) for (let i = 0; i < 8; i++) words[alone + i] = words[this.#stateIndex(lane, i)] ?? 0;
    this.#kernel.one(state, this.#pointer(lane), blocks);
    if (!isScalar) for (let i = 0; i < 8; i++) words[this.#stateIndex(lane, i)] = words[alone + i] ?? 0;
    this.#lane(lane).taken += blocks * BLOCK;
  }

  #blocks(lane: number): number {
    const { filled, taken } = this.#lane(lane);
    return Math.floor((filled - taken) / BLOCK);
  }

  #pointer(lane: number): number {
    return LANES_AT + lane * LANE_STEP + this.#lane(lane).taken;
  }

  /** Of word `i` of a lane's state, in 32-bit words. */
  #stateIndex(lane: number, i: number): number {
    return lane === LANES - 1 ? SCALAR_STATE_AT / 4 + i : STATE_AT / 4 + 4 * i + lane;
  }

  #lane(lane: number): Lane {
    const one = this.#lanes[lane];
    if (one === undefined) throw new Error('no such lane');
    return one;
  }
}
