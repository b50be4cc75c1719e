// The multi-buffer SHA-256 against OpenSSL over every length and border, with lanes that begin and
// end whenever they like. NIST's vectors are in nist.test.ts.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { assemble, assembleWide } from '../../scripts/build-kernel.ts';
import { knownAnswerFault } from '../../src/hash/known-answer.ts';
import {
  chooseKernel,
  createLaneHasher,
  LANE_BYTES,
  LaneHasher,
  type LaneKernels,
  laneEngine,
} from '../../src/hash/lanes/index.ts';
import { KERNEL, KERNEL_SHA256 } from '../../src/hash/lanes/kernel.ts';
import { WIDE_KERNEL, WIDE_KERNEL_SHA256 } from '../../src/hash/lanes/wide-kernel.ts';

const openssl = (message: Uint8Array) => createHash('sha256').update(message).digest('hex');
const compiled = (bytes: Uint8Array) => new WebAssembly.Module(bytes);

/**
 * Compiled with the flag, where that helps; V8 gives the same to whoever compiles the same bytes
 * later.
 */
const { wide: fastest } = await chooseKernel();
const wide = fastest ?? compiled(Buffer.from(WIDE_KERNEL, 'base64'));

/** A module with a section that means nothing, so that V8 does not remember it. */
const unknown = (bytes: Buffer, number: number) =>
  Buffer.concat([bytes, Buffer.from([0, 3, 2, 0x78, number])]).toString('base64');

