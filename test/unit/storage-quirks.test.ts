// Storage as it is in the field: sizes, numbers, times and errors that no local file system shows.
// Node's calls are replaced in this thread by ones that answer so.
import assert from 'node:assert/strict';
import fs, { type BigIntStats, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it, mock } from 'node:test';
import { type ErrorCode, EXIT_CODE_OF, failureOf, type WeighlockError } from '../../src/error/index.ts';
import { hexAt, type Listing, listing, type ReadWhole, readWhole, recheck } from '../../src/fs/index.ts';
import { createControl, limitDepth } from '../../src/hash/control.ts';
import { hashFiles } from '../../src/hash/hash-files.ts';
import { createEngine, createRing, createShardTable } from '../../src/hash/index.ts';
import { createLaneHasher, hashInLanes } from '../../src/hash/lanes/index.ts';
import { fileFailure, store } from '../../src/hash/queue.ts';
import type { FileFailure, HashRequest, HashTask } from '../../src/hash/task.ts';
import { HashPool } from '../../src/transfer/index.ts';
import { queuedInputs } from '../../src/transfer/queued-inputs.ts';
import { TaskRun } from '../../src/transfer/task-run.ts';
import { type ReadingThread, readingThread } from '../../src/transfer/thread.ts';
import { unseenInputs } from '../../src/transfer/unseen-inputs.ts';
import { createTable, treeOf } from './tables.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-quirks-'));
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(work, 'm-'));
});

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

after(() => rmSync(work, { recursive: true }));

type Call = 'fstatSync' | 'lstatSync' | 'readSync' | 'openSync' | 'closeSync' | 'opendirSync';

/** Replaces one of Node's calls, and the one that does the same later. */
function replace<T extends Call>(call: T, how: (real: (typeof fs)[T]) => (...given: never[]) => unknown): void {
  const replaced = how(fs[call]) as (...given: unknown[]) => unknown;
  mock.method(fs, call, replaced as never);
  mock.method(fs, call.slice(0, -4) as 'read', later(replaced) as never);
  syncBuiltinESMExports();
}

function later(call: (...given: unknown[]) => unknown): (...given: unknown[]) => void {
  return (...given) => {
    const done = given.pop() as (error: unknown, value?: unknown) => void;
    let value: unknown;
    try {
      value = call(...given);
    } catch (error) {
      setImmediate(done, error);
      return;
    }
    setImmediate(done, null, value);
  };
}

/** Whether files are read as on a slow volume. */
let isDeep = false;

/** Tests of both ways to read. */
function bothWays(what: string, tests: () => void): void {
  for (const deep of [false, true])
    describe(`${what}, ${deep ? 'many reads in flight' : 'one read at a time'}`, () => {
      beforeEach(() => {
        isDeep = deep;
      });
      tests();
    });
}

function makeThread(): ReadingThread {
  const control = createControl();
  if (isDeep) limitDepth(control, 8, true);
  return readingThread(control);
}

/** Makes both calls that tell attributes tell others. */
function withAttributes(change: (stat: BigIntStats, look: number) => Partial<BigIntStats>): void {
  let looks = 0;
  for (const call of ['fstatSync', 'lstatSync'] as const)
    replace(call, (real) => (...given: never[]) => {
      const stat = (real as (...all: never[]) => BigIntStats)(...given);
      return Object.assign(stat, change(stat, looks++));
    });
}

function failWith(code: string): never {
  throw Object.assign(new Error(`${code}: an answer of the storage`), { code, errno: -1, syscall: 'fstat' });
}

async function list(path = folder): Promise<Listing> {
  return new TaskRun(makeThread(), isDeep).run(
    listing(path, { allowSymlinks: false, maxFiles: 100, onEntry: () => {} }),
  );
}

/** Looks at the folders again. */
async function changedFolders(listed: Listing): Promise<WeighlockError[]> {
  return new TaskRun(makeThread(), isDeep).run(recheck(listed));
}

function requestFor(task: HashTask, units: number): HashRequest {
  const order = Uint32Array.from({ length: units }, (_, i) => i);
  return { kind: 'hash', engine: 'wasm', tasks: [task], order, lanes: 4, aloneBytes: Number.POSITIVE_INFINITY };
}

