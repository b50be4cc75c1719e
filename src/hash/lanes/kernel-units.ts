// The pieces that kernels are written from, as WebAssembly text: registers of a kind and the operations on them, and the steps of
// FIPS 180-4, section 6.2.2.

/**
 * Where things are in memory, in bytes, and from one word of K and W to the next: 16 for a register of four lanes, 32 for two
 * of them side by side.
 */
export interface Layout {
  readonly word: number;
  readonly k: number;
  readonly w: number;
  readonly wScalar: number;
  /** Of the scalar lane's state behind the state pointer. */
  readonly scalarState: number;
}

/** Of the wide kernels' working variables between two turns of their loop, in bytes. */
const WORKING_AT = 14_336;

export const get = (name: string) => `(local.get $${name})`;
export const set = (name: string, value: string) => `(local.set $${name} ${value})`;
export const constant = (value: number) => `(i32.const ${value | 0})`;

/** The operations of one kind of register. */
export interface Unit {
  readonly type: 'v128' | 'i32';
  readonly prefix: string;
  /** Parameters that point to messages, and how far behind each the block is. */
  readonly pointers: readonly string[];
  readonly offsets?: readonly number[];
  /** Of its state behind the state pointer, and from one word of it to the next. */
  readonly state: { readonly at: number; readonly step: number };
  readonly word: number;
  readonly k: number;
  readonly w: number;
  /** Of a scalar lane: no vector lanes are hashed beside it. */
  readonly isAlone?: boolean;
  /** Where its working variables wait between two turns of the loop; undefined keeps them in registers. */
  readonly working?: number;
}

/** Four lanes in vector registers. */
export function simd({ word, k, w }: Layout, prefix: string, first: number): Unit {
  const pointers = [0, 1, 2, 3].map((i) => `p${first + i}`);
  const at = 4 * first;
  const unit: Unit = { type: 'v128', prefix, pointers, state: { at, step: word }, word, k: k + at, w: w + at };
  return word === 16 ? unit : { ...unit, working: WORKING_AT + at };
}

/** One lane in scalar registers. */
export function scalar({ word, k, wScalar, scalarState }: Layout, number: number): Unit {
  const state = { at: scalarState, step: 4 };
  return { type: 'i32', prefix: 'i', pointers: [`p${number}`], state, word, k, w: wScalar };
}

export function operations({ type, isAlone = false }: Unit) {
  const isSimd = type === 'v128';
  const add = (a: string, b: string) => `(${isSimd ? 'i32x4' : 'i32'}.add ${a} ${b})`;
  const xor = (a: string, b: string) => `(${type}.xor ${a} ${b})`;
  const and = (a: string, b: string) => `(${type}.and ${a} ${b})`;
  const shift = (a: string, n: number) => `(${isSimd ? 'i32x4' : 'i32'}.shr_u ${a} ${constant(n)})`;
  const rotate = (a: string, n: number) =>
    isSimd ? `(v128.or ${shift(a, n)} (i32x4.shl ${a} ${constant(32 - n)}))` : `(i32.rotr ${a} ${constant(n)})`;
  /**
   * Three rotations xored. Scalar ones nested into each other need a register less: beside vector lanes flat ones halve the
   * speed. By themselves flat ones are a fifth faster, as those of lanes.
   */
  const rotations = (a: string, x: number, y: number, z: number) =>
    isSimd || isAlone
      ? xor(xor(rotate(a, x), rotate(a, y)), rotate(a, z))
      : rotate(xor(a, rotate(xor(a, rotate(a, z - y)), y - x)), x);
  /** Two rotations and a shift xored: sigma of the message schedule. */
  const sigma = (a: string, x: number, y: number, z: number) =>
    isSimd ? xor(xor(rotate(a, x), rotate(a, y)), shift(a, z)) : xor(rotate(xor(a, rotate(a, y - x)), x), shift(a, z));
  const load = (at: string, offset: number) => `(${type}.load offset=${offset} ${at})`;
  const store = (at: string, offset: number, value: string) => `(${type}.store offset=${offset} ${at} ${value})`;
  return { add, xor, and, rotations, sigma, load, store };
}

export const LETTERS = [...'abcdefgh'];

