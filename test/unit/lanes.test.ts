// The multi-buffer SHA-256: NIST's vectors, and against OpenSSL over every length and border, with lanes that begin and
// end whenever they like.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { assemble } from '../../scripts/build-kernel.ts';
import { createLaneHasher, LANES, LaneHasher } from '../../src/hash/lanes/index.ts';
import { KERNEL, KERNEL_SHA256 } from '../../src/hash/lanes/kernel.ts';
import { LANE_BYTES } from '../../src/hash/lanes/lane-hasher.ts';

const openssl = (message: Uint8Array) => createHash('sha256').update(message).digest('hex');
const ALL = Array.from({ length: LANES }, (_, lane) => lane);

/** Hashes messages, as many at once as there are lanes; each in pieces of at most `piece` bytes. */
function hash(hasher: LaneHasher, messages: readonly Uint8Array[], piece = LANE_BYTES): string[] {
  const digests: string[] = [];
  const jobs: (undefined | { at: number; offset: number; isEnded: boolean })[] = ALL.map(() => undefined);
  let next = 0;
  for (;;) {
    for (const lane of ALL) {
      let job = jobs[lane];
      if (job?.isEnded === true && hasher.isIdle(lane)) {
        digests[job.at] = Buffer.from(hasher.digest(lane)).toString('hex');
        job = jobs[lane] = undefined;
      }
      if (job === undefined && next < messages.length) {
        hasher.begin(lane);
        job = jobs[lane] = { at: next++, offset: 0, isEnded: false };
      }
      while (job !== undefined && !job.isEnded && hasher.isIdle(lane)) {
        const message = messages[job.at] ?? new Uint8Array(0);
        const room = hasher.room(lane);
        const part = message.subarray(job.offset, job.offset + Math.min(piece, room.length));
        room.set(part);
        hasher.add(lane, part.length);
        job.offset += part.length;
        if (job.offset === message.length) {
          hasher.end(lane);
          job.isEnded = true;
        }
      }
    }
    if (jobs.every((job) => job === undefined)) return digests;
    hasher.run();
  }
}

function same(messages: readonly Uint8Array[], piece?: number): void {
  const found = hash(new LaneHasher(), messages, piece);
  for (const [i, message] of messages.entries())
    assert.equal(found[i], openssl(message), `message ${i}, ${message.length} bytes`);
}

describe('the multi-buffer kernel', () => {
  it('is the one that its source makes, to the byte', async () => {
    const bytes = await assemble();
    assert.equal(bytes.toString('base64'), KERNEL, 'node scripts/build-kernel.ts');
    assert.equal(openssl(bytes), KERNEL_SHA256);
  });

  it('gives the known answers in every lane, alone and beside the others', () => {
    assert.ok(createLaneHasher() instanceof LaneHasher);
  });

  it('is not used when it cannot be had, or does not compute rightly', () => {
    assert.equal(createLaneHasher(Buffer.from('no module').toString('base64')), undefined);
    const bytes = Buffer.from(KERNEL, 'base64');
    // A wrong bit in the last constant, in one lane: only that lane's answers are wrong.
    for (const back of [1, 5, 9, 13]) {
      const wrong = Buffer.from(bytes);
      const at = wrong.length - back;
      wrong[at] = (wrong[at] ?? 0) ^ 1;
      assert.equal(createLaneHasher(wrong.toString('base64')), undefined, `byte ${back} from the end`);
    }
  });

  it('agrees with OpenSSL over all lengths from 0 to 1,000', () => {
    const data = randomBytes(1000);
    same(Array.from({ length: 1001 }, (_, length) => data.subarray(0, length)));
  });

  it('agrees with it when neighbours in the lanes have every other length', () => {
    const data = randomBytes(4096);
    for (let length = 0; length <= 200; length++)
      same([data.subarray(0, length), data, data.subarray(1), data.subarray(0, 64), data.subarray(0, 200 - length)]);
  });

  it('agrees with it around the borders of its buffers, whatever the pieces', () => {
    const data = randomBytes(2 * LANE_BYTES + 200);
    const lengths = [LANE_BYTES, 2 * LANE_BYTES].flatMap((border) =>
      [-65, -64, -63, -57, -56, -55, -9, -8, -1, 0, 1, 55, 56, 63, 64, 65].map((off) => border + off),
    );
    same(lengths.map((length) => data.subarray(0, length)));
    for (const piece of [1000, 63, 64, 65, LANE_BYTES - 1])
      same(
        lengths.slice(0, 7).map((length) => data.subarray(0, length)),
        piece,
      );
  });

  it('agrees with it for messages of random lengths in random pieces', () => {
    for (let turn = 0; turn < 40; turn++) {
      const messages = Array.from({ length: randomInt(1, 12) }, () => randomBytes(randomInt(0, 50_000)));
      same(messages, randomInt(1, 20_000));
    }
  });

  it('counts the bits of a message of more than 2^32 of them', () => {
    const hasher = new LaneHasher();
    const expected = createHash('sha256');
    const piece = randomBytes(LANE_BYTES);
    hasher.begin(0);
    for (let i = 0; i <= 2 ** 29 / LANE_BYTES; i++) {
      hasher.room(0).set(piece);
      hasher.add(0, LANE_BYTES);
      hasher.run();
      expected.update(piece);
    }
    hasher.end(0);
    hasher.run();
    assert.equal(Buffer.from(hasher.digest(0)).toString('hex'), expected.digest('hex'));
  });

  it('passes the Monte Carlo test of NIST (SHA-2 validation system, SHA256Monte, first of a hundred)', () => {
    // Every lane walks the same chain of 1,000 digests, each of the three before it.
    const seed = Buffer.from('6d1e72ad03ddeb5de891e572e2396f8da015d899ef0e79503152d6010a3fe691', 'hex');
    const hasher = new LaneHasher();
    let last = [seed, seed, seed];
    for (let i = 3; i < 1003; i++) {
      const digests = hash(
        hasher,
        ALL.map(() => Buffer.concat(last)),
      );
      assert.equal(new Set(digests).size, 1);
      last = [...last.slice(1), Buffer.from(digests[0] ?? '', 'hex')];
    }
    assert.equal(last[2]?.toString('hex'), 'e93c330ae5447738c8aa85d71a6c80f2a58381d05872d26bdd39f1fcd4f2b788');
  });

  it('gives no digest of a message that has not ended', () => {
    const hasher = new LaneHasher();
    hasher.begin(2);
    hasher.room(2).fill(1);
    hasher.add(2, 100);
    assert.throws(() => hasher.digest(2), /has not ended/);
  });
});
