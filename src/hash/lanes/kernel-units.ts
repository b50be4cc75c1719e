// The pieces that kernels are written from, as WebAssembly text: registers of a kind and the
// operations on them, and the steps of FIPS 180-4, section 6.2.2.

/**
 * Where things are in memory, in bytes, and from one word of K and W to the next: 16 for a register
 * of four lanes, 32 for two of them side by side.
 */
export interface Layout {
  readonly word: number;
  readonly k: number;
  readonly w: number;
  /** K + W of blocks that are scheduled ahead: twice 64 words, the second behind the first. */
  readonly kw: number;
}

export interface ScalarLayout extends Layout {
  readonly wScalar: number;
  /** Of the scalar lane's state behind the state pointer. */
  readonly scalarState: number;
}

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
  /**
   * Two lanes in a register instead of four, each word twice: a rotation of 32 bits is one shift of
   * 64 then.
   */
  readonly isDoubled?: boolean;
  /**
   * The swap of bytes is one instruction (relaxed SIMD), of which this is the operand; the place in
   * memory, in bytes.
   */
  readonly swap?: number;
}

/** Of the operand of `swap`. */
export const BIG_ENDIAN = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

/** Four lanes in vector registers. */
export function simd({ word, k, w }: Layout, prefix: string, first: number): Unit {
  const pointers = [0, 1, 2, 3].map((i) => `p${first + i}`);
  const at = 4 * first;
  return { type: 'v128', prefix, pointers, state: { at, step: word }, word, k: k + at, w: w + at };
}

/** One lane in scalar registers. */
export function scalar({ word, k, wScalar, scalarState }: ScalarLayout, number: number): Unit {
  const state = { at: scalarState, step: 4 };
  return { type: 'i32', prefix: 'i', pointers: [`p${number}`], state, word, k, w: wScalar };
}

