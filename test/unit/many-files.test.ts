// Folders of many files: one thread names them, the others look at them and hash the small ones
// meanwhile. What comes out is what listing first and hashing then gives; and whatever changes
// between naming and looking is listed again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  AGAIN,
  deviceAt,
  type FileTable,
  finishTable,
  fromText,
  GrowingTable,
  hexAt,
  type Listing,
  type ListOptions,
  listAgain,
  listPath,
  nameAt,
  namesOf,
  openFolder,
  openPathAt,
  SEEN,
  toBuffer,
  unseenFiles,
} from '../../src/fs/index.ts';
import { createControl } from '../../src/hash/control.ts';
import { createEngine } from '../../src/hash/engine.ts';
import { hashFiles } from '../../src/hash/hash-files.ts';
import { createRing, createShardTable, treeDigest } from '../../src/hash/index.ts';
import { LANE_BYTES } from '../../src/hash/lanes/index.ts';
import { HashPool } from '../../src/transfer/index.ts';
import { Lister } from '../../src/transfer/lister.ts';
import type {
  HashUnlistedRequest,
  ListRequest,
  RelistRequest,
  Unseen,
  UnseenRange,
} from '../../src/transfer/protocol.ts';
import { readingThread } from '../../src/transfer/thread.ts';
import { MOST_SMALL_BYTES, unseenInputs } from '../../src/transfer/unseen-inputs.ts';

const FOLDERS = 5;
const FILES = 5000;
const work = mkdtempSync(join(tmpdir(), 'weighlock-many-'));
const folder = join(work, 'dataset');
const limits = { allowSymlinks: false, maxFiles: 100_000 };

/** Lengths around all that makes a difference, over and over. */
const SIZES = [0, 1, 55, 56, 63, 64, 65, 1000, 4096, 20_000];
const LARGE = [-1, 0, 1].flatMap((more) => [MOST_SMALL_BYTES + more, LANE_BYTES + more, 3 * LANE_BYTES + 7 + more]);

before(() => {
  const bytes = randomBytes(4 * LANE_BYTES);
  for (let i = 0; i < FILES; i++) {
    const path = join(folder, ['', 'train', 'train/more', 'tést', 'a b'][i % FOLDERS] ?? '');
    if (i < FOLDERS) mkdirSync(path, { recursive: true });
    const size = (i % 100 === 7 ? LARGE[((i / 100) % LARGE.length) | 0] : SIZES[i % SIZES.length]) ?? 0;
    writeFileSync(join(path, `sämple-${i}`), bytes.subarray(i, i + size));
  }
});

after(() => rmSync(work, { recursive: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** By name, what OpenSSL says. */
function expectedOf(root: string): Map<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(root.length + 1), sha256(readFileSync(path))];
    }),
  );
}

const devicesOf = (files: FileTable) => Array.from({ length: files.count }, (_, i) => deviceAt(files, i));

function foundIn(files: FileTable): Map<string, string | undefined> {
  return new Map(namesOf(files).map((name, i) => [toBuffer(name).toString(), hexAt(files, i)]));
}

/** Threads that have nothing to do are left to the end of the process; these are not. */
async function stop(pool: HashPool): Promise<void> {
  for (let thread = 0; thread < pool.workers; thread++) pool.serveRing(thread, createRing(), 'native').catch(() => {});
  await pool.stop();
}

async function withPool<T>(use: (pool: HashPool) => Promise<T>): Promise<T> {
  const pool = new HashPool();
  try {
    return await use(pool);
  } finally {
    await stop(pool);
  }
}

/** Hands on what was named, as the thread that lists does. */
function handingOn(part: ((value: unknown) => void) | undefined): NonNullable<ListOptions['onUnseen']> {
  const growing = GrowingTable.create(limits.maxFiles, 7n);
  let first = 0;
  return (names, targets, root) => {
    const { count } = growing.append(first, names);
    part?.({ root, first, count, targets, table: growing.buffers } satisfies UnseenRange);
    first = count;
  };
}

/** The files that a thread is asked to look at; this one is the only thread. */
function filesOf({ table, ...range }: UnseenRange): Unseen {
  tableOfAll = table === undefined ? tableOfAll : new GrowingTable(table);
  assert.ok(tableOfAll);
  return { ...range, files: tableOfAll.upTo(range.count) };
}
let tableOfAll: GrowingTable | undefined;

