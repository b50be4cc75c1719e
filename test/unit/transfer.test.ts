// Many reads in flight: what comes in any order is handed out in the order of the file, and all of
// it, and no more is in flight than is allowed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs, { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it, mock } from 'node:test';
import { hexAt, type Listing, listPath } from '../../src/fs/index.ts';
import {
  createControl,
  isAnySlow,
  isSlow,
  limitDepth,
  limitRate,
  markQuick,
  markSlow,
  shareDepth,
} from '../../src/hash/control.ts';
import { hashFiles } from '../../src/hash/hash-files.ts';
import { createEngine, createLaneHasher, type Engine, hashInLanes } from '../../src/hash/index.ts';
import { fileFailure } from '../../src/hash/queue.ts';
import type { FileFailure, HashRequest } from '../../src/hash/task.ts';
import { mostDescriptors } from '../../src/transfer/descriptors.ts';
import { Pace } from '../../src/transfer/pace.ts';
import { HashPool } from '../../src/transfer/pool.ts';
import { queuedInputs } from '../../src/transfer/queued-inputs.ts';
import { QuickCalls } from '../../src/transfer/quick-calls.ts';
import { type ReadingThread, readingThread } from '../../src/transfer/thread.ts';
import { PIECE_BYTES } from '../../src/transfer/window.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-transfer-'));
after(() => rmSync(work, { recursive: true }));
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

/** 20 pieces and a bit, each other bytes. */
const SIZE = 20 * PIECE_BYTES + 77;
const content = Buffer.alloc(SIZE);
for (let at = 0; at < SIZE; at += 4) content.writeUInt32LE((at * 2654435761) % 2 ** 32, Math.min(at, SIZE - 4));
writeFileSync(join(work, 'one'), content);
const expected = fs.readFileSync(join(work, 'one'));

type Read = (fd: number, buffer: Buffer, at: number, length: number, position: number, done: Done) => void;
type Call = (...given: never[]) => void;
type Done = (error: Error | null, length: number) => void;

/** Collects reads, and answers them when it is told to. */
class Storage {
  readonly held: { readonly position: number; answer(): void; fail(code: string): void }[] = [];
  most = 0;
  closedWith = 0;
  readonly #read: Read;
  #arrived: () => void = () => {};

  constructor() {
    this.#read = fs.read as unknown as Read;
    const close = fs.close as unknown as (fd: number, done: () => void) => void;
    mock.method(fs, 'read', ((...given: Parameters<Read>) => {
      const [, , , , position, done] = given;
      this.held.push({
        position,
        answer: () => this.#read(...given),
        fail: (code) =>
          setImmediate(() => done(Object.assign(new Error(code), { code, errno: -5, syscall: 'read' }), 0)),
      });
      this.most = Math.max(this.most, this.held.length);
      this.#arrived();
    }) as never);
    mock.method(fs, 'close', ((fd: number, done: () => void) => {
      this.closedWith = this.held.length;
      close(fd, done);
    }) as never);
    syncBuiltinESMExports();
  }

  /** Resolves when so many are held. */
  async holds(count: number): Promise<void> {
    while (this.held.length < count)
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
  }

