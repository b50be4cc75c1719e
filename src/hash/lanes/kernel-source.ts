// Writes the WebAssembly text of the multi-buffer SHA-256 (FIPS 180-4, sections 4.1.2, 5.3.3, 6.2.2): four messages in the
// lanes of v128 registers and one in scalar registers beside them, on other execution ports. `node scripts/build-kernel.ts`
// assembles it into kernel.ts. Why it is written by a program: the order of instructions decides. A compiler's own
// scheduling of the same C spills registers, and made 0.5 to 1.0 times the speed from one V8 to the next.
//
// Measured on Node 26, one core, against hash-wasm in the same run: 4 lanes 2.3, 4 + 1 lanes 2.8, one scalar stream 1.26.

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

/** Where things are in memory, in bytes. Every word of K and W is 16 bytes from the next: one register of four lanes. */
const K_AT = 2048;
const W_SIMD = 8192;
const W_SCALAR = 9216;
const WORD = 16;

/** Rounds in one turn of the loop: all 64 unrolled are larger than the processor's cache of decoded instructions. */
const STEP = 8;

const get = (name: string) => `(local.get $${name})`;
const set = (name: string, value: string) => `(local.set $${name} ${value})`;
const constant = (value: number) => `(i32.const ${value | 0})`;

/** The operations of one kind of register. */
interface Unit {
  readonly type: 'v128' | 'i32';
  readonly prefix: string;
  /** Parameters that point to messages. */
  readonly pointers: readonly string[];
  /** Of its state behind the state pointer, and from one word of it to the next. */
  readonly state: { readonly at: number; readonly step: number };
  readonly scratch: number;
}

const SIMD: Unit = {
  type: 'v128',
  prefix: 'v',
  pointers: ['p0', 'p1', 'p2', 'p3'],
  state: { at: 0, step: 16 },
  scratch: W_SIMD,
};
const SCALAR: Unit = { type: 'i32', prefix: 'i', pointers: ['p4'], state: { at: 128, step: 4 }, scratch: W_SCALAR };

function operations({ type }: Unit) {
  const simd = type === 'v128';
  const add = (a: string, b: string) => `(${simd ? 'i32x4' : 'i32'}.add ${a} ${b})`;
  const xor = (a: string, b: string) => `(${type}.xor ${a} ${b})`;
  const and = (a: string, b: string) => `(${type}.and ${a} ${b})`;
  const shift = (a: string, n: number) => `(${simd ? 'i32x4' : 'i32'}.shr_u ${a} ${constant(n)})`;
  const rotate = (a: string, n: number) =>
    simd ? `(v128.or ${shift(a, n)} (i32x4.shl ${a} ${constant(32 - n)}))` : `(i32.rotr ${a} ${constant(n)})`;
  /** Three rotations xored. Scalar ones nested into each other need a register less; those of lanes are faster flat. */
  const rotations = (a: string, x: number, y: number, z: number) =>
    simd
      ? xor(xor(rotate(a, x), rotate(a, y)), rotate(a, z))
      : rotate(xor(a, rotate(xor(a, rotate(a, z - y)), y - x)), x);
  /** Two rotations and a shift xored: sigma of the message schedule. */
  const sigma = (a: string, x: number, y: number, z: number) =>
    simd ? xor(xor(rotate(a, x), rotate(a, y)), shift(a, z)) : xor(rotate(xor(a, rotate(a, y - x)), x), shift(a, z));
  const load = (at: string, offset: number) => `(${type}.load offset=${offset} ${at})`;
  const store = (at: string, offset: number, value: string) => `(${type}.store offset=${offset} ${at} ${value})`;
  return { add, xor, and, rotations, sigma, load, store };
}

const LETTERS = [...'abcdefgh'];

/** Loads 16 words of a block, from big-endian bytes, into the scratch place of W. */
function loadBlock(unit: Unit): string[] {
  const local = (name: string) => unit.prefix + name;
  const lines: string[] = [];
  if (unit === SCALAR) {
    for (let word = 0; word < 16; word++) {
      const x = get(local('x'));
      lines.push(set(local('x'), `(i32.load offset=${4 * word} ${get('p4')})`));
      const high = `(i32.and (i32.rotr ${x} ${constant(8)}) ${constant(0xff00ff00)})`;
      const low = `(i32.and (i32.rotr ${x} ${constant(24)}) ${constant(0x00ff00ff)})`;
      lines.push(`(i32.store offset=${W_SCALAR + WORD * word} ${constant(0)} (i32.or ${high} ${low}))`);
    }
    return lines;
  }
  const words = (a: string, b: string, order: readonly number[]) =>
    `(i8x16.shuffle ${order.flatMap((n) => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]).join(' ')} ${get(a)} ${get(b)})`;
  const [q0 = '', q1 = '', q2 = '', q3 = ''] = ['vq0', 'vq1', 'vq2', 'vq3'];
  for (let part = 0; part < 4; part++) {
    // Four words of four messages: a 4 x 4 matrix that is transposed.
    for (const [i, pointer] of SIMD.pointers.entries())
      lines.push(set(`vq${i}`, `(v128.load offset=${16 * part} ${get(pointer)})`));
    lines.push(set('vr0', words(q0, q1, [0, 4, 1, 5])), set('vr1', words(q0, q1, [2, 6, 3, 7])));
    lines.push(set('vr2', words(q2, q3, [0, 4, 1, 5])), set('vr3', words(q2, q3, [2, 6, 3, 7])));
    const columns = [
      words('vr0', 'vr2', [0, 1, 4, 5]),
      words('vr0', 'vr2', [2, 3, 6, 7]),
      words('vr1', 'vr3', [0, 1, 4, 5]),
      words('vr1', 'vr3', [2, 3, 6, 7]),
    ];
    for (const [i, column] of columns.entries()) {
      lines.push(set('vx', column));
      const swapped = `(i8x16.shuffle 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 ${get('vx')} ${get('vx')})`;
      lines.push(`(v128.store offset=${W_SIMD + WORD * (4 * part + i)} ${constant(0)} ${swapped})`);
    }
  }
  return lines;
}