/** Hashes messages, as many at once as there are lanes; each in pieces of at most `piece` bytes. */
function hash(hasher: LaneHasher, messages: readonly Uint8Array[], piece = LANE_BYTES): string[] {
  const digests: string[] = [];
  const lanes = Array.from({ length: hasher.lanes }, (_, lane) => lane);
  const jobs: (undefined | { at: number; offset: number; isEnded: boolean })[] = lanes.map(() => undefined);
  let next = 0;
  for (;;) {
    for (const lane of lanes) {
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

it('lanes are full when all that have a message have bytes, or too few have one to be hashed together', () => {
  const hasher = new LaneHasher();
  const fill = (lane: number) => {
    hasher.room(lane).fill(1, 0, 128);
    hasher.add(lane, 128);
  };
  assert.equal(hasher.isFull, true);
  for (const lane of [0, 1]) hasher.begin(lane);
  fill(0);
  assert.equal(hasher.isFull, true, 'two are not hashed together');
  hasher.begin(2);
  assert.equal(hasher.isFull, false);
  fill(1);
  assert.equal(hasher.isFull, false);
  hasher.drop(2);
  assert.equal(hasher.isFull, true);
  hasher.begin(3);
  assert.equal(hasher.isFull, false);
  hasher.end(3);
  assert.equal(hasher.isFull, true, 'a message of nothing has its padding');
  hasher.run();
  assert.equal(hasher.isFull, true, 'two have bytes left, and the third is over');
  hasher.run();
  assert.equal(hasher.isFull, true, 'there is nothing left to hash');
});

describe('the multi-buffer kernels', () => {
  it('are those that their source makes, to the byte', async () => {
    for (const [bytes, kernel, digest] of [
      [await assemble(), KERNEL, KERNEL_SHA256],
      [await assembleWide(), WIDE_KERNEL, WIDE_KERNEL_SHA256],
    ] as const) {
      assert.equal(bytes.toString('base64'), kernel, 'node scripts/build-kernel.ts');
      assert.equal(openssl(bytes), digest);
    }
  });

  it('are not used when they cannot be had, or do not compute rightly', () => {
    assert.equal(createLaneHasher({ kernel: Buffer.from('no module').toString('base64') }), undefined);
    const bytes = Buffer.from(KERNEL, 'base64');
    // A wrong bit in the last constant, in one lane: only that lane's answers are wrong.
    for (const back of [1, 5, 9, 13]) {
      const wrong = wrongAt(bytes, bytes.length - back);
      assert.equal(createLaneHasher({ kernel: wrong.toString('base64') }), undefined, `byte ${back} from the end`);
    }
    const more = Buffer.from(WIDE_KERNEL, 'base64');
    for (let lane = 0; lane < 8; lane++) {
      const wrong = compiled(wrongAt(more, more.length - 1 - 4 * lane));
      assert.equal(createLaneHasher({ lanes: 8, wide: wrong }), undefined, `lane ${lane} from the end`);
    }
  });

  it('are measured, and the fastest is taken', async () => {
    const { lanes, reason, wide: taken } = await chooseKernel();
    const rates = [...reason.matchAll(/(\d) lanes (\d+) MB\/s/g)].map(([, count, rate]) => [
      Number(count),
      Number(rate),
    ]);
    assert.deepEqual(
      rates.map(([count]) => count),
      process.arch !== 'x64' ? [4, 5] : lanes === 8 ? [4, 8] : [4, 8, 5],
    );
    assert.ok(rates.every(([, rate]) => (rate ?? 0) > 0));
    assert.ok(rates.some(([count]) => count === lanes));
    assert.equal(taken !== undefined, lanes > 5);
  });

  it('are the ones without a flag where V8 or the processor is another', async () => {
    for (const [circumstances, why] of [
      [{ architecture: 'arm64' }, /eight lanes are for x86-64/],
      [{ architecture: 'x64', v8Version: '99.1.2-node.3' }, /eight lanes were not measured with V8 99\.1\.2/],
      [
        { architecture: 'x64', kernel: Buffer.from('no module').toString('base64') },
        /eight lanes could not be compiled/,
      ],
    ] as const) {
      const choice = await chooseKernel(circumstances);
      assert.match(choice.reason, why);
      assert.ok(choice.lanes <= 5, choice.reason);
      assert.equal(choice.wide, undefined);
    }
  });

  it('are not the wide ones when those are the fastest and compute wrongly', async () => {
    const bytes = Buffer.from(WIDE_KERNEL, 'base64');
    const choice = await chooseKernel({
      kernel: unknown(wrongAt(bytes, bytes.length - 1), 2),
      architecture: 'x64',
      // Where they are not the fastest nobody asks: here they are, whatever else the machine does.
      race: (hashers) => hashers.map(({ lanes }) => ({ lanes, rate: lanes === 8 ? 1000 : 100, single: 100 })),
    });
    assert.ok(choice.lanes <= 5);
    assert.equal(choice.wide, undefined);
    assert.match(choice.reason, /8 lanes failed their known-answer test/);
  });

  it('compute rightly where V8 does not know the flag', async () => {
    const kernel = unknown(Buffer.from(WIDE_KERNEL, 'base64'), 1);
    const { lanes, reason, wide: plain } = await chooseKernel({ kernel, flag: '--no-such-flag' });
    assert.doesNotMatch(reason, /failed/);
    const hasher = createLaneHasher({ lanes, ...(plain === undefined ? {} : { wide: plain }) });
    assert.deepEqual(hash(hasher ?? assert.fail(), [Buffer.from('abc')]), [openssl(Buffer.from('abc'))]);
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
});

function wrongAt(bytes: Buffer, at: number): Buffer {
  const wrong = Buffer.from(bytes);
  wrong[at] = (wrong[at] ?? 0) ^ 1;
  return wrong;
}

for (const kernels of [{ lanes: 4 }, { lanes: 5 }, { lanes: 8, wide }] satisfies LaneKernels[]) {
  const make = () => new LaneHasher(kernels);
  const all = Array.from({ length: kernels.lanes }, (_, lane) => lane);
  const same = (messages: readonly Uint8Array[], piece?: number): void => {
    const found = hash(make(), messages, piece);
    for (const [i, message] of messages.entries())
      assert.equal(found[i], openssl(message), `message ${i}, ${message.length} bytes`);
  };

  describe(`the multi-buffer kernel for ${kernels.lanes} lanes`, () => {
    it('gives the known answers in every lane', () => {
      assert.ok(createLaneHasher(kernels) instanceof LaneHasher);
    });

    it('agrees with OpenSSL over all lengths from 0 to 1,000', () => {
      const data = randomBytes(1000);
      same(Array.from({ length: 1001 }, (_, length) => data.subarray(0, length)));
    });

    it('agrees with it when neighbours in the lanes have every other length', () => {
      const data = randomBytes(4096);
      for (let length = 0; length <= 200; length++)
        same(
          all.map(
            (lane) =>
              [data.subarray(0, length), data, data.subarray(1), data.subarray(0, 64), data.subarray(0, 200 - length)][
                lane % 5
              ] ?? data,
          ),
        );
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

    it('is an engine that knows the answers, one message after the other', () => {
      const engine = laneEngine(new LaneHasher(kernels));
      assert.equal(knownAnswerFault(engine), undefined);
      const message = randomBytes(3 * LANE_BYTES + 17);
      assert.equal(Buffer.from(engine.digestOf(message)).toString('hex'), openssl(message));
      engine.init();
      for (let at = 0; at < message.length; at += 1000) engine.update(message.subarray(at, at + 1000));
      assert.equal(Buffer.from(engine.digest()).toString('hex'), openssl(message));
    });

    it('gives no digest of a message that has not ended', () => {
      const hasher = make();
      hasher.begin(2);
      hasher.room(2).fill(1);
      hasher.add(2, 100);
      assert.throws(() => hasher.digest(2), /has not ended/);
    });
  });
}
