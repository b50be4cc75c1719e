import {
  BEGIN,
  CLOSED,
  DATA,
  DONE,
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

/** What the hashing end does with each stream. */
export interface StreamHashers {
  begin(stream: number): void;
  /** Takes some or all of the bytes. @returns how many */
  feed(stream: number, bytes: Buffer): number;
  /** False while it pays to wait for bytes of more streams, to hash them together. */
  readonly isFull: boolean;
  /** Hashes what was taken. */
  run(): void;
  /** @returns undefined while there is something left to hash */
  end(stream: number): Uint8Array | undefined;
  drop(stream: number): void;
}

/** So long for bytes of more streams: what one thread brings comes in bursts. */
const PATIENCE_MILLISECONDS = 2;

interface Pending {
  readonly pieces: { readonly slot: number; readonly length: number; taken: number }[];
  /** The number of the digest that is asked for; 0 while more bytes may come. */
  asked: number;
}

/**
 * The hashing end: takes what comes until the ring is closed. Blocks its thread.
 *
 * @param check - is called at least every 100 ms; what it throws ends the ring
 */
export function serveRing(
  { streams: count, words, pieces, digests }: RingBuffer,
  hashers: StreamHashers,
  check: () => void,
): void {
  const streams: Pending[] = Array.from({ length: count }, () => ({ pieces: [], asked: 0 }));
  let hasNews = false;
  const free = (slot: number) => {
    Atomics.store(words, SLOT_AT + slot, 0);
    hasNews = true;
  };
  const accept = (kind: number, stream: number, slot: number, length: number) => {
    const pending = streams[stream];
    if (pending === undefined) return;
    if (kind === DATA) pending.pieces.push({ slot, length, taken: 0 });
    else if (kind === END) pending.asked = length;
    else {
      for (const piece of pending.pieces.splice(0)) free(piece.slot);
      pending.asked = 0;
      if (kind === BEGIN) hashers.begin(stream);
      else hashers.drop(stream);
    }
  };
  /** Somebody waits for a digest, or soon for room. */
  const isUrgent = ({ asked, pieces }: Pending) => asked !== 0 || pieces.length > SLOTS_EACH[count] - RESERVE;
  const announce = () => {
    // Waking somebody is a system call: not for every step, but for what somebody may wait for.
    if (!hasNews) return;
    hasNews = false;
    Atomics.add(words, DONE, 1);
    Atomics.notify(words, DONE);
  };
  let tail = 0;
  for (;;) {
    check();
    const head = Atomics.load(words, HEAD);
    for (; tail < head; tail++) {
      const at = RING_AT + 2 * (tail % RING);
      const word = words[at] ?? 0;
      accept(word & 0xff, (word >> 8) & 0xff, word >>> 16, words[at + 1] ?? 0);
    }
    Atomics.store(words, TAIL, tail);
    Atomics.notify(words, TAIL);
    let isBusy = false;
    for (const [stream, pending] of streams.entries()) {
      for (let piece = pending.pieces[0]; piece !== undefined; piece = pending.pieces[0]) {
        const bytes = Buffer.from(pieces, piece.slot * PIECE_BYTES + piece.taken, piece.length - piece.taken);
        const taken = hashers.feed(stream, bytes);
        piece.taken += taken;
        isBusy ||= taken > 0;
        if (piece.taken < piece.length) break;
        pending.pieces.shift();
        free(piece.slot);
      }
    }
    if (!hashers.isFull && !streams.some(isUrgent)) {
      announce();
      if (Atomics.wait(words, HEAD, tail, PATIENCE_MILLISECONDS) !== 'timed-out') continue;
    }
    hashers.run();
    for (const [stream, pending] of streams.entries()) {
      if (pending.asked === 0 || pending.pieces.length > 0) continue;
      isBusy = true;
      const digest = hashers.end(stream);
      if (digest === undefined) continue;
      digests.set(digest, 32 * stream);
      // Whoever asked may have given it up, and asked for another one since.
      Atomics.compareExchange(words, STREAM_AT + stream, pending.asked, 0);
      pending.asked = 0;
      hasNews = true;
    }
    announce();
    if (isBusy) continue;
    if (streams.every((pending) => pending.pieces.length === 0)) {
      if (Atomics.load(words, CLOSED) === 1 && Atomics.load(words, HEAD) === tail) return;
      Atomics.wait(words, HEAD, tail, 100);
    }
  }
}