/** Every way in which a thread reads files. @returns what is wrong with which of them */
const WAYS: Record<string, (listing: Listing) => Promise<FileFailure[]>> = {
  async 'hash-wasm'(listing) {
    return hashWith('wasm', listing);
  },
  async OpenSSL(listing) {
    return hashWith('native', listing);
  },
  async lanes(listing) {
    const failures: FileFailure[] = [];
    const thread = makeThread();
    const request = requestFor({ listing }, listing.files.count);
    const inputs = queuedInputs(request, thread, (next, error) => failures.push(fileFailure(next, error)));
    const hasher = createLaneHasher();
    assert.ok(hasher);
    await hashInLanes(inputs, request, hasher, thread.control);
    await inputs.close();
    assert.equal(thread.reads.opens, 0);
    return failures;
  },
  async shards(listing) {
    const failures: FileFailure[] = [];
    const thread = makeThread();
    const shards = createShardTable(listing.files, 4096);
    const request = requestFor({ listing, shards }, shards.first[listing.files.count] ?? 0);
    const inputs = queuedInputs(request, thread, (next, error) => failures.push(fileFailure(next, error)));
    await hashFiles(inputs, await createEngine('native'), Buffer.alloc(1024), thread.control);
    await inputs.close();
    return failures;
  },
  async 'a copy'(listing) {
    return hashWith('native', listing, { copyTo: mkdtempSync(join(work, 'copy-')) });
  },
};

async function hashWith(
  engine: 'wasm' | 'native',
  listing: Listing,
  task: Partial<HashTask> = {},
): Promise<FileFailure[]> {
  const failures: FileFailure[] = [];
  const thread = makeThread();
  const request = requestFor({ listing, ...task }, listing.files.count);
  const inputs = queuedInputs(request, thread, (next, error) => failures.push(fileFailure(next, error)));
  await hashFiles(inputs, await createEngine(engine), Buffer.alloc(1024), thread.control);
  await inputs.close();
  assert.equal(thread.reads.opens, 0);
  return failures;
}

const SIZES = [0, 1, 1023, 1024, 4096, 10_000];

bothWays('a file whose size is not true', () => {
  for (const [way, hash] of Object.entries(WAYS)) {
    it(`15.3: and whose reads give more is refused, read for ${way}`, async () => {
      for (const size of SIZES) writeFileSync(join(folder, `f${size}`), 'x'.repeat(size));
      const listing = await list();
      replace('readSync', oneMore);
      const failures = await hash(listing);
      assert.equal(new Set(failures.map(({ failure }) => failure.file)).size, SIZES.length);
      for (const { failure } of failures) {
        assert.equal(failure.code, 'SOURCE_CHANGED');
        assert.match(failure.message, /has more bytes to read than the \d+ that its size says/);
      }
      assert.ok(listing.files.hashed.every((state) => state === 0));
    });
  }

  it('15.3: and whose reads give less is refused', async () => {
    writeFileSync(join(folder, 'f'), 'x'.repeat(5000));
    const listing = await list();
    replace('readSync', (real) => (...given: never[]) => {
      const length = (real as (...all: never[]) => number)(...given);
      return Math.max(0, Math.min(length, 2048 - Number(given[4])));
    });
    const [failed] = await hashWith('native', listing);
    assert.match(failed?.failure.message ?? '', /ended after 2048 of 5000 bytes/);
  });

  it('15.3: is not hashed when it is listed either', async () => {
    for (let i = 0; i < 3; i++) writeFileSync(join(folder, `f${i}`), '');
    const { root, files } = createTable(folder, ['f0', 'f1', 'f2']);
    replace('readSync', oneMore);
    const thread = makeThread();
    const inputs = unseenInputs({ root, files, first: 0 }, thread);
    await hashFiles(inputs, await createEngine('native'), Buffer.alloc(64), thread.control);
    await inputs.close();
    assert.ok(!files.hashed.includes(1));
  });

  it('15.3: is refused by the program, where there are such files: those of procfs have none and say 0', async () => {
    const listing = await list('/proc/sys/kernel/ostype');
    assert.equal(listing.files.size[0], 0);
    const pool = new HashPool();
    const { failures } = await pool.hash([{ listing }], 'wasm', 1);
    assert.deepEqual(
      failures[0]?.map(({ code }) => code),
      ['SOURCE_CHANGED'],
    );
    assert.equal(hexAt(listing.files, 0), undefined);
    await release(pool);
  });

  it('15.3: is refused when no file can have it', async () => {
    for (const name of ['f', 'g']) writeFileSync(join(folder, name), 'x');
    for (const size of [-1n, 2n ** 53n, 2n ** 63n - 1n]) {
      withAttributes((stat) => (stat.isFile() ? { size } : {}));
      assert.deepEqual(
        (await list()).failures.map(({ code }) => code),
        ['UNSAFE_ENTRY', 'UNSAFE_ENTRY'],
      );
      await assert.rejects(list(join(folder, 'f')), { code: 'UNSAFE_ENTRY' });
      mock.restoreAll();
      syncBuiltinESMExports();
    }
  });
});

