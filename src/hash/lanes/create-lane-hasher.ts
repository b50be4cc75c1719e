import { ANSWERS, PIECES } from '../known-answer.ts';
import { LaneHasher, type LaneKernels } from './lane-hasher.ts';

/** Lanes that hash at the same time in the tests: each number of them runs another kernel. */
const GROUPS = [1, 4, 5, 8];

/** Bytes of the random messages; one more in each lane, over the end of a block in some. */
const SAMPLE_BYTES = 4090;

/**
 * The multi-buffer hasher, after every lane of every kernel has passed the known-answer test, and
 * hashed a random message beside those of the others as the scalar kernel does.
 *
 * @returns undefined where it cannot be had (a processor or a Node without SIMD) or does not
 * compute rightly
 */
export function createLaneHasher(kernels?: LaneKernels): LaneHasher | undefined {
  try {
    const hasher = new LaneHasher(kernels);
    const groups = GROUPS.filter((count) => count <= hasher.lanes);
    const knows = groups.every((group) => knowsAnswers(hasher, group, group === 1 ? ANSWERS : ANSWERS.slice(-1)));
    return knows && groups.every((group) => agreesWithItself(hasher, group)) ? hasher : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The same message in so many lanes keeps all of them in the kernel for as many, from its first
 * block to its last.
 */
function knowsAnswers(hasher: LaneHasher, group: number, answers: typeof ANSWERS): boolean {
  return answers.every(([message, answer]) =>
    [[message.length], PIECES].every((pieces) => {
      const messages = new Array<Uint8Array>(group).fill(message);
      return hashTogether(hasher, messages, pieces).every((digest) => digest === answer);
    }),
  );
}

/** Random bytes through so many lanes at once, and each message again through the scalar kernel. */
function agreesWithItself(hasher: LaneHasher, group: number): boolean {
  const bytes = randomBytes(SAMPLE_BYTES + 2 * group);
  const messages = Array.from({ length: group }, (_, lane) => bytes.subarray(lane, SAMPLE_BYTES + 2 * lane));
  const together = hashTogether(hasher, messages, []);
  return messages.every((message, lane) => hashTogether(hasher, [message], [])[0] === together[lane]);
}

/**
 * Every run another one. `node:crypto` would have to be loaded for it, which takes longer than the
 * test.
 */
function randomBytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = 2 ** 32 * Math.random();
  return new Uint8Array(words.buffer, 0, length);
}

/**
 * Hashes a message in each of the first lanes, in pieces of these lengths and then of what is left.
 *
 * @returns hex digests
 */
function hashTogether(hasher: LaneHasher, messages: readonly Uint8Array[], pieces: readonly number[]): string[] {
  for (const lane of messages.keys()) hasher.begin(lane);
  const offsets = messages.map(() => 0);
  const bring = (piece: number) => {
    for (const [lane, message] of messages.entries()) {
      const part = message.subarray(offsets[lane], (offsets[lane] ?? 0) + piece);
      hasher.room(lane).set(part);
      hasher.add(lane, part.length);
      offsets[lane] = (offsets[lane] ?? 0) + part.length;
    }
  };
  const isIdle = () => messages.every((_, lane) => hasher.isIdle(lane));
  for (const piece of [...pieces, Number.POSITIVE_INFINITY]) {
    bring(piece);
    while (!isIdle()) hasher.run();
  }
  for (const lane of messages.keys()) hasher.end(lane);
  while (!isIdle()) hasher.run();
  return messages.map((_, lane) => Buffer.from(hasher.digest(lane)).toString('hex'));
}