  /** Answers all, the last first, as long as there are any. */
  async answerBackwards(until: Promise<unknown>): Promise<void> {
    let isOver = false;
    until.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      this.held.pop()?.answer();
      // Until it has come, and whoever waits for it has been told.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

function list(path = join(work, 'one')): Listing {
  return listPath(path, { allowSymlinks: false, maxFiles: 100, onEntry: () => {} });
}

function deepThread(depth: number): ReadingThread {
  const control = createControl();
  limitDepth(control, depth, true);
  return readingThread(control);
}

function requestFor(listing: Listing): HashRequest {
  const order = Uint32Array.from({ length: listing.files.count }, (_, i) => i);
  return { kind: 'hash', engine: 'native', tasks: [{ listing }], order, lanes: 1, aloneBytes: 1e9 };
}

async function hash(thread: ReadingThread, listing: Listing): Promise<FileFailure[]> {
  const failures: FileFailure[] = [];
  const request = requestFor(listing);
  const inputs = queuedInputs(request, thread, (next, error) => failures.push(fileFailure(next, error)));
  await hashFiles(inputs, await createEngine('native'), Buffer.alloc(PIECE_BYTES), thread.control);
  await inputs.close();
  return failures;
}

const sha256 = (await createEngine('native')).digestOf(expected);

describe('reads in flight', () => {
  for (const depth of [1, 3, 16, 64])
    it(`that are answered in the wrong order give the right digest, ${depth} at once and no more`, async () => {
      const storage = new Storage();
      const listing = list();
      const hashing = hash(deepThread(depth), listing);
      await storage.answerBackwards(hashing);
      assert.deepEqual(await hashing, []);
      assert.equal(hexAt(listing.files, 0), Buffer.from(sha256).toString('hex'));
      assert.ok(storage.most <= depth, `${storage.most}`);
      if (depth <= 16) assert.equal(storage.most, depth);
    });

  for (const hasher of ['one file after the other', 'lanes'])
    it(`go on while what has come is hashed: ${hasher}`, async () => {
      const events: ('read' | 'hash')[] = [];
      mock.method(fs, 'read', ((...[fd, buffer, at, length, position, done]: Parameters<Read>) => {
        events.push('read');
        const got = fs.readSync(fd, buffer as Buffer, at, length, position);
        setImmediate(() => done(null, got));
      }) as never);
      syncBuiltinESMExports();
      const thread = deepThread(8);
      const listing = list();
      const request = requestFor(listing);
      const inputs = queuedInputs(request, thread, (_, error) => assert.fail(String(error)));
      const engine = await createEngine('native');
      // A processor that is slow enough to be told from none.
      const slowly = () => {
        events.push('hash');
        for (const until = performance.now() + 1; performance.now() < until; );
      };
      if (hasher === 'lanes') {
        const lanes = createLaneHasher();
        assert.ok(lanes !== undefined);
        const run = lanes.run.bind(lanes);
        lanes.run = () => {
          slowly();
          run();
        };
        await hashInLanes(inputs, request, lanes, thread.control);
      } else {
        const update = engine.update.bind(engine);
        const slow = { ...engine, name: engine.name, init: () => engine.init(), digest: () => engine.digest() };
        const hashSlowly = (bytes: Buffer) => {
          slowly();
          update(bytes);
        };
        const one = { ...slow, update: hashSlowly } as unknown as Engine;
        await hashFiles(inputs, one, Buffer.alloc(PIECE_BYTES), thread.control);
      }
      await inputs.close();
      assert.equal(hexAt(listing.files, 0), Buffer.from(sha256).toString('hex'));
      const whileReading = events.slice(0, events.lastIndexOf('read')).join(' ');
      const longest = Math.max(...whileReading.split('read').map((run) => run.split('hash').length - 1));
      assert.ok(longest <= 3, `${longest} pieces hashed without asking for another one: ${events.join(' ')}`);
    });

  it('of which several fail: the first fault in the order of the file is told, and the file is closed when all are back', async () => {
    const storage = new Storage();
    const listing = list();
    const thread = deepThread(16);
    const hashing = hash(thread, listing);
    await storage.holds(16);
    const held = storage.held.splice(0);
    held[9]?.fail('EIO');
    held[4]?.fail('EACCES');
    for (const one of held.slice(0, 4)) one.answer();
    const rest = storage.answerBackwards(hashing);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(thread.reads.opens, 1);
    for (const [i, one] of held.entries()) if (i > 4 && i !== 9) one.answer();
    await rest;
    const [failed] = await hashing;
    assert.equal(failed?.failure.code, 'ACCESS_DENIED');
    assert.equal(thread.reads.opens, 0);
  });

  it('of a file that shrinks meanwhile: it is refused', async () => {
    const storage = new Storage();
    const listing = list();
    const hashing = hash(deepThread(16), listing);
    await storage.holds(16);
    truncateSync(join(work, 'one'), 5 * PIECE_BYTES - 3);
    await storage.answerBackwards(hashing);
    writeFileSync(join(work, 'one'), content);
    const [failed] = await hashing;
    assert.equal(failed?.failure.code, 'SOURCE_CHANGED');
    assert.match(failed?.failure.message ?? '', new RegExp(`ended after ${5 * PIECE_BYTES - 3} of ${SIZE} bytes`));
    assert.equal(hexAt(listing.files, 0), undefined);
  });

  it('are all back before the file is looked at when the last piece has come', async () => {
    const storage = new Storage();
    const listing = list();
    const hashing = hash(deepThread(64), listing);
    await storage.holds(21);
    const stats: number[] = [];
    const { fstatSync } = fs;
    mock.method(fs, 'fstatSync', ((...given: never[]) => {
      stats.push(storage.held.length);
      return (fstatSync as (...all: never[]) => unknown)(...given);
    }) as never);
    syncBuiltinESMExports();
    for (const one of storage.held.splice(1)) one.answer();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await storage.answerBackwards(hashing);
    assert.deepEqual(await hashing, []);
    assert.deepEqual(stats, [0]);
  });

  it('are as many as threads share', async () => {
    const storage = new Storage();
    const thread = deepThread(12);
    shareDepth(thread.control, 4);
    const hashing = hash(thread, list());
    await storage.answerBackwards(hashing);
    assert.deepEqual(await hashing, []);
    assert.equal(storage.most, 3);
  });

  it('come no faster than the limit, which counts when they are asked for', async () => {
    const storage = new Storage();
    const thread = deepThread(16);
    limitRate(thread.control, 2 * PIECE_BYTES);
    const hashing = hash(thread, list());
    await storage.holds(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(storage.held.length, 1);
    limitRate(thread.control, 0);
    await storage.answerBackwards(hashing);
    assert.deepEqual(await hashing, []);
  });
});

it('files are opened as descriptors last: when there are none, the next waits until another is closed', async () => {
  const folder = join(work, 'many');
  mkdirSync(folder);
  for (let i = 0; i < 40; i++) writeFileSync(join(folder, `f${i}`), `${i}`);
  const listing = list(folder);
  const { open, close } = fs;
  const real = { open: open as unknown as Call, close: close as unknown as Call };
  let [now, asked] = [0, 0];
  mock.method(fs, 'open', ((...given: never[]) => {
    const done = given.at(-1) as unknown as (error: Error | null, fd?: number) => void;
    asked++;
    if (now >= 5)
      setImmediate(() => done(Object.assign(new Error('EMFILE'), { code: 'EMFILE', errno: -24, syscall: 'open' })));
    else {
      now++;
      real.open(...given);
    }
  }) as never);
  mock.method(fs, 'close', ((...given: never[]) => {
    now--;
    real.close(...given);
  }) as never);
  syncBuiltinESMExports();
  const thread = deepThread(16);
  assert.deepEqual(await hash(thread, listing), []);
  assert.ok(listing.files.hashed.every((state) => state === 1));
  assert.ok(asked <= 40 + 16, `${asked}`);
  assert.deepEqual([now, thread.reads.opens], [0, 0]);
});

it('a file is read at once until its volume is found to be slow, and by many reads from there on', async () => {
  const thread = readingThread(createControl());
  const listing = list();
  const real = fs.readSync;
  let directly = 0;
  const storage = new Storage();
  mock.method(fs, 'readSync', ((...given: Parameters<typeof real>) => {
    // The end, behind the last byte, is looked for here in any case.
    if (given[1].byteLength > 1 && ++directly === 5) markSlow(thread.control, listing.files.device[0] ?? 0n);
    return real(...given);
  }) as never);
  syncBuiltinESMExports();
  const hashing = hash(thread, listing);
  await storage.answerBackwards(hashing);
  assert.deepEqual(await hashing, []);
  assert.equal(hexAt(listing.files, 0), Buffer.from(sha256).toString('hex'));
  assert.equal(directly, 5);
  assert.ok(storage.most >= 8);
});

it('of large files only one is opened ahead: what this thread could not begin to read is left to others', async () => {
  const folder = join(work, 'four');
  mkdirSync(folder);
  for (let i = 0; i < 4; i++) {
    writeFileSync(join(folder, `f${i}`), '');
    truncateSync(join(folder, `f${i}`), 8 << 20);
  }
  const listing = list(folder);
  const storage = new Storage();
  const { open } = fs;
  let opened = 0;
  mock.method(fs, 'open', ((...given: never[]) => {
    opened++;
    (open as unknown as Call)(...given);
  }) as never);
  syncBuiltinESMExports();
  const hashing = hash(deepThread(16), listing);
  await storage.holds(16);
  assert.equal(opened, 1);
  await storage.answerBackwards(hashing);
  assert.deepEqual(await hashing, []);
  assert.equal(opened, 4);
});

it('files that are hashed together are read together: none is read to its end before the others are begun', async () => {
  const folder = join(work, 'together');
  mkdirSync(folder);
  for (let i = 0; i < 4; i++) {
    writeFileSync(join(folder, `f${i}`), '');
    truncateSync(join(folder, `f${i}`), 8 << 20);
  }
  const listing = list(folder);
  const reads: number[] = [];
  mock.method(fs, 'read', ((...[fd, buffer, at, length, position, done]: Parameters<Read>) => {
    reads.push(fd);
    const got = fs.readSync(fd, buffer as Buffer, at, length, position);
    setImmediate(() => done(null, got));
  }) as never);
  syncBuiltinESMExports();
  const lanes = createLaneHasher();
  assert.ok(lanes !== undefined);
  const thread = deepThread(8);
  const request = requestFor(listing);
  const inputs = queuedInputs(request, thread, (_, error) => assert.fail(String(error)));
  await hashInLanes(inputs, { ...request, lanes: 4 }, lanes, thread.control);
  await inputs.close();
  const [first] = reads;
  const half = reads.filter((fd) => fd === first).length / 2;
  const untilHalf = reads.slice(
    0,
    reads.findIndex((_, i) => reads.slice(0, i).filter((fd) => fd === first).length > half),
  );
  assert.equal(new Set(untilHalf).size, 4, `${untilHalf}`);
  assert.ok(listing.files.hashed.every((state) => state === 1));
});

describe('calls that the kernel may answer by itself', () => {
  /** Makes calls that take so long. @returns how many were made here */
  const madeHere = (times: readonly number[]) => {
    const kind = new QuickCalls();
    let [now, here, answered] = [0, 0, 0];
    mock.method(performance, 'now', () => now);
    for (const time of times) {
      const made = () => {
        here++;
        now += time;
      };
      kind.call<void>(
        made,
        (done) => done(null),
        () => answered++,
      );
    }
    assert.equal(answered, times.length);
    return here;
  };
  const calls = (count: number, milliseconds: number) => Array.from({ length: count }, () => milliseconds);

  it('are made here as long as they take no time', () => assert.equal(madeHere(calls(5000, 0.01)), 5000));
  it('are made by others when they take as long as a read, and are seldom tried again', () => {
    assert.equal(madeHere(calls(65, 5)), 1);
    assert.equal(madeHere(calls(66, 5)), 2);
    const here = madeHere(calls(100_000, 5));
    assert.ok(here > 20 && here < 40, `${here}`);
  });
  it('are made here again when that takes no time any more', () =>
    assert.equal(madeHere([5, ...calls(64, 0.01), ...calls(500, 0.01)]), 501));
  it('that fail say so, whoever made them', () => {
    const kind = new QuickCalls();
    const fault = new Error('ESTALE');
    const told: unknown[] = [];
    const fails = () => {
      throw fault;
    };
    kind.call<void>(
      fails,
      () => assert.fail(),
      (error) => told.push(error),
    );
    assert.deepEqual(told, [fault]);
  });
});

describe('how a volume is found to be slow', () => {
  const took = (...milliseconds: number[]) => {
    const control = createControl();
    let blocked = 0;
    const pace = new Pace(control, () => blocked++);
    for (const one of milliseconds) pace.took(one, PIECE_BYTES, () => 7n);
    return isSlow(control, 7n);
  };
  for (const [times, isOne] of [
    [[0.02, 0.03, 0.02, 0.02], false],
    [[5], false],
    [[5, 5], true],
    [[5, 0.1, 5, 0.1, 5], false],
    [[0.1, 0.1, 5, 5], true],
    [[0.6, 0.6], true],
    [[0.4, 0.4, 0.4, 0.4], false],
  ] as const)
    it(`reads of ${times.join(', ')} ms: ${isOne ? 'it is' : 'it is not'}`, () => assert.equal(took(...times), isOne));

  it('counts by what was read', () => {
    const control = createControl();
    let blocked = 0;
    const pace = new Pace(control, () => blocked++);
    for (let i = 0; i < 9; i++) pace.took(2, 8 * PIECE_BYTES, () => 7n);
    assert.equal(isSlow(control, 7n), false);
    for (let i = 0; i < 9; i++) pace.took(2, 4096, () => 7n);
    assert.equal(isSlow(control, 7n), true);
    assert.equal(isSlow(control, 8n), false);
  });
});

describe('a slow volume', () => {
  const slow = () => {
    const control = createControl();
    markSlow(control, 7n);
    markSlow(control, 8n);
    return { control, pace: new Pace(control, () => 5) };
  };
  /** Files until the next one is tried. */
  const untilTrial = (pace: Pace, most = 10_000): number => {
    let files = 0;
    while (files < most && !pace.takesTrial()) files++;
    return files;
  };

  it('is tried, and is none any more when eight files in a row were quick', () => {
    const { control, pace } = slow();
    assert.equal(untilTrial(pace), 64);
    for (let i = 0; i < 7; i++) {
      pace.tried(0.03, () => 7n);
      assert.equal(untilTrial(pace), 8);
    }
    assert.deepEqual([isSlow(control, 7n), isAnySlow(control)], [true, true]);
    pace.tried(0.03, () => 7n);
    assert.deepEqual([isSlow(control, 7n), isSlow(control, 8n), isAnySlow(control)], [false, true, true]);
    markQuick(control, 8n);
    assert.equal(isAnySlow(control), false);
  });

  it('may be slow again, and is tried half as often each time', () => {
    const { control, pace } = slow();
    for (const files of [64, 64, 128, 256, 512, 1024, 2048, 4096, 4096]) {
      assert.equal(untilTrial(pace), files);
      pace.tried(0.03, () => 7n);
      untilTrial(pace);
      pace.tried(2, () => 7n);
    }
    assert.equal(isSlow(control, 7n), true);
    markQuick(control, 7n);
    markSlow(control, 7n);
    assert.equal(isSlow(control, 7n), true);
  });

  it('is tried by one that was opened for it, and is not where somebody says how to read', () => {
    const { control, pace } = slow();
    while (!pace.isTrialDue());
    assert.deepEqual([pace.takesTrial(), pace.takesTrial()], [true, false]);
    limitDepth(control, 4, true);
    assert.equal(untilTrial(pace), 10_000);
  });

  it('has places for sixteen others, and what finds none is read as if it was quick', () => {
    const control = createControl();
    for (let i = 0; i < 20; i++) {
      markSlow(control, 7n);
      markQuick(control, 7n);
      markQuick(control, 7n);
      assert.deepEqual([isSlow(control, 7n), isAnySlow(control)], [false, false]);
    }
    markSlow(control, 7n);
    assert.deepEqual([isSlow(control, 7n), isAnySlow(control)], [false, false]);
  });
});

it('a thread that others keep from running is not one that waits for storage', () => {
  const control = createControl();
  const pace = new Pace(control, () => 5);
  for (let i = 0; i < 9; i++) pace.took(20, PIECE_BYTES, () => 7n);
  assert.equal(isSlow(control, 7n), false);
});

describe('descriptors', () => {
  const limits = (soft: string) => `Max open files            ${soft.padEnd(20)} 4096                 files\n`;
  for (const [soft, open, most] of [
    ['64', 30, 2],
    ['64', 64, 1],
    ['1024', 24, 244],
    ['unlimited', 24, Number.POSITIVE_INFINITY],
  ] as const)
    it(`a limit of ${soft}, of which ${open} are in use, leaves ${most} to each thread`, () =>
      assert.equal(mostDescriptors(limits(soft), open), most));
});

describe('a large file by itself: one thread reads, another thread hashes', () => {
  const large = join(work, 'large');
  const SIZE_OF_LARGE = (64 << 20) + 77;
  const key = Buffer.alloc(SIZE_OF_LARGE, expected);
  writeFileSync(large, key);
  const digestOfLarge = createHash('sha256').update(key).digest('hex');

  for (const [engine, depth] of [
    ['native', 0],
    ['native', 8],
    ['wasm', 0],
    ['wasm', 8],
  ] as const)
    it(`${engine}, ${depth === 0 ? 'where the volume is quick' : `${depth} reads in flight`}`, async () => {
      const pool = new HashPool();
      if (depth > 0) pool.limitDepth(depth);
      try {
        const listing = list(large);
        const { failures } = await pool.hash([{ listing }], engine, 2);
        assert.deepEqual(failures, [[]]);
        assert.equal(hexAt(listing.files, 0), digestOfLarge);
        assert.equal(pool.workers, 2);
      } finally {
        await pool.end();
      }
    });

  for (const depth of [0, 8])
    it(`that has other bytes than it was listed with is refused, ${depth} reads in flight`, async () => {
      const pool = new HashPool();
      if (depth > 0) pool.limitDepth(depth);
      try {
        const listing = list(large);
        for (const size of [SIZE_OF_LARGE + 1, SIZE_OF_LARGE - 1]) {
          truncateSync(large, size);
          const { failures } = await pool.hash([{ listing }], 'native', 2);
          assert.deepEqual(
            failures.map((of) => of.map(({ code }) => code)),
            [['SOURCE_CHANGED']],
            String(size),
          );
        }
      } finally {
        writeFileSync(large, key);
        await pool.end();
      }
    });
});