/** Gives one byte more than there is. */
function oneMore(real: typeof fs.readSync): (...given: never[]) => number {
  return (...given) => {
    const length = (real as (...all: never[]) => number)(...given);
    return length < Number(given[3]) ? length + 1 : length;
  };
}

it('15.3: what is read as a whole is read to its end, whatever its size says, and no further than its limit', () => {
  const path = join(folder, 'f');
  for (const size of [0, 1, 65_535, 65_536, 65_537, 300_000]) {
    writeFileSync(path, Buffer.alloc(size, size));
    const file = fs.openSync(path, 'r');
    replace('fstatSync', (real) => (...given: never[]) => {
      const stat = (real as (...all: never[]) => BigIntStats)(...given);
      return Object.assign(stat, { size: 0 });
    });
    assert.deepEqual(readWhole(file, 1 << 20), Buffer.alloc(size, size));
    assert.deepEqual(readWhole(file, size), Buffer.alloc(size, size));
    if (size > 0) assert.equal(readWhole(file, size - 1), undefined);
    fs.closeSync(file);
    mock.restoreAll();
    syncBuiltinESMExports();
  }
  const file = fs.openSync('/proc/sys/kernel/ostype', 'r');
  assert.equal(readWhole(file, 100)?.toString(), 'Linux\n');
  fs.closeSync(file);
});

it('15.3: nothing is taken down as hashed without proof that it was read to its end', () => {
  // @ts-expect-error the proof is missing
  assert.ok((next: Parameters<typeof store>[0]) => store(next, new Uint8Array(32), createControl()));
  // @ts-expect-error nobody else can make one
  const made: ReadWhole = {};
  assert.ok(made);
});

bothWays('numbers and times', () => {
  const YEAR = 31_557_600n * 10n ** 9n;
  for (const [what, attributes] of [
    ['an inode number of 2^63', { ino: -(2n ** 63n) }],
    ['an inode number of 2^64 - 1', { ino: -1n }],
    ['a device number of 2^63 and more', { dev: -5n }],
    ['an mtime in the year 1600', { mtimeNs: -370n * YEAR + 5n }],
    ['an mtime in the year 2300', { mtimeNs: 330n * YEAR + 5n }],
    ['an mtime in the year 300,000, which no date can hold', { mtimeNs: 298_030n * YEAR }],
    ['the first time of all', { mtimeNs: -(2n ** 63n) * 10n ** 9n, ctimeNs: -(2n ** 63n) * 10n ** 9n }],
    ['the last time of all', { mtimeNs: 2n ** 63n * 10n ** 9n - 1n, ctimeNs: 2n ** 63n * 10n ** 9n - 1n }],
  ] as const) {
    it(`15.15: ${what} is met again, and counts to its last bit`, async () => {
      for (let i = 0; i < 70; i++) writeFileSync(join(folder, `f${i}`), 'x');
      mkdirSync(join(folder, 'sub'));
      withAttributes(() => attributes);
      const listing = await list();
      assert.deepEqual(await hashWith('native', listing), []);
      assert.deepEqual(await changedFolders(listing), []);
      mock.restoreAll();
      syncBuiltinESMExports();
      const [name, value] = Object.entries(attributes)[0] as [keyof typeof attributes, bigint];
      for (const other of [value ^ 1n, value + 2n ** 63n, value + 2n ** 64n]) {
        if (BigInt.asUintN(64, other) === BigInt.asUintN(64, value) && !name.endsWith('Ns')) continue;
        withAttributes(() => ({ ...attributes, [name]: other }));
        const failures = await hashWith('native', listing);
        assert.equal(failures.length, 70, `${value} and ${other}`);
        assert.equal(failures[0]?.failure.code, 'SOURCE_CHANGED');
        mock.restoreAll();
        syncBuiltinESMExports();
      }
    });
  }

  it('15.17: of a file that is not as it was are named in the message, before and after', async () => {
    writeFileSync(join(folder, 'f'), 'x');
    utimesSync(join(folder, 'f'), 1, 1);
    const messages = async (change: Partial<BigIntStats>) => {
      const listing = await list();
      withAttributes((stat) => (stat.isFile() ? change : {}));
      const [failed] = await hashWith('native', listing);
      mock.restoreAll();
      syncBuiltinESMExports();
      return failed?.failure.message ?? '';
    };
    assert.match(
      await messages({ mtimeNs: 2_000_000_003n }),
      /its mtime was 1970-01-01T00:00:01\.000000000Z and is 1970-01-01T00:00:02\.000000003Z/,
    );
    assert.match(await messages({ mtimeNs: 2n ** 63n * 10n ** 9n }), /and is 9223372036854775808\.000000000 s/);
    assert.match(await messages({ size: 2n }), /its size was 1 and is 2/);
    assert.match(await messages({ ino: -1n }), /its inode number was \d+ and is 18446744073709551615/);
  });
});