export function operations({ type, isAlone = false, isDoubled = false }: Unit) {
  const isSimd = type === 'v128';
  const add = (a: string, b: string) => `(${isSimd ? 'i32x4' : 'i32'}.add ${a} ${b})`;
  const xor = (a: string, b: string) => `(${type}.xor ${a} ${b})`;
  const and = (a: string, b: string) => `(${type}.and ${a} ${b})`;
  const shift = (a: string, n: number) => `(${isSimd ? 'i32x4' : 'i32'}.shr_u ${a} ${constant(n)})`;
  const rotate = (a: string, n: number) => {
    // The upper word is garbage then, until `twice`.
    if (isDoubled) return `(i64x2.shr_u ${a} ${constant(n)})`;
    return isSimd ? `(v128.or ${shift(a, n)} (i32x4.shl ${a} ${constant(32 - n)}))` : `(i32.rotr ${a} ${constant(n)})`;
  };
  /** Lines that bring the lower words of a local into its upper ones. */
  const twice = (local: string) => (isDoubled ? [set(local, words(get(local), get(local), [0, 0, 2, 2]))] : []);
  /**
   * Three rotations xored. Scalar ones nested into each other need a register less: beside vector
   * lanes flat ones halve the speed. By themselves flat ones are a fifth faster, as those of lanes.
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
  return { add, xor, and, rotations, sigma, twice, load, store };
}

export const LETTERS = [...'abcdefgh'];

/** Words of two registers: 0 to 3 of the first, 4 to 7 of the second. */
export const words = (a: string, b: string, order: readonly number[]) =>
  `(i8x16.shuffle ${order.flatMap((n) => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]).join(' ')} ${a} ${b})`;

/** Loads 16 words of a block, from big-endian bytes, into the scratch place of W. */
export function loadBlock(unit: Unit): string[] {
  if (unit.type === 'v128') return [0, 1, 2, 3].flatMap((part) => loadPart(unit, part).lines);
  const x = `${unit.prefix}x`;
  return Array.from({ length: 16 }, (_, word) => {
    const high = `(i32.and (i32.rotr ${get(x)} ${constant(8)}) ${constant(0xff00ff00)})`;
    const low = `(i32.and (i32.rotr ${get(x)} ${constant(24)}) ${constant(0x00ff00ff)})`;
    return [
      set(x, `(i32.load offset=${4 * word} ${get(unit.pointers[0] ?? '')})`),
      `(i32.store offset=${unit.w + unit.word * word} ${constant(0)} (i32.or ${high} ${low}))`,
    ];
  }).flat();
}

/**
 * Loads four words of each message of a vector register into W: a 4 x 4 matrix that is transposed.
 *
 * @param part - which four of the 16
 * @param from - the local with what is added to the pointers, and the one with what is added to the
 * place of W
 * @returns the locals, too, in which the words are afterwards
 */
export function loadPart(unit: Unit, part: number, from?: { readonly message: string; readonly w: string }) {
  const local = (name: string) => unit.prefix + name;
  const swapped = (value: string) =>
    unit.swap === undefined ? value : `(i8x16.relaxed_swizzle ${value} (v128.load ${constant(unit.swap)}))`;
  const lines = unit.pointers.map((pointer, i) => {
    const at = from === undefined ? get(pointer) : `(i32.add ${get(pointer)} ${get(from.message)})`;
    return set(local(`q${i}`), swapped(`(v128.load offset=${16 * part + (unit.offsets?.[i] ?? 0)} ${at})`));
  });
  const mixed = (a: string, b: string, order: readonly number[]) => words(get(local(a)), get(local(b)), order);
  lines.push(set(local('r0'), mixed('q0', 'q1', [0, 4, 1, 5])), set(local('r1'), mixed('q0', 'q1', [2, 6, 3, 7])));
  lines.push(set(local('r2'), mixed('q2', 'q3', [0, 4, 1, 5])), set(local('r3'), mixed('q2', 'q3', [2, 6, 3, 7])));
  const columns = [
    mixed('r0', 'r2', [0, 1, 4, 5]),
    mixed('r0', 'r2', [2, 3, 6, 7]),
    mixed('r1', 'r3', [0, 1, 4, 5]),
    mixed('r1', 'r3', [2, 3, 6, 7]),
  ];
  const names = columns.map((_, i) => local(`q${i}`));
  for (const [i, column] of columns.entries()) {
    const name = names[i] ?? '';
    lines.push(set(name, column));
    if (unit.swap === undefined)
      lines.push(set(name, `(i8x16.shuffle ${BIG_ENDIAN.join(' ')} ${get(name)} ${get(name)})`));
    const place = unit.w + unit.word * (4 * part + i);
    lines.push(`(v128.store offset=${place} ${from === undefined ? constant(0) : get(from.w)} ${get(name)})`);
  }
  return { lines, names };
}

/**
 * A word of the schedule (FIPS 180-4, section 6.2.2, step 1) into `x` and the scratch place of W;
 * the first 16 are there.
 */
export function schedule(unit: Unit, at: number): string[] {
  return scheduledWord(unit, at, 'wp', `${unit.prefix}x`);
}

/**
 * A word of the schedule into a local and the scratch place of W.
 *
 * @param pointer - the local with what is added to the place of W
 * @param twoBefore - the local with the word of two before, which is loaded otherwise
 */
export function scheduledWord(unit: Unit, at: number, pointer: string, x: string, twoBefore?: string): string[] {
  const { add, sigma, load, store } = operations(unit);
  const [t, u] = ['t', 'u'].map((name) => unit.prefix + name) as [string, string];
  const w = (back: number) => load(get(pointer), unit.w + unit.word * (at - back));
  return [
    set(t, w(15)),
    set(u, twoBefore === undefined ? w(2) : get(twoBefore)),
    set(x, add(add(w(16), w(7)), sigma(get(t), 7, 18, 3))),
    set(x, add(get(x), sigma(get(u), 17, 19, 10))),
    store(get(pointer), unit.w + unit.word * at, get(x)),
  ];
}

/**
 * One round (FIPS 180-4, section 6.2.2, step 3). The letters of the working variables turn instead
 * of their contents.
 *
 * @param kw - K + W of this round
 */
export function round(unit: Unit, at: number, kw: string): string[] {
  const { add, xor, and, rotations, twice } = operations(unit);
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
    ...twice(d),
    // Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c)): and a ^ b is the next round's b ^ c.
    set(ab, xor(get(a), get(b))),
    set(u, xor(get(b), and(get(ab), get(bc)))),
    set(bc, get(ab)),
    set(u, add(get(u), get(t))),
    set(h, add(get(u), rotations(get(a), 2, 13, 22))),
    ...twice(h),
  ];
}

