/**
 * In memory that the threads of a run share: what they have, and may have, of connections and of
 * pieces of memory.
 */
export type RangeLimits = Int32Array<SharedArrayBuffer>;

const IN_USE = 0;
const LIMIT = 1;
const MOST = 2;
/** Ranges that came whole since the limit changed, and connections that broke since one did. */
const GOOD = 3;
const BROKEN = 4;
export const PIECES = 5;
export const MOST_PIECES = 6;
/** For each place for a piece: 1 while it is taken. */
export const PLACE_AT = 8;

/** Bytes that cannot be handed on yet are kept in pieces of this size. */
export const PIECE_BYTES = 1 << 20;

/** Whole ranges before one more connection is tried than a server has refused. */
const GOOD_BEFORE_MORE = 32;

/**
 * Breaks without a whole range between them that are taken for a server that wants fewer
 * connections.
 */
const BREAKS_BEFORE_FEWER = 2;

/** Places for pieces begin at such an address. */
const PAGE_BYTES = 4096;

/**
 * @param most - connections of the whole run that bring bytes at a time, at least 1
 * @param bytes - of what came before its turn, to be kept at most; each connection may have one
 * piece more, which was on its way
 */
export function createRangeLimits(most: number, bytes: number): RangeLimits {
  const pieces = Math.floor(bytes / PIECE_BYTES);
  // What was on its way, and what the first range of each blob has before its sink.
  const places = pieces + 2 * most;
  const memory = new SharedArrayBuffer(placesFrom(places) + places * PIECE_BYTES);
  const limits = new Int32Array(memory, 0, PLACE_AT + places);
  limits[LIMIT] = most;
  limits[MOST] = most;
  limits[MOST_PIECES] = pieces;
  return limits;
}

function placesFrom(places: number): number {
  return Math.ceil((4 * (PLACE_AT + places)) / PAGE_BYTES) * PAGE_BYTES;
}

/** The place that a piece has; undefined for one that has none. */
export function placeOf(limits: RangeLimits, piece: Buffer): number | undefined {
  if (piece.buffer !== limits.buffer) return undefined;
  return (piece.byteOffset - placesFrom(limits.length - PLACE_AT)) / PIECE_BYTES;
}

/** Memory of one place for a piece. */
export function placeAt(limits: RangeLimits, place: number): Buffer {
  return Buffer.from(limits.buffer, placesFrom(limits.length - PLACE_AT) + place * PIECE_BYTES, PIECE_BYTES);
}

/** What each of several threads may have of connections. */
export function shareOf(connections: number, threads: number): number {
  return Math.ceil(connections / threads);
}

/**
 * The connections that a run has, shared by all that it fetches: whoever asks for a range has one
 * as long as that takes. A server that has enough of them, or breaks them, gets half as many; what
 * then goes well brings them back one by one.
 */
export class Connections {
  readonly #limits: RangeLimits;
  #mine = 0;
  #share: number;

  constructor(limits: RangeLimits) {
    this.#limits = limits;
    this.#share = this.most;
  }

  /** What one of several threads may have: each keeps the connections that it opened. */
  shareWith(threads: number): void {
    this.#share = shareOf(this.most, threads);
  }

  get most(): number {
    return this.#limits[MOST] ?? 1;
  }

  get limit(): number {
    return Atomics.load(this.#limits, LIMIT);
  }

  get inUse(): number {
    return Atomics.load(this.#limits, IN_USE);
  }

  /** @returns whether there was one */
  take(): boolean {
    for (;;) {
      const used = this.inUse;
      if (used >= this.limit || this.#mine >= this.#share) return false;
      if (Atomics.compareExchange(this.#limits, IN_USE, used, used + 1) !== used) continue;
      this.#mine += 1;
      return true;
    }
  }

  give(): void {
    this.#mine -= 1;
    Atomics.sub(this.#limits, IN_USE, 1);
    Atomics.notify(this.#limits, IN_USE);
  }

  /** Resolves when it is worth another `take`. */
  async changed(): Promise<void> {
    const used = this.inUse;
    // The limit may grow without a change of what is in use.
    if (used >= this.limit || this.#mine >= this.#share) await Atomics.waitAsync(this.#limits, IN_USE, used, 100).value;
  }

  /**
   * A server refused a connection, or asks for fewer requests.
   *
   * @param seen - the limit under which that happened: eight answers to one burst count once
   */
  fewer(seen: number): void {
    this.#lower(seen, Math.max(1, Math.floor(Math.min(seen, this.inUse) / 2)));
  }

  /** A connection broke while it brought bytes: often an accident, sometimes not. */
  broke(seen: number): void {
    if (Atomics.add(this.#limits, BROKEN, 1) + 1 >= BREAKS_BEFORE_FEWER) this.fewer(seen);
  }

  /** What was refused beside others is asked for again when nothing else is under way. */
  one(): void {
    this.#lower(this.limit, 1);
  }

  /** A range came whole. */
  good(): void {
    Atomics.store(this.#limits, BROKEN, 0);
    const limit = this.limit;
    if (limit >= this.most || Atomics.add(this.#limits, GOOD, 1) + 1 < GOOD_BEFORE_MORE) return;
    Atomics.store(this.#limits, GOOD, 0);
    Atomics.compareExchange(this.#limits, LIMIT, limit, limit + 1);
  }

  #lower(seen: number, limit: number): void {
    Atomics.store(this.#limits, GOOD, 0);
    Atomics.store(this.#limits, BROKEN, 0);
    if (limit < seen) Atomics.compareExchange(this.#limits, LIMIT, seen, limit);
  }
}