bothWays('times that move', () => {
  it('15.17: before a file is read are read again once, and the file passes when they stand still then', async () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, name), name.repeat(5000));
    const pool = new HashPool();
    for (const task of [
      {},
      { copyTo: mkdtempSync(join(work, 'copy-')) },
      { second: { name: 'sha512' } },
    ] satisfies Partial<HashTask>[]) {
      const listing = await pool.list({ path: folder, allowSymlinks: false, maxFiles: 100 });
      utimesSync(join(folder, 'b'), 5, 5);
      const { failures, second } = await pool.hash([{ listing, ...task }], 'native', 2);
      assert.deepEqual(failures, [[]]);
      assert.ok(listing.files.hashed.every((state) => state === 1));
      assert.equal(second[0]?.size, 'second' in task ? 3 : 0);
      assert.deepEqual(await pool.recheck(listing), []);
      utimesSync(join(folder, 'b'), 6, 6);
    }
    const listing = await pool.list({ path: folder, allowSymlinks: false, maxFiles: 100 });
    utimesSync(join(folder, 'b'), 7, 7);
    const shards = createShardTable(listing.files, 1024);
    const { failures, second } = await pool.hash([{ listing, shards }], 'native', 2);
    assert.deepEqual(failures, [[]]);
    assert.deepEqual(
      [...(second[0]?.values() ?? [])].map(({ length }) => length),
      [5, 5, 5],
    );
    await release(pool);
  });

  it('15.17: with the size are those of a file that somebody writes to, which is not read again', async () => {
    writeFileSync(join(folder, 'a'), 'a');
    const pool = new HashPool();
    const listing = await pool.list({ path: folder, allowSymlinks: false, maxFiles: 100 });
    writeFileSync(join(folder, 'a'), 'aa');
    const { failures } = await pool.hash([{ listing }], 'native', 2);
    assert.match(failures[0]?.[0]?.message ?? '', /its size was 1 and is 2/);
    await release(pool);
  });

  it('15.17: of a folder that is read are no change, when all that is in it is as it was', async () => {
    treeOf(folder, ['a', 'sub/b', 'sub/deep/c']);
    const listing = await list();
    utimesSync(folder, 1, 1);
    utimesSync(join(folder, 'sub'), 2, 2);
    assert.deepEqual(await changedFolders(listing), []);
  });

  for (const [what, change, message] of [
    ['gets a file', () => writeFileSync(join(folder, 'sub/new'), ''), /sub\/new: .* appeared after its folder/],
    ['loses a file', () => rmSync(join(folder, 'sub/b')), /sub\/b: .* disappeared/],
    ['has a file overwritten', () => writeFileSync(join(folder, 'a'), '!'), /a: .* was changed: its mtime was /],
  ] as const) {
    it(`15.17: of a folder that ${what} are a change, which is named`, async () => {
      treeOf(folder, ['a', 'sub/b', 'sub/deep/c']);
      const listing = await list();
      change();
      utimesSync(folder, 1, 1);
      const errors = (await changedFolders(listing)).map(({ code, file, message: text }) => `${code} ${file}: ${text}`);
      assert.equal(errors.length, 1, errors.join());
      assert.match(errors[0] ?? '', message);
    });
  }

  it('15.17: inodes that change at each look are refused, with what to mount instead', async () => {
    writeFileSync(join(folder, 'f'), 'x');
    withAttributes((stat, look) => (stat.isFile() ? { ino: BigInt(1000 + look) } : {}));
    const [failed] = await hashWith('native', await list());
    assert.equal(failed?.failure.code, 'SOURCE_CHANGED');
    assert.match(failed?.failure.message ?? '', /another inode at each look .*its inode number was \d+ and is \d+/);
    assert.match(failed?.failure.remedy ?? '', /mount the volume with lasting inode numbers/);
  });

  it('15.17: so are folders of such inodes', async () => {
    treeOf(folder, ['sub/b']);
    withAttributes((stat, look) => (stat.isDirectory() ? { ino: BigInt(1000 + look) } : {}));
    const errors = await changedFolders(await list());
    assert.ok(errors.length > 0);
    for (const { message } of errors) assert.match(message, /another inode at each look/);
  });
});

