// Writes the WebAssembly text of the multi-buffer SHA-256 (FIPS 180-4, sections 4.1.2, 5.3.3, 6.2.2): four messages in the
// lanes of v128 registers and one in scalar registers beside them, on other execution ports. `node scripts/build-kernel.ts`
// assembles it into kernel.ts. The wide kernel has two neighbouring v128 operations side by side for everything, which V8's
// revectorizer makes one of 256 bits (AVX2). Why it is written by a program: the order of instructions decides. A compiler's own
// scheduling of the same C spills registers, and made 0.5 to 1.0 times the speed from one V8 to the next.
//
// Measured on Node 26, one core, against hash-wasm in the same run: on one machine, on another, and on that at a time when others
// shared its cores. 4 lanes 2.3, 3.0 and 2.2; 4 + 1 lanes 2.8, 3.0 and 1.9; 8 lanes 4.2, 5.3 and 4.0; 8 + 1 lanes 4.6, 5.0 and 3.1;
// one scalar stream 1.3, 1.1 and 1.0. With the blocks of a stream scheduled ahead in vector lanes, on the second: four of them 1.4,
// eight in wide ones 1.5, and two each of four messages 3.2. Where V8 does not revectorize, 8 lanes are 2.5.

import {
  constant,
  get,
  type Layout,
  LETTERS,
  loadBlock,
  operations,
  round,
  scalar,
  schedule,
  scheduledRound,
  set,
  simd,
  type Unit,
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
const NARROW: Layout = { word: 16, k: 2048, w: 8192, wScalar: 9216, scalarState: 128 };
const WIDE: Layout = { word: 32, k: 4096, w: 10_240, wScalar: 12_288, scalarState: 256 };

/** Rounds in one turn of the loop: all 64 unrolled are larger than the processor's cache of decoded instructions. */
const STEP = 8;

/** Mixes the units' instructions evenly, so that both kinds of execution ports always have work. */
function interleave(lists: readonly (readonly string[])[]): string[] {
  const marked = lists.flatMap((list) => list.map((line, i) => ({ line, at: (i + 0.5) / list.length })));
  return marked.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

const LOADING = ['q0', 'q1', 'q2', 'q3', 'r0', 'r1', 'r2', 'r3'];

/** A function that takes `n` blocks of each message into its state. */
function kernel(name: string, units: readonly Unit[]): string {
  const inMemory = units.filter(({ working }) => working !== undefined);
  const inRegisters = units.filter(({ working }) => working === undefined);
  const workingAt = ({ working = 0, word }: Unit, at: number) => working + word * at;
  const word = units[0]?.word ?? 0;
  const rounds = (from: number, to: number, scheduled: boolean) => [
    set('wp', constant(word * from)),
    `(loop $r${from}`,
    ...eachLetter(inMemory, (unit, local, at) => set(local, operations(unit).load(constant(0), workingAt(unit, at)))),
    ...bc(inMemory),
    ...Array.from({ length: STEP }, (_, k) =>
      interleave(units.map((unit) => scheduledRound(unit, k, scheduled))),
    ).flat(),
    ...eachLetter(inMemory, (unit, local, at) => operations(unit).store(constant(0), workingAt(unit, at), get(local))),
    set('wp', `(i32.add ${get('wp')} ${constant(word * STEP)})`),
    `(br_if $r${from} (i32.lt_u ${get('wp')} ${constant(word * to)})))`,
  ];
  const pointers = units.flatMap((unit) => unit.pointers);
  const body = [
    ...eachLetter(inMemory, (unit, _, at) => {
      const { load, store } = operations(unit);
      return store(constant(0), workingAt(unit, at), load(get('st'), stateAt(unit, at)));
    }),
    ...eachLetter(inRegisters, (unit, local, at) => set(local, operations(unit).load(get('st'), stateAt(unit, at)))),
    ...bc(inRegisters),
    ...interleave(units.map(loadBlock)),
    ...rounds(0, 16, false),
    ...rounds(16, 64, true),
    // Step 4: the state of before is still in memory.
    ...eachLetter(units, (unit, local, at) => {
      const { add, load, store } = operations(unit);
      const now = unit.working === undefined ? get(local) : load(constant(0), workingAt(unit, at));
      return store(get('st'), stateAt(unit, at), add(now, load(get('st'), stateAt(unit, at))));
    }),
    ...pointers.map((pointer) => set(pointer, `(i32.add ${get(pointer)} ${constant(64)})`)),
    set('n', `(i32.sub ${get('n')} ${constant(1)})`),
  ];
  return exported(name, pointers, units, body);
}

const stateAt = ({ state }: Unit, word: number) => state.at + state.step * word;

/** Lines for each working variable, first those of one letter in all units: what is side by side must be written so. */
function eachLetter(some: readonly Unit[], line: (unit: Unit, local: string, word: number) => string): string[] {
  return LETTERS.flatMap((letter, word) => some.map((unit) => line(unit, unit.prefix + letter, word)));
}

/** b ^ c before the first round. */
function bc(some: readonly Unit[]): string[] {
  return some.map((unit) =>
    set(`${unit.prefix}bc`, operations(unit).xor(get(`${unit.prefix}b`), get(`${unit.prefix}c`))),
  );
}

function exported(name: string, pointers: readonly string[], units: readonly Unit[], body: readonly string[]): string {
  const locals = units.flatMap((unit) =>
    [...LETTERS, 'x', 't', 'u', 'ab', 'bc', ...(unit.type === 'v128' ? LOADING : [])].map(
      (local) => `(local $${unit.prefix}${local} ${unit.type})`,
    ),
  );
  const parameters = ['st', ...pointers, 'n'].map((parameter) => `(param $${parameter} i32)`).join(' ');
  return `(func (export "${name}") ${parameters} (local $wp i32) (local $kp i32) ${locals.join(' ')}
(block $done (loop $block (br_if $done (i32.eqz ${get('n')}))
${body.join('\n')}
(br $block))))`;
}

/** Messages whose next blocks are scheduled together, in the lanes that are left over, and hashed one after the other. */
interface Ahead {
  /** Vector registers side by side: in each lane a block. */
  readonly schedulers: readonly Unit[];
  /** Hashes what they prepared; has the messages' pointers and state. */
  readonly rounder: Unit;
  /** Of each message, at a time. */
  readonly blocks: number;
  /** Where K + W goes. */
  readonly kw: number;
}

/** A function that takes `n` times `blocks` blocks of each message into its state. */
function kernelAhead(name: string, { schedulers, rounder, blocks, kw }: Ahead): string {
  const { word } = rounder;
  /** From the words of one block to those of the next. */
  const step = rounder.type === 'i32' ? 4 : 16;
  const keyed = (unit: Unit, i: number, at: number, value: string) => {
    const { add, load, store } = operations(unit);
    return store(get('wp'), kw + 16 * i + word * at, add(load(get('wp'), unit.k + word * at), value));
  };
  const zip = (lists: readonly (readonly string[])[]) =>
    (lists[0] ?? []).flatMap((_, n) => lists.map((list) => list[n] ?? ''));
  const first = Array.from({ length: 16 }, (_, at) =>
    schedulers.map((unit, i) => keyed(unit, i, at, operations(unit).load(get('wp'), unit.w + word * at))),
  );
  const scheduled = Array.from({ length: STEP }, (_, at) =>
    zip(schedulers.map((unit, i) => [...schedule(unit, at), keyed(unit, i, at, get(`${unit.prefix}x`))])),
  );
  const { add, load, store } = operations(rounder);
  const rounds = Array.from({ length: STEP }, (_, at) => round(rounder, at, load(get('wp'), kw + word * at)));
  const body = [
    ...zip(schedulers.map(loadBlock)),
    set('wp', constant(0)),
    ...first.flat(),
    set('wp', constant(word * 16)),
    '(loop $schedule',
    ...scheduled.flat(),
    set('wp', `(i32.add ${get('wp')} ${constant(word * STEP)})`),
    `(br_if $schedule (i32.lt_u ${get('wp')} ${constant(word * 64)})))`,
    ...eachLetter([rounder], (unit, local, at) => set(local, load(get('st'), stateAt(unit, at)))),
    set('kp', constant(0)),
    '(loop $blocks',
    ...bc([rounder]),
    set('wp', get('kp')),
    '(loop $rounds',
    ...rounds.flat(),
    set('wp', `(i32.add ${get('wp')} ${constant(word * STEP)})`),
    `(br_if $rounds (i32.lt_u ${get('wp')} ${constant(word * 64)})))`,
    ...eachLetter([rounder], (unit, local, at) => set(local, add(get(local), load(get('st'), stateAt(unit, at))))),
    ...eachLetter([rounder], (unit, local, at) => store(get('st'), stateAt(unit, at), get(local))),
    set('kp', `(i32.add ${get('kp')} ${constant(step)})`),
    `(br_if $blocks (i32.lt_u ${get('kp')} ${constant(step * blocks)})))`,
    ...rounder.pointers.map((pointer) => set(pointer, `(i32.add ${get(pointer)} ${constant(64 * blocks)})`)),
    set('n', `(i32.sub ${get('n')} ${constant(1)})`),
  ];
  return exported(name, rounder.pointers, [...schedulers, rounder], body);
}

/** A module of kernels. It imports its memory, of which it uses the first 16 KiB for constants and scratch. */
function module({ word, k }: Layout, kernels: readonly string[]): string {
  const bytes = Buffer.alloc(K.length * word);
  for (const [i, value] of K.entries()) for (let at = 0; at < word; at += 4) bytes.writeUInt32LE(value, word * i + at);
  const data = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  return `(module (import "e" "m" (memory 1))\n${kernels.join('\n')}\n(data (i32.const ${k}) "${data}"))\n`;
}

/** The lanes of a vector register for consecutive blocks of one message. */
function ofOneMessage(unit: Unit, pointer: string, from: number): Unit {
  return { ...unit, pointers: [pointer, pointer, pointer, pointer], offsets: [0, 1, 2, 3].map((i) => 64 * (from + i)) };
}

/** One message in scalar registers (four of its blocks scheduled at once, too), four in vector registers, and all five of them. */
export function kernelText(): string {
  const [lanes, one] = [simd(NARROW, 'v', 0), scalar(NARROW, 4)];
  const alone = { ...one, isAlone: true };
  const ahead = { schedulers: [ofOneMessage(lanes, 'p4', 0)], rounder: alone, blocks: 4, kw: NARROW.wScalar };
  return module(NARROW, [
    kernel('one', [alone]),
    kernelAhead('oneAhead', ahead),
    kernel('four', [lanes]),
    kernel('five', [lanes, one]),
  ]);
}

/** Eight messages in vector registers, those and one in scalar ones, and four with two blocks each scheduled at once. */
export function wideKernelText(): string {
  const lanes = [simd(WIDE, 'x', 0), simd(WIDE, 'y', 4)];
  const four = { ...simd(WIDE, 'v', 0), state: { at: 0, step: 16 } };
  const schedulers = lanes.map((unit, i) => ({
    ...unit,
    pointers: four.pointers,
    offsets: new Array<number>(4).fill(64 * i),
  }));
  const one = { ...scalar({ ...WIDE, scalarState: 128 }, 0), isAlone: true };
  const ofOne = lanes.map((unit, i) => ofOneMessage(unit, 'p0', 4 * i));
  return module(WIDE, [
    kernel('eight', lanes),
    kernel('nine', [...lanes, scalar(WIDE, 8)]),
    kernelAhead('fourAhead', { schedulers, rounder: four, blocks: 2, kw: WIDE.wScalar }),
    kernelAhead('oneAhead', { schedulers: ofOne, rounder: one, blocks: 8, kw: WIDE.wScalar }),
  ]);
}