/** A word of the schedule, or one that is there already, and its round. */
export function scheduledRound(unit: Unit, at: number, isScheduled: boolean): string[] {
  const { add, load } = operations(unit);
  const x = `${unit.prefix}x`;
  const word = isScheduled ? schedule(unit, at) : [set(x, load(get('wp'), unit.w + unit.word * at))];
  return [...word, ...round(unit, at, add(load(get('wp'), unit.k + unit.word * at), get(x)))];
}

/** Mixes the units' instructions evenly, so that both kinds of execution ports always have work. */
export function interleave(lists: readonly (readonly string[])[]): string[] {
  const marked = lists.flatMap((list) => list.map((line, i) => ({ line, at: (i + 0.5) / list.length })));
  return marked.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

export const stateAt = ({ state }: Unit, word: number) => state.at + state.step * word;

/** Adds a number to a local, or what an expression gives. */
export const advance = (local: string, by: number | string) =>
  set(local, `(i32.add ${get(local)} ${typeof by === 'number' ? constant(by) : by})`);

/** Lines that are repeated as long as a condition holds after them. */
export const loop = (label: string, lines: readonly string[], condition: string) => [
  `(loop $${label}`,
  ...lines,
  `(br_if $${label} ${condition}))`,
];

/**
 * Lines for each working variable, first those of one letter in all units: what is side by side
 * must be written so.
 */
function eachLetter(units: readonly Unit[], line: (unit: Unit, local: string, word: number) => string): string[] {
  return LETTERS.flatMap((letter, word) => units.map((unit) => line(unit, unit.prefix + letter, word)));
}

const stateOf = (unit: Unit, from: string, word: number) => operations(unit).load(from, stateAt(unit, word));

/**
 * Loads the working variables before the first round.
 *
 * @param from - what is added to `Unit.state`
 */
export function takeState(units: readonly Unit[], from: string): string[] {
  return [
    ...eachLetter(units, (unit, local, word) => set(local, stateOf(unit, from, word))),
    ...units.map((unit) => {
      const [b, c] = ['b', 'c'].map((letter) => get(unit.prefix + letter)) as [string, string];
      return set(`${unit.prefix}bc`, operations(unit).xor(b, c));
    }),
  ];
}

/**
 * Adds the working variables to the state of before, which is still in memory (FIPS 180-4, section
 * 6.2.2, step 4): all sums before the first of them is stored, since a store between two loads
 * keeps V8 from making one of them.
 */
export function addToState(units: readonly Unit[], to: string): string[] {
  return [
    ...eachLetter(units, (unit, local, word) => set(local, operations(unit).add(get(local), stateOf(unit, to, word)))),
    ...eachLetter(units, (unit, local, word) => operations(unit).store(to, stateAt(unit, word), get(local))),
  ];
}

const VECTORS = ['y', 'q0', 'q1', 'q2', 'q3', 'r0', 'r1', 'r2', 'r3'];
const POINTERS = ['wp', 'kp', 'sp', 'mp', 'kq', 'bp', 'to', 'step'];

/** An exported function of a state, messages and a count; `$done` is its end. */
export function exported(
  name: string,
  pointers: readonly string[],
  units: readonly Unit[],
  body: readonly string[],
): string {
  const locals = units.flatMap((unit) =>
    [...LETTERS, 'x', 't', 'u', 'ab', 'bc', ...(unit.type === 'v128' ? VECTORS : [])].map(
      (local) => `(local $${unit.prefix}${local} ${unit.type})`,
    ),
  );
  const parameters = ['st', ...pointers, 'n'].map((parameter) => `(param $${parameter} i32)`).join(' ');
  return `(func (export "${name}") ${parameters} ${POINTERS.map((local) => `(local $${local} i32)`).join(' ')}
${locals.join(' ')}
(block $done
${body.join('\n')}))`;
}