bothWays('an error of the storage', () => {
  /** What comes of listing, hashing and looking again, if the call answers so from some time on. */
  async function codesOf(call: Call, code: string, after: number): Promise<ErrorCode[]> {
    treeOf(folder, ['a', 'sub/b']);
    let calls = 0;
    replace(call, (real) => (...given: never[]) => {
      if (calls++ >= after) failWith(code);
      return (real as (...all: never[]) => unknown)(...given);
    });
    try {
      const listing = await list();
      const hashed = await hashWith('native', listing);
      const folders = await changedFolders(listing);
      return [...listing.failures, ...hashed.map(({ failure }) => failure), ...folders].map((one) => one.code);
    } catch (error) {
      return [failureOf(error).code];
    } finally {
      mock.restoreAll();
      syncBuiltinESMExports();
    }
  }

  for (const code of ['EIO', 'ESTALE', 'ETIMEDOUT', 'EPROTO', 'EBADF', 'EINVAL', 'ENOSYS', 'EINTR']) {
    it(`15.16: ${code} by any system call at any time is an unanswered question, and nothing else`, async () => {
      for (const call of ['fstatSync', 'lstatSync', 'readSync', 'openSync', 'opendirSync'] as const) {
        for (let after = 0; after < 8; after++) {
          for (const found of await codesOf(call, code, after))
            assert.equal(found, 'SOURCE_UNAVAILABLE', `${call}, after ${after}`);
        }
        assert.notDeepEqual(await codesOf(call, code, 0), [], call);
      }
      for (let after = 0; after < 8; after++) assert.deepEqual(await codesOf('closeSync', code, after), []);
    });
  }

  for (const code of ['EACCES', 'EPERM', 'ENAMETOOLONG', 'ENXIO', 'ELOOP', 'ENOTDIR', 'ENOENT', 'EMFILE']) {
    it(`15.9: ${code} by any system call at any time is a refusal, and no unanswered question`, async () => {
      for (const call of ['fstatSync', 'lstatSync', 'readSync', 'openSync', 'opendirSync'] as const)
        for (let after = 0; after < 8; after++)
          for (const found of await codesOf(call, code, after))
            assert.equal(EXIT_CODE_OF[found], 65, `${call}, ${found}`);
    });
  }

  it('15.16: ESTALE of a file that was removed is a change: whoever writes there can cause it', async () => {
    writeFileSync(join(folder, 'f'), 'x');
    const listing = await list();
    replace('readSync', () => () => {
      rmSync(join(folder, 'f'), { force: true });
      return failWith('ESTALE');
    });
    const [failed] = await hashWith('native', listing);
    assert.equal(failed?.failure.code, 'SOURCE_CHANGED');
    assert.match(failed?.failure.message ?? '', /disappeared while it was read/);
  });

  it('15.16: names the file and the error', async () => {
    writeFileSync(join(folder, 'f'), 'x');
    const listing = await list();
    replace('fstatSync', () => () => failWith('ESTALE'));
    const [failed] = await hashWith('native', listing);
    assert.deepEqual([failed?.failure.file, failed?.failure.message], ['f', 'cannot read attributes: ESTALE']);
  });
});

/**
 * Lets the threads end: those that have nothing to do are left to the end of the process otherwise.
 */
async function release(pool: HashPool): Promise<void> {
  for (let thread = 0; thread < pool.workers; thread++) pool.serveRing(thread, createRing(), 'native').catch(() => {});
  await pool.stop();
}
