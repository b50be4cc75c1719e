// Kernels for few messages: the next blocks of each are scheduled together, in the lanes that are
// left over, while the rounds of the ones before are computed. A round waits for the one before it;
// the schedule fills the time.
import {
  addToState,
  advance,
  constant,
  exported,
  get,
  interleave,
  loadPart,
  loop,
  operations,
  round,
  scheduledWord,
  set,
  takeState,
  type Unit,
} from './kernel-units.ts';

export interface Ahead {
  /** Vector registers side by side: in each lane a block. */
  readonly schedulers: readonly Unit[];
  /**
   * Hash what they prepared, side by side; a block of theirs is four bytes behind the one before.
   */
  readonly rounders: readonly Unit[];
  /** Where their state is between two blocks: what is added to `Unit.state`. */
  readonly state: string;
  /** Of each message, scheduled at a time: 2 or 4. */
  readonly blocks: number;
  /** Of 64 words of K + W for all of them, twice: those that are being hashed, and the next. */
  readonly kw: number;
  /** Lines before all blocks and after them. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

/**
 * Words that are scheduled in one turn of a loop; so there are 16 turns, and four of them load the
 * first 16 words.
 */
const WORDS = 4;
const TURNS = 16;
const LOADING_TURNS = 4;

/** A function that takes `n` times `blocks` blocks of each message into its state. */
export function kernelAhead(name: string, pointers: readonly string[], ahead: Ahead): string {
  const { schedulers, rounders, blocks, before = [], after = [] } = ahead;
  const { word } = schedulers[0] as Unit;
  const turn = work(ahead);
  const isBelow = (turns: number) => `(i32.lt_u ${get('sp')} ${constant(WORDS * word * turns)})`;
  const begin = ['sp', 'mp'].map((local) => set(local, constant(0)));
  const body = [
    // What is scheduled while the last blocks are hashed is nobody's.
    set('step', `(i32.mul (i32.gt_u ${get('n')} (i32.const 1)) ${constant(64 * blocks)})`),
    ...pointers.map((pointer) => advance(pointer, get('step'))),
    ...begin,
    set('kq', `(i32.xor ${get('kp')} ${constant(64 * word)})`),
    set('bp', constant(0)),
    ...pipelined(ahead, turn),
    set('kp', `(i32.xor ${get('kp')} ${constant(64 * word)})`),
    set('n', `(i32.sub ${get('n')} ${constant(1)})`),
  ];
  return exported(
    name,
    pointers,
    [...schedulers, ...rounders],
    [
      `(br_if $done (i32.eqz ${get('n')}))`,
      ...before,
      ...begin,
      set('kq', constant(0)),
      ...loop('load', [...turn.loading, ...turn.next], isBelow(LOADING_TURNS)),
      ...loop('schedule', [...turn.scheduling, ...turn.next], isBelow(TURNS)),
      set('kp', constant(0)),
      ...loop('blocks', body, get('n')),
      ...after,
    ],
  );
}

/** The rounds of all blocks, with a part of the schedule of the next ones in each turn. */
function pipelined(ahead: Ahead, { loading, scheduling, next }: Turn): string[] {
  const { rounders, state, blocks, kw } = ahead;
  const { word } = ahead.schedulers[0] as Unit;
  const perTurn = WORDS * blocks;
  const rounds = Array.from({ length: perTurn }, (_, at) =>
    sideBySide(rounders.map((unit, i) => round(unit, at, operations(unit).load(get('wp'), kw + 16 * i + word * at)))),
  ).flat();
  let label = 0;
  const turns = (beside: readonly string[], count: number) => [
    set('to', `(i32.add ${get('wp')} ${constant(word * perTurn * count)})`),
    ...loop(
      `turn${label++}`,
      [...interleave([rounds, beside]), advance('wp', word * perTurn), ...next],
      `(i32.lt_u ${get('wp')} ${get('to')})`,
    ),
  ];
  const some = (from: number, to: number, inside: readonly string[]) => {
    const lines = [
      ...takeState(rounders, state),
      set('wp', `(i32.add ${get('kp')} ${get('bp')})`),
      ...inside,
      ...addToState(rounders, state),
      advance('bp', 4),
    ];
    return to - from === 1 ? lines : loop(`block${from}`, lines, `(i32.lt_u ${get('bp')} ${constant(4 * to)})`);
  };
  const perBlock = TURNS / blocks;
  const first = turns(loading, LOADING_TURNS);
  if (perBlock > LOADING_TURNS) first.push(...turns(scheduling, perBlock - LOADING_TURNS));
  return [...some(0, 1, first), ...some(1, blocks, turns(scheduling, perBlock))];
}

/**
 * What the schedulers do in a turn: load four words of each block, or make four more of them; and
 * what leads to the next turn.
 */
interface Turn {
  readonly loading: readonly string[];
  readonly scheduling: readonly string[];
  readonly next: readonly string[];
}

function work({ schedulers, kw }: Ahead): Turn {
  const { word } = schedulers[0] as Unit;
  const keyed = (unit: Unit, i: number, at: number, value: string) => {
    const { add, load, store } = operations(unit);
    const u = `${unit.prefix}u`;
    return [
      set(u, add(load(get('sp'), unit.k + word * at), get(value))),
      store(get('kq'), kw + 16 * i + word * at, get(u)),
    ];
  };
  const loading = schedulers.map((unit, i) => {
    const { lines, names } = loadPart(unit, 0, { message: 'mp', w: 'sp' });
    return [...lines, ...names.flatMap((name, at) => keyed(unit, i, at, name))];
  });
  const scheduling = schedulers.map((unit, i) =>
    Array.from({ length: WORDS }, (_, at) => {
      const x = unit.prefix + (at % 2 === 0 ? 'x' : 'y');
      return [...scheduledWord(unit, at, 'sp', x, at < 2 ? undefined : x), ...keyed(unit, i, at, x)];
    }).flat(),
  );
  const next = [...['sp', 'kq'].map((local) => advance(local, WORDS * word)), advance('mp', 4 * WORDS)];
  return { loading: sideBySide(loading), scheduling: sideBySide(scheduling), next };
}

/**
 * A line of each, again and again: what V8 is to make one operation of stands together, with no
 * store between two loads.
 */
function sideBySide(lists: readonly (readonly string[])[]): string[] {
  return (lists[0] ?? []).map((_, n) => lists.map((list) => list[n] ?? '').join('\n'));
}
