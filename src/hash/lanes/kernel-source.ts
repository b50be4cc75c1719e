// Writes the WebAssembly text of the multi-buffer SHA-256 (FIPS 180-4, sections 4.1.2, 5.3.3,
// 6.2.2): four messages in the lanes of v128 registers and one in scalar registers beside them, on
// other execution ports. `node scripts/build-kernel.ts` assembles it into kernel.ts. The wide
// kernel has two neighbouring v128 operations side by side for everything, which V8's revectorizer
// makes one of 256 bits (AVX2). Why it is written by a program: the order of instructions decides.
// A compiler's own scheduling of the same C spills registers, and made 0.5 to 1.0 times the speed
// from one V8 to the next.
//
// Measured on Node 26, one core, against hash-wasm in the same run: on one machine, on another, and
// on that at a time when others shared its cores. 4 lanes 2.3, 3.0 and 2.2; 4 + 1 lanes 2.8, 3.1
// and 1.9; 8 lanes 4.2, 6.0 and 4.0; one scalar stream 1.3, 1.1 and 1.0. With the blocks of a
// stream scheduled ahead in vector lanes, on the second: four of one message 1.7 (1.4 when its
// rounds wait for the schedule), and two each of four messages 4.5 (3.2 with the words of each
// message once in a register, which leaves half of it empty). Not worth their code: a scalar lane
// beside eight (4.6, 5.0, 3.1), eight blocks of one message, loading blocks one step earlier still.
// Where V8 does not revectorize, 8 lanes are 3.2.
//
// What decides about the wide ones: V8 makes one operation of two only if no store stands between
// what they load, so two sums are computed before the first is stored; its own swap of bytes takes
// six instructions, `relaxed_swizzle` one.

import { kernelAhead } from './kernel-ahead.ts';
import {
  addToState,
  advance,
  BIG_ENDIAN,
  constant,
  exported,
  get,
  interleave,
  type Layout,
  LETTERS,
  loadBlock,
  loop,
  type ScalarLayout,
  scalar,
  scheduledRound,
  set,
  simd,
  stateAt,
  takeState,
  type Unit,
  words,
} from './kernel-units.ts';

/** Fractional parts of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2). */
const K = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];

/** Below 16 KiB, apart from each other. */
const NARROW: ScalarLayout = { word: 16, k: 2048, w: 8192, wScalar: 9216, kw: 10_240, scalarState: 128 };
const WIDE: Layout = { word: 32, k: 4096, w: 8192, kw: 12_288 };

/** Of two doubled registers for each working variable, and of the operand that swaps bytes. */
const DOUBLED_AT = 3072;
const SWAP_AT = 3584;

/**
 * Rounds in one turn of the loop: all 64 unrolled are larger than the processor's cache of decoded
 * instructions.
 */
const STEP = 8;

/** A function that takes `n` blocks of each message into its state. */
function kernel(name: string, units: readonly Unit[]): string {
  const word = units[0]?.word ?? 0;
  const rounds = (from: number, to: number, scheduled: boolean) => [
    set('wp', constant(word * from)),
    ...loop(
      `r${from}`,
      [
        ...Array.from({ length: STEP }, (_, k) =>
          interleave(units.map((unit) => scheduledRound(unit, k, scheduled))),
        ).flat(),
        advance('wp', word * STEP),
      ],
      `(i32.lt_u ${get('wp')} ${constant(word * to)})`,
    ),
  ];
  const pointers = units.flatMap((unit) => unit.pointers);
  return exported(name, pointers, units, [
    `(loop $block (br_if $done (i32.eqz ${get('n')}))`,
    ...takeState(units, get('st')),
    ...interleave(units.map(loadBlock)),
    ...rounds(0, 16, false),
    ...rounds(16, 64, true),
    ...addToState(units, get('st')),
    ...pointers.map((pointer) => advance(pointer, 64)),
    set('n', `(i32.sub ${get('n')} ${constant(1)})`),
    '(br $block))',
  ]);
}

/**
 * A module of kernels. It imports its memory, of which it uses the first 16 KiB for constants and
 * scratch.
 */
function module({ word, k }: Layout, kernels: readonly string[]): string {
  const bytes = Buffer.alloc(K.length * word);
  for (const [i, value] of K.entries()) for (let at = 0; at < word; at += 4) bytes.writeUInt32LE(value, word * i + at);
  const data = (at: number, content: Iterable<number>) =>
    `(data (i32.const ${at}) "${[...content].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")`;
  return `(module (import "e" "m" (memory 1))\n${kernels.join('\n')}\n${data(SWAP_AT, BIG_ENDIAN)}\n${data(k, bytes)})\n`;
}

/** Two messages in a register, of 32 bits and twice: `i` is the register's number. */
function doubled(unit: Unit, i: number): Unit {
  return { ...unit, prefix: `d${i}`, pointers: [], state: { at: DOUBLED_AT + 16 * i, step: 32 }, isDoubled: true };
}

/**
 * Four messages of which two blocks each are scheduled at once, and hashed in two doubled registers
 * side by side.
 */
function fourAhead(lanes: readonly Unit[]): string {
  const schedulers = lanes.map((unit, i) => {
    const pointers = [2 * i, 2 * i, 2 * i + 1, 2 * i + 1].map((number) => `p${number}`);
    return { ...unit, pointers, offsets: [0, 64, 0, 64] };
  });
  const rounders = lanes.map(doubled);
  const load = (from: string, at: number) => `(v128.load offset=${at} ${from})`;
  const places = LETTERS.map((_, at) => rounders.map((unit) => stateAt(unit, at)));
  const before = places.flatMap((pair, at) =>
    pair.map((place, i) => {
      const four = load(get('st'), 16 * at);
      return `(v128.store offset=${place} ${constant(0)} ${words(four, four, [2 * i, 2 * i, 2 * i + 1, 2 * i + 1])})`;
    }),
  );
  const after = places.map(([first = 0, second = 0], at) => {
    const four = words(load(constant(0), first), load(constant(0), second), [0, 2, 4, 6]);
    return `(v128.store offset=${16 * at} ${get('st')} ${four})`;
  });
  const pointers = [0, 1, 2, 3].map((number) => `p${number}`);
  return kernelAhead('fourAhead', pointers, {
    schedulers,
    rounders,
    state: constant(0),
    blocks: 2,
    kw: WIDE.kw,
    before,
    after,
  });
}

/**
 * One message in scalar registers (four of its blocks scheduled at once, too), four in vector
 * registers, and all five of them.
 */
export function kernelText(): string {
  const [lanes, one] = [simd(NARROW, 'v', 0), scalar(NARROW, 4)];
  const alone = { ...one, isAlone: true };
  const blocks = { ...lanes, pointers: ['p4', 'p4', 'p4', 'p4'], offsets: [0, 64, 128, 192] };
  return module(NARROW, [
    kernel('one', [alone]),
    kernelAhead('oneAhead', ['p4'], {
      schedulers: [blocks],
      rounders: [alone],
      state: get('st'),
      blocks: 4,
      kw: NARROW.kw,
    }),
    kernel('four', [lanes]),
    kernel('five', [lanes, one]),
  ]);
}

/** Eight messages in vector registers, and four with two blocks each at a time. */
export function wideKernelText(): string {
  const lanes = [simd(WIDE, 'x', 0), simd(WIDE, 'y', 4)].map((unit) => ({ ...unit, swap: SWAP_AT }));
  return module(WIDE, [kernel('eight', lanes), fourAhead(lanes)]);
}