/**
 * One round (FIPS 180-4, section 6.2.2, step 3), after the word of the schedule (step 1) for all but the first 16. The
 * letters of the working variables turn instead of their contents.
 */
function round(unit: Unit, at: number, scheduled: boolean): string[] {
  const { add, xor, and, rotations, sigma, load, store } = operations(unit);
  const local = (name: string) => unit.prefix + name;
  const letter = (n: number) => local(LETTERS[(((n - at) % 8) + 8) % 8] ?? '');
  const [a, b, d, e, f, g, h] = [0, 1, 3, 4, 5, 6, 7].map(letter) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const w = (back: number) => load(get('wp'), unit.scratch + WORD * (at - back));
  const [x, t, u, ab, bc] = ['x', 't', 'u', 'ab', 'bc'].map(local) as [string, string, string, string, string];
  const lines: string[] = [];
  if (scheduled) {
    lines.push(set(t, w(15)), set(u, w(2)));
    lines.push(set(x, add(add(w(16), w(7)), sigma(get(t), 7, 18, 3))));
    lines.push(set(x, add(get(x), sigma(get(u), 17, 19, 10))));
    lines.push(store(get('wp'), unit.scratch + WORD * at, get(x)));
  } else lines.push(set(x, w(0)));
  lines.push(set(t, add(get(h), add(load(get('wp'), K_AT + WORD * at), get(x)))));
  lines.push(set(t, add(get(t), xor(get(g), and(get(e), xor(get(f), get(g)))))));
  lines.push(set(t, add(get(t), rotations(get(e), 6, 11, 25))));
  lines.push(set(d, add(get(d), get(t))));
  // Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c)): and a ^ b is the next round's b ^ c.
  lines.push(set(ab, xor(get(a), get(b))), set(u, xor(get(b), and(get(ab), get(bc)))), set(bc, get(ab)));
  lines.push(set(u, add(get(u), get(t))), set(h, add(get(u), rotations(get(a), 2, 13, 22))));
  return lines;
}

/** Mixes the units' instructions evenly, so that both kinds of execution ports always have work. */
function interleave(lists: readonly (readonly string[])[]): string[] {
  const marked = lists.flatMap((list) => list.map((line, i) => ({ line, at: (i + 0.5) / list.length })));
  return marked.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

/** A function that takes `n` blocks of each message into its state. */
function kernel(name: string, units: readonly Unit[]): string {
  const locals = units.flatMap((unit) =>
    [
      ...LETTERS,
      'x',
      't',
      'u',
      'ab',
      'bc',
      ...(unit === SIMD ? ['q0', 'q1', 'q2', 'q3', 'r0', 'r1', 'r2', 'r3'] : []),
    ].map((local) => `(local $${unit.prefix}${local} ${unit.type})`),
  );
  const eachLetter = (line: (unit: Unit, local: string, offset: number) => string) =>
    units.flatMap((unit) =>
      LETTERS.map((one, i) => line(unit, unit.prefix + one, unit.state.at + unit.state.step * i)),
    );
  const rounds = (from: number, to: number, scheduled: boolean) => [
    set('wp', constant(WORD * from)),
    `(loop $r${from}`,
    ...Array.from({ length: STEP }, (_, k) => interleave(units.map((unit) => round(unit, k, scheduled)))).flat(),
    set('wp', `(i32.add ${get('wp')} ${constant(WORD * STEP)})`),
    `(br_if $r${from} (i32.lt_u ${get('wp')} ${constant(WORD * to)})))`,
  ];
  const pointers = units.flatMap((unit) => unit.pointers);
  const body = [
    ...eachLetter((unit, local, offset) => set(local, operations(unit).load(get('st'), offset))),
    ...units.map((unit) =>
      set(`${unit.prefix}bc`, operations(unit).xor(get(`${unit.prefix}b`), get(`${unit.prefix}c`))),
    ),
    ...interleave(units.map(loadBlock)),
    ...rounds(0, 16, false),
    ...rounds(16, 64, true),
    // Step 4: the state of before is still in memory.
    ...eachLetter((unit, local, offset) => {
      const { add, load, store } = operations(unit);
      return store(get('st'), offset, add(get(local), load(get('st'), offset)));
    }),
    ...pointers.map((pointer) => set(pointer, `(i32.add ${get(pointer)} ${constant(64)})`)),
    set('n', `(i32.sub ${get('n')} ${constant(1)})`),
  ];
  const parameters = ['st', ...pointers, 'n'].map((parameter) => `(param $${parameter} i32)`).join(' ');
  return `(func (export "${name}") ${parameters} (local $wp i32) ${locals.join(' ')}
(block $done (loop $block (br_if $done (i32.eqz ${get('n')}))
${body.join('\n')}
(br $block))))`;
}

/** The whole module. It imports its memory, of which it uses the first 16 KiB for constants and scratch. */
export function kernelText(): string {
  const bytes = Buffer.alloc(K.length * WORD);
  for (const [i, value] of K.entries())
    for (let lane = 0; lane < 4; lane++) bytes.writeUInt32LE(value, WORD * i + 4 * lane);
  const data = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  const kernels = [kernel('one', [SCALAR]), kernel('four', [SIMD]), kernel('five', [SIMD, SCALAR])];
  return `(module (import "e" "m" (memory 1))\n${kernels.join('\n')}\n(data (i32.const ${K_AT}) "${data}"))\n`;
}