describe('a folder of many files', () => {
  for (const engine of ['wasm', 'native'] as const) {
    for (const workers of [1, 2, 3]) {
      it(`has the digests that OpenSSL gives, hashed by ${engine} in ${workers} threads`, async () => {
        await withPool(async (pool) => {
          const listing = await pool.listHashing({ path: folder, ...limits }, engine, workers);
          const { files } = listing;
          const plain = listPath(folder, { ...limits, onEntry: () => {} });
          assert.deepEqual(namesOf(files), namesOf(plain.files));
          for (const column of ['size', 'inode', 'mtime', 'ctime'] as const)
            assert.deepEqual(files[column], plain.files[column], column);
          assert.deepEqual(devicesOf(files), devicesOf(plain.files));
          assert.equal(files.totalBytes, plain.files.totalBytes);
          // The small ones are through, the others are not.
          for (let i = 0; i < files.count; i++)
            assert.equal(files.hashed[i], (files.size[i] ?? 0) <= MOST_SMALL_BYTES ? 1 : 0, nameAt(files, i));
          const { failures } = await pool.hash([{ listing }], engine, workers);
          assert.deepEqual(failures, [[]]);
          assert.deepEqual(foundIn(files), expectedOf(folder));
          assert.deepEqual(await pool.recheck(listing), []);
          assert.equal(pool.progress.files, FILES);
          assert.equal(pool.progress.bytes, files.totalBytes);
          assert.ok(pool.workers <= workers);
          const listed = execFileSync(
            'sh',
            ['-c', 'find . -type f | cut -c3- | LC_ALL=C sort | xargs -d "\\n" sha256sum'],
            {
              cwd: folder,
            },
          );
          assert.equal(Buffer.from(treeDigest(files, await createEngine('native'))).toString('hex'), sha256(listed));
        });
      });
    }
  }

  it('is looked at by all threads, and nothing of it hashed, where that is asked for', async () => {
    for (const workers of [1, 2, 3])
      await withPool(async (pool) => {
        const { files, failures } = await pool.list({ path: folder, ...limits }, workers);
        const plain = listPath(folder, { ...limits, onEntry: () => {} });
        assert.deepEqual(failures, []);
        assert.deepEqual(namesOf(files), namesOf(plain.files));
        for (const column of ['size', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh', 'hashed'] as const)
          assert.deepEqual(files[column], plain.files[column], column);
        assert.deepEqual(devicesOf(files), devicesOf(plain.files));
        assert.equal(files.totalBytes, plain.files.totalBytes);
        assert.equal(pool.progress.bytes, 0);
        assert.ok(pool.workers <= workers);
      });
  });

  it('is hashed anew where more than the digests was asked for', async () => {
    await withPool(async (pool) => {
      const request = { path: folder, ...limits };
      const second = { name: 'blake2b' } as const;
      const listing = await pool.listHashing(request, 'wasm', 2);
      const { failures, second: found } = await pool.hash([{ listing, second }], 'wasm', 2);
      assert.deepEqual(failures, [[]]);
      assert.equal(found[0]?.size, FILES);
      assert.deepEqual(foundIn(listing.files), expectedOf(folder));
      const again = await pool.listHashing(request, 'wasm', 2);
      const shards = createShardTable(again.files, 4096);
      const inShards = await pool.hash([{ listing: again, shards }], 'wasm', 2);
      assert.deepEqual(inShards.failures, [[]]);
      assert.equal(inShards.second[0]?.size, FILES);
      const copied = join(work, 'copy');
      for (const name of ['', 'train', 'train/more', 'tést', 'a b']) mkdirSync(join(copied, name), { recursive: true });
      const third = await pool.listHashing(request, 'wasm', 2);
      assert.deepEqual((await pool.hash([{ listing: third, copyTo: copied }], 'wasm', 2)).failures, [[]]);
      assert.deepEqual(expectedOf(copied), expectedOf(folder));
    });
  });

  it('with links that are allowed has each file under the name of its link', async () => {
    const root = join(work, 'linked');
    mkdirSync(join(root, 'real'), { recursive: true });
    for (let i = 0; i < 200; i++) writeFileSync(join(root, 'real', `f${i}`), `${i}`);
    symlinkSync('real', join(root, 'alias'));
    symlinkSync('real/f7', join(root, 'seven'));
    await withPool(async (pool) => {
      const listing = await pool.listHashing({ path: root, ...limits, allowSymlinks: true }, 'wasm', 2);
      assert.deepEqual(listing.failures, []);
      assert.deepEqual((await pool.hash([{ listing }], 'wasm', 2)).failures, [[]]);
      const found = foundIn(listing.files);
      assert.equal(found.size, 401);
      for (const name of ['real/f7', 'alias/f7', 'seven'])
        assert.equal(found.get(name), sha256(Buffer.from('7')), name);
      // Nothing is opened through a link: it could lead elsewhere by then.
      const opened = namesOf(listing.files).map((name, i) => [name, openPathAt(listing.files, i)] as const);
      for (const [name, path] of opened)
        assert.equal(path, `${name}`.replace('alias', 'real').replace('seven', 'real/f7'));
      const refused = await pool.listHashing({ path: root, ...limits }, 'wasm', 2);
      assert.deepEqual(refused.failures.map(({ code, file }) => `${code} ${file}`).sort(), [
        'UNSAFE_ENTRY alias',
        'UNSAFE_ENTRY seven',
      ]);
      assert.equal(refused.files.count, 200);
    });
  });

  it('with more files than allowed is refused, and what comes next is not harmed', async () => {
    await withPool(async (pool) => {
      for (const maxFiles of [0, 1, 64, 65, 1024, FILES - 1]) {
        await assert.rejects(
          pool.listHashing({ path: folder, allowSymlinks: false, maxFiles }, 'wasm', 2),
          new RegExp(`more than ${maxFiles} entries`),
        );
      }
      const { files } = await pool.listHashing({ path: join(folder, 'train/more'), ...limits }, 'wasm', 2);
      assert.equal(files.count, FILES / FOLDERS);
    });
  });
});

describe('what is no longer what it was named as', () => {
  const root = join(work, 'changing');
  const names = ['dir', 'fifo', 'gone', 'grows', 'link', 'plain', 'replaced'].map(fromText);
  let unseen: FileTable;
  let growing: GrowingTable;
  let descriptor = 0;

  before(async () => {
    mkdirSync(join(root, 'dir'), { recursive: true });
    for (const name of ['gone', 'grows', 'plain', 'replaced']) writeFileSync(join(root, name), name);
    unlinkSync(join(root, 'gone'));
    execFileSync('mkfifo', [join(root, 'fifo')]);
    symlinkSync('plain', join(root, 'link'));
    descriptor = openFolder(root);
    growing = GrowingTable.create(names.length, 7n);
    unseen = growing.append(0, names);
    const inputs = unseenInputs({ root: descriptor, files: unseen, first: 0 }, readingThread(createControl()));
    const take = () => {
      const taken = inputs.take();
      assert.notEqual(taken, 'later');
      if (taken === 'later') return undefined;
      const name = taken && nameAt(unseen, taken.next.index);
      // After it was opened, and before its last byte was read.
      if (name === 'grows') appendFileSync(join(root, name), ' and grows');
      if (name === 'replaced') {
        writeFileSync(join(root, 'new'), 'replaced');
        renameSync(join(root, 'new'), join(root, name));
      }
      return taken;
    };
    const failed = inputs.failed.bind(inputs);
    const arrival = () => inputs.arrival();
    const turn = () => inputs.turn();
    const engine = await createEngine('native');
    await hashFiles({ take, failed, arrival, turn }, engine, Buffer.alloc(1 << 16), createControl());
  });

  it('is to be listed again, and nothing else is', () => {
    const states = names.map((name, i) => [name, unseen.hashed[i]]);
    const again = ['dir', 'fifo', 'gone', 'grows', 'link', 'replaced'].map((name) => [name, AGAIN]);
    assert.deepEqual(new Map(states as [string, number][]), new Map([...again, ['plain', 1]] as [string, number][]));
    assert.equal(hexAt(unseen, 5), sha256(Buffer.from('plain')));
  });

  it('is listed again, or refused by its name', () => {
    const { files, failures } = listAgain(descriptor, unseen);
    assert.deepEqual(namesOf(files), ['grows', 'plain', 'replaced']);
    assert.ok(files.hashed.every((state) => state === SEEN));
    assert.deepEqual(
      failures.map(({ code, file, found = '' }) => `${code} ${file} ${found}`.trim()),
      ['UNSAFE_ENTRY dir folder', 'UNSAFE_ENTRY fifo FIFO', 'SOURCE_CHANGED gone', 'UNSAFE_ENTRY link symbolic link'],
    );
  });

  it('is not in a finished table, but for what was listed again', () => {
    const others = unseenFiles(names.slice(3, 4), new Map());
    others.hashed.fill(SEEN);
    const finished = finishTable(growing, names.length, [unseenFiles([], new Map()), others], new Map());
    assert.deepEqual(namesOf(finished), ['grows', 'plain']);
    assert.deepEqual([...finished.hashed], [0, 1]);
    assert.equal(hexAt(finished, 1), sha256(Buffer.from('plain')));
  });

  it('is a defect when nobody has looked at it', () => {
    const unknown = GrowingTable.create(names.length, 7n);
    unknown.append(0, names);
    assert.throws(() => finishTable(unknown, names.length, [], new Map()), /nobody has looked at/);
  });
});

it('what changes after it was named, and before anybody has looked at it, is in the listing what it is then', async () => {
  const root = join(work, 'between');
  mkdirSync(root);
  for (let i = 0; i < 200; i++) writeFileSync(join(root, `f${i}`), `${i}`);
  const control = createControl();
  const engine = await createEngine('native');
  const change = () => {
    unlinkSync(join(root, 'f1'));
    unlinkSync(join(root, 'f2'));
    symlinkSync('/etc/passwd', join(root, 'f2'));
    appendFileSync(join(root, 'f3'), ' and more');
    unlinkSync(join(root, 'f4'));
    execFileSync('mkfifo', [join(root, 'f4')]);
  };
  // One thread, which is this one: what is handed on waits until the folder is read.
  const ask = async (_: number, request: object, part?: (value: unknown) => void): Promise<unknown> => {
    const { kind, ...rest } = request as ListRequest | HashUnlistedRequest | RelistRequest;
    if (kind === 'list') {
      const handOn = handingOn(part);
      const onUnseen: ListOptions['onUnseen'] = (...named) => {
        change();
        handOn(...named);
      };
      return listPath(root, { ...limits, onEntry: () => {}, onUnseen });
    }
    if (kind === 'relist') {
      const { root: descriptor, files } = rest as RelistRequest;
      return listAgain(descriptor, files);
    }
    return hashFiles(
      unseenInputs(filesOf(rest as UnseenRange), readingThread(control)),
      engine,
      Buffer.alloc(4096),
      control,
    );
  };
  const lookers = {
    threads: { size: 1, ask },
    most: 1,
    startOne: () => {},
    engine: 'native',
    chooseKernel: async () => undefined,
  } as const;
  const lister = new Lister(lookers);
  const { files, failures } = await lister.list({ path: root, ...limits });
  assert.deepEqual(
    failures.map(({ code, file, found = '' }) => `${code} ${file} ${found}`.trim()),
    ['SOURCE_CHANGED f1', 'UNSAFE_ENTRY f2 symbolic link', 'UNSAFE_ENTRY f4 FIFO'],
  );
  assert.equal(files.count, 197);
  assert.deepEqual(foundIn(files), expectedOf(root));
  assert.deepEqual([...lister.kernels], ['openssl']);
});

it('a thread that somebody starts while a folder is being listed looks at its files too', async () => {
  const root = join(work, 'meanwhile');
  mkdirSync(root);
  for (let i = 0; i < 3000; i++) writeFileSync(join(root, `f${i}`), `${i}`);
  const control = createControl();
  const engine = await createEngine('native');
  const asked: number[] = [];
  const ask = async (thread: number, request: object, part?: (value: unknown) => void): Promise<unknown> => {
    const { kind, ...rest } = request as ListRequest | HashUnlistedRequest;
    if (kind === 'list') {
      threads.size = 2;
      return listPath(root, { ...limits, onEntry: () => {}, onUnseen: handingOn(part) });
    }
    asked.push(thread);
    return hashFiles(
      unseenInputs(filesOf(rest as UnseenRange), readingThread(control)),
      engine,
      Buffer.alloc(4096),
      control,
    );
  };
  const threads = { size: 1, ask };
  const lookers = {
    threads,
    most: 2,
    startOne: () => {},
    engine: 'native',
    chooseKernel: async () => undefined,
  } as const;
  const { files } = await new Lister(lookers).list({ path: root, ...limits });
  assert.deepEqual(foundIn(files), expectedOf(root));
  assert.deepEqual(new Set(asked), new Set([0, 1]));
});

it('a folder in which somebody writes is refused in the end, however it was listed', async () => {
  const root = join(work, 'written');
  mkdirSync(root);
  for (let i = 0; i < 300; i++) writeFileSync(join(root, `f${i}`), `${i}`);
  await withPool(async (pool) => {
    const listing: Listing = await pool.listHashing({ path: root, ...limits }, 'native', 2);
    writeFileSync(join(root, 'one more'), '');
    const [failure] = await pool.recheck(listing);
    assert.equal(failure?.code, 'SOURCE_CHANGED');
  });
});
