// One thread reads several files at a time, and another one hashes what came.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hexAt, type Listing, listPath } from '../../src/fs/index.ts';
import { createControl, limitDepth, markSlow, requestStop, Stopped } from '../../src/hash/control.ts';
import {
  closeRing,
  createRing,
  type EngineName,
  type Inputs,
  PIECE_BYTES,
  type RingStreams,
} from '../../src/hash/index.ts';
import { fileFailure, type Next } from '../../src/hash/queue.ts';
import type { FileFailure, HashRequest } from '../../src/hash/task.ts';
import { HashPool } from '../../src/transfer/index.ts';
import { queuedInputs } from '../../src/transfer/queued-inputs.ts';
import { readIntoRing } from '../../src/transfer/read-into-ring.ts';
import { type ReadingThread, readingThread } from '../../src/transfer/thread.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-into-ring-'));
const pool = new HashPool();
before(async () => {
  // A thread that is still starting may need this one, which waits without its event loop below.
  const ring = createRing();
  const served = pool.serveRing(0, ring, 'native');
  closeRing(ring);
  await served;
});
after(async () => {
  rmSync(work, { recursive: true });
  await pool.end();
});

const SIZES = [0, 1, 63, 64, 4096, (1 << 17) - 1, 1 << 17, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 77, 5 << 20];
const folder = join(work, 'files');
mkdirSync(folder);
for (const [i, size] of SIZES.entries()) writeFileSync(join(folder, `f${i}`), randomBytes(size));
const digestOf = (name: string) => createHash('sha256').update(fs.readFileSync(name)).digest('hex');
const expected = SIZES.map((_, i) => digestOf(join(folder, `f${i}`))).sort();

const listed = (path = folder): Listing => listPath(path, { allowSymlinks: false, maxFiles: 100, onEntry: () => {} });

function threadOf(depth: number, slow: Listing | undefined): ReadingThread {
  const control = createControl();
  limitDepth(control, depth, slow !== undefined);
  if (slow !== undefined) markSlow(control, slow.files.device[0] ?? 0n);
  return readingThread(control);
}

function requestOf(listing: Listing): HashRequest {
  const order = Uint32Array.from({ length: listing.files.count }, (_, i) => i);
  return { kind: 'hash', engine: 'native', tasks: [{ listing }], order, lanes: 1, aloneBytes: 1e9 };
}

/** Reads all into a ring that another thread serves. */
async function through(
  streams: RingStreams,
  engine: EngineName,
  thread: ReadingThread,
  listing: Listing,
): Promise<FileFailure[]> {
  const failures: FileFailure[] = [];
  const inputs = queuedInputs(requestOf(listing), thread, (next, error) => failures.push(fileFailure(next, error)));
  const ring = createRing(streams);
  const served = pool.serveRing(0, ring, engine);
  try {
    await readIntoRing(inputs, ring, thread.control);
    await inputs.close();
  } finally {
    closeRing(ring);
    await served;
  }
  return failures;
}

describe('files that one thread reads, and another one hashes', () => {
  for (const streams of [1, 4, 8] as const)
    for (const engine of ['native', 'wasm'] as const)
      for (const depth of [1, 32])
        it(`have their digests: ${streams} at a time, ${engine}, at most ${depth} reads in flight`, async () => {
          for (const isSlow of [false, true]) {
            const listing = listed();
            assert.deepEqual(
              await through(streams, engine, threadOf(depth, isSlow ? listing : undefined), listing),
              [],
            );
            const found = SIZES.map((_, i) => hexAt(listing.files, i));
            assert.deepEqual(found.sort(), expected);
          }
        });

  it('leave the others alone when something is wrong with one', async () => {
    const broken = join(work, 'broken');
    fs.cpSync(folder, broken, { recursive: true });
    const listing = listed(broken);
    fs.truncateSync(join(broken, 'f9'), PIECE_BYTES + 5);
    fs.rmSync(join(broken, 'f3'));
    const failures = await through(4, 'wasm', threadOf(8, listing), listing);
    assert.equal(failures.length, 2);
    assert.equal(
      listing.files.hashed.reduce((sum, state) => sum + state, 0),
      SIZES.length - 2,
    );
  });

  it('go on when all that is read ahead is of one that waits for the hasher', async () => {
    const listing = listed();
    // The second one has bytes as soon as the first one has given its memory back; nothing else
    // tells of them.
    const lengths = [12 * PIECE_BYTES, PIECE_BYTES];
    const left = [...lengths];
    const never = new Promise<void>(() => {});
    const failures: unknown[] = [];
    const next = (index: number): Next => ({ task: 0, work: { listing }, index, length: lengths[index] ?? 0 }) as Next;
    let number = 0;
    const inputs: Inputs = {
      take() {
        const mine = number++;
        if (mine >= lengths.length) return undefined;
        return {
          next: next(mine),
          input: {
            get isAtEnd() {
              return left[mine] === 0;
            },
            take(room) {
              if (mine === 1 && (left[0] ?? 0) > 2 * PIECE_BYTES) return undefined;
              const length = Math.min(room.length, left[mine] ?? 0);
              left[mine] = (left[mine] ?? 0) - length;
              return room.subarray(0, length).fill(mine);
            },
            finish: () => ({}) as never,
            close() {},
          },
        };
      },
      failed: (_, error) => failures.push(error),
      arrival: () => never,
      turn: () => undefined,
    };
    const ring = createRing(4);
    const reading = readIntoRing(inputs, ring, createControl());
    // Full before anybody takes anything.
    await new Promise(setImmediate);
    const served = pool.serveRing(0, ring, 'native');
    await reading;
    closeRing(ring);
    await served;
    assert.deepEqual(failures, []);
    for (const [i, length] of lengths.entries())
      assert.equal(hexAt(listing.files, i), createHash('sha256').update(Buffer.alloc(length, i)).digest('hex'));
  });

  it('end with the run', async () => {
    const listing = listed();
    const thread = threadOf(8, listing);
    requestStop(thread.control);
    const ring = createRing(4);
    const inputs = queuedInputs(requestOf(listing), thread, () => assert.fail('nothing is wrong with a file'));
    await assert.rejects(readIntoRing(inputs, ring, thread.control), Stopped);
    await inputs.close();
  });
});