/** Loads 16 words of a block, from big-endian bytes, into the scratch place of W. */
export function loadBlock(unit: Unit): string[] {
  const local = (name: string) => unit.prefix + name;
  const lines: string[] = [];
  if (unit.type === 'i32') {
    for (let word = 0; word < 16; word++) {
      const x = get(local('x'));
      lines.push(set(local('x'), `(i32.load offset=${4 * word} ${get(unit.pointers[0] ?? '')})`));
      const high = `(i32.and (i32.rotr ${x} ${constant(8)}) ${constant(0xff00ff00)})`;
      const low = `(i32.and (i32.rotr ${x} ${constant(24)}) ${constant(0x00ff00ff)})`;
      lines.push(`(i32.store offset=${unit.w + unit.word * word} ${constant(0)} (i32.or ${high} ${low}))`);
    }
    return lines;
  }
  const words = (a: string, b: string, order: readonly number[]) => {
    const bytes = order.flatMap((n) => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]).join(' ');
    return `(i8x16.shuffle ${bytes} ${get(local(a))} ${get(local(b))})`;
  };
  for (let part = 0; part < 4; part++) {
    // Four words of four messages: a 4 x 4 matrix that is transposed.
    for (const [i, pointer] of unit.pointers.entries())
      lines.push(set(local(`q${i}`), `(v128.load offset=${16 * part + (unit.offsets?.[i] ?? 0)} ${get(pointer)})`));
    lines.push(set(local('r0'), words('q0', 'q1', [0, 4, 1, 5])), set(local('r1'), words('q0', 'q1', [2, 6, 3, 7])));
    lines.push(set(local('r2'), words('q2', 'q3', [0, 4, 1, 5])), set(local('r3'), words('q2', 'q3', [2, 6, 3, 7])));
    const columns = [
      words('r0', 'r2', [0, 1, 4, 5]),
      words('r0', 'r2', [2, 3, 6, 7]),
      words('r1', 'r3', [0, 1, 4, 5]),
      words('r1', 'r3', [2, 3, 6, 7]),
    ];
    for (const [i, column] of columns.entries()) {
      const x = get(local('x'));
      lines.push(set(local('x'), column));
      const swapped = `(i8x16.shuffle 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 ${x} ${x})`;
      lines.push(`(v128.store offset=${unit.w + unit.word * (4 * part + i)} ${constant(0)} ${swapped})`);
    }
  }
  return lines;
}

/** A word of the schedule (FIPS 180-4, section 6.2.2, step 1) into `x` and the scratch place of W; the first 16 are there. */
export function schedule(unit: Unit, at: number): string[] {
  const { add, sigma, load, store } = operations(unit);
  const [x, t, u] = ['x', 't', 'u'].map((name) => unit.prefix + name) as [string, string, string];
  const w = (back: number) => load(get('wp'), unit.w + unit.word * (at - back));
  return [
    set(t, w(15)),
    set(u, w(2)),
    set(x, add(add(w(16), w(7)), sigma(get(t), 7, 18, 3))),
    set(x, add(get(x), sigma(get(u), 17, 19, 10))),
    store(get('wp'), unit.w + unit.word * at, get(x)),
  ];
}

/**
 * One round (FIPS 180-4, section 6.2.2, step 3). The letters of the working variables turn instead of their contents.
 *
 * @param kw - K + W of this round
 */
export function round(unit: Unit, at: number, kw: string): string[] {
  const { add, xor, and, rotations } = operations(unit);
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
  const [t, u, ab, bc] = ['t', 'u', 'ab', 'bc'].map(local) as [string, string, string, string];
  return [
    set(t, add(get(h), kw)),
    set(t, add(get(t), xor(get(g), and(get(e), xor(get(f), get(g)))))),
    set(t, add(get(t), rotations(get(e), 6, 11, 25))),
    set(d, add(get(d), get(t))),
    // Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c)): and a ^ b is the next round's b ^ c.
    set(ab, xor(get(a), get(b))),
    set(u, xor(get(b), and(get(ab), get(bc)))),
    set(bc, get(ab)),
    set(u, add(get(u), get(t))),
    set(h, add(get(u), rotations(get(a), 2, 13, 22))),
  ];
}

/** A word of the schedule, or one that is there already, and its round. */
export function scheduledRound(unit: Unit, at: number, isScheduled: boolean): string[] {
  const { add, load } = operations(unit);
  const x = `${unit.prefix}x`;
  const word = isScheduled ? schedule(unit, at) : [set(x, load(get('wp'), unit.w + unit.word * at))];
  return [...word, ...round(unit, at, add(load(get('wp'), unit.k + unit.word * at), get(x)))];
}
