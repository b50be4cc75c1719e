// Issue 16: what comes before its turn lies in memory that all threads share. No two have the same
// place, and there is no more of it than was promised.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Pieces } from '../../src/transfer/index.ts';
import { createRangeLimits, PIECE_BYTES, PLACE_AT } from '../../src/transfer/ranges-connections.ts';

const CONNECTIONS = 4;
const KEPT = 6;

const limitsOf = () => createRangeLimits(CONNECTIONS, KEPT * PIECE_BYTES);
const isShared = (limits: ReturnType<typeof limitsOf>, piece: Buffer) => piece.buffer === limits.buffer;
const placeOf = (piece: Buffer) => piece.byteOffset;

describe('16: memory for what comes before its turn', () => {
  it('is of whole pieces that do not touch, behind the counts', () => {
    const limits = limitsOf();
    const pieces = new Pieces(limits);
    const taken = Array.from({ length: KEPT + 2 * CONNECTIONS }, () => pieces.take());
    for (const [i, piece] of taken.entries()) {
      assert.equal(piece.length, PIECE_BYTES);
      assert.ok(isShared(limits, piece));
      piece.fill(i + 1);
    }
    for (const [i, piece] of taken.entries()) assert.ok(piece.every((byte) => byte === i + 1));
    assert.equal(new Set(taken.map(placeOf)).size, taken.length);
    assert.ok(limits.subarray(PLACE_AT).every((flag) => flag === 1));
  });

  it('has buffers of their own for what is beyond it, which nobody keeps', () => {
    const limits = limitsOf();
    const pieces = new Pieces(limits);
    const taken = Array.from({ length: KEPT + 2 * CONNECTIONS }, () => pieces.take());
    const beyond = pieces.take();
    assert.ok(!isShared(limits, beyond));
    pieces.give(beyond);
    const [first] = taken;
    assert.ok(first !== undefined);
    pieces.give(first);
    assert.equal(placeOf(pieces.take()), placeOf(first));
  });

  it('gives the first place that is free, so that what was never needed is never touched', () => {
    const pieces = new Pieces(limitsOf());
    const [first, second, third] = [pieces.take(), pieces.take(), pieces.take()];
    pieces.give(second);
    pieces.give(first);
    assert.equal(placeOf(pieces.take()), placeOf(first));
    assert.equal(placeOf(pieces.take()), placeOf(second));
    assert.ok(placeOf(pieces.take()) > placeOf(third));
  });

  it('is short when so much is kept as was promised, over all threads', () => {
    const limits = limitsOf();
    const [one, other] = [new Pieces(limits), new Pieces(limits)];
    const kept = Array.from({ length: KEPT }, (_, i) => {
      assert.equal(one.isShort, false);
      return (i % 2 === 0 ? one : other).take();
    });
    assert.equal(other.isShort, true);
    other.give(kept[1] as Buffer);
    assert.equal(one.isShort, false);
  });

  it('is never the same place for two threads', async () => {
    const limits = limitsOf();
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.module).then(({ Pieces }) => {
        const pieces = new Pieces(workerData.limits);
        let clashes = 0;
        for (let round = 0; round < 3000; round++) {
          const taken = [pieces.take(), pieces.take(), pieces.take()];
          const words = taken.map((piece) => new Int32Array(piece.buffer, piece.byteOffset, 1));
          const mine = workerData.number * 100000 + round;
          for (const word of words) Atomics.store(word, 0, mine);
          for (const word of words) if (Atomics.load(word, 0) !== mine) clashes++;
          for (const piece of taken) pieces.give(piece);
        }
        parentPort.postMessage(clashes);
      });`;
    const module = new URL('../../src/transfer/ranges-pieces.ts', import.meta.url).href;
    const clashes = await Promise.all(
      [1, 2, 3].map(
        (number) =>
          new Promise((resolve, reject) => {
            const worker = new Worker(code, { eval: true, workerData: { limits, module, number } });
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    assert.deepEqual(clashes, [0, 0, 0]);
    assert.ok(limits.subarray(PLACE_AT).every((flag) => flag === 0));
  });
});
