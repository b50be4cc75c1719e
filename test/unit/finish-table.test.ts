// A table that has grown, and others of what had to be listed elsewhere: what comes out is what
// sorting all names gives, however they overlap.
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  AGAIN,
  comparePaths,
  deviceAt,
  type FileTable,
  finishTable,
  fromText,
  GrowingTable,
  hexAt,
  nameAt,
  openPathAt,
  type PathBytes,
  SEEN,
  unseenFiles,
} from '../../src/fs/index.ts';

interface File {
  readonly name: PathBytes;
  readonly state: number;
  readonly target?: PathBytes;
  readonly size: number;
  readonly ids: readonly [bigint, bigint, bigint, bigint];
  readonly digest: Buffer;
}

const BASE = randomBytes(8).readBigUInt64LE();

const STATES = [1, 1, 1, SEEN, AGAIN];

function file(name: string): File {
  return {
    name: fromText(name),
    state: STATES[randomInt(STATES.length)] ?? 1,
    ...(randomInt(20) === 0 ? { target: fromText(`blobs/${name}`) } : {}),
    size: randomInt(2 ** 40),
    ids: [0, 0, 0, 0].map(() => randomBytes(8).readBigInt64LE()) as unknown as File['ids'],
    digest: randomBytes(32),
  };
}

function fill(table: FileTable, files: readonly File[], first = 0): FileTable {
  for (const [i, { state, size, ids, digest }] of files.entries()) {
    const at = first + i;
    table.size[at] = size;
    const [device, ...rest] = ids;
    table.device[at] = device ^ table.deviceBase;
    [table.inode[at], table.mtime[at], table.ctime[at]] = rest;
    table.digests.set(digest, 32 * at);
    table.hashed[at] = state;
  }
  return table;
}

function targetsOf(files: readonly File[], first = 0): Map<number, PathBytes> {
  return new Map(files.flatMap(({ target }, i) => (target === undefined ? [] : [[first + i, target] as const])));
}

function tableOf(files: readonly File[]): FileTable {
  const names = files.map(({ name }) => name);
  return fill(unseenFiles(names, targetsOf(files)), files);
}

/** Everything that a table says of each file. */
function told(table: FileTable): unknown[] {
  return Array.from({ length: table.count }, (_, i) => [
    nameAt(table, i),
    openPathAt(table, i),
    table.hashed[i] === 1 ? hexAt(table, i) : 'not hashed',
    table.size[i],
    deviceAt(table, i),
    ...[table.inode, table.mtime, table.ctime].map((column) => column[i]),
  ]);
}

function expected(files: readonly File[]): unknown[] {
  const kept = files.filter(({ state }) => state !== AGAIN).sort((a, b) => comparePaths(a.name, b.name));
  return kept.map(({ name, target, state, size, ids: [device, ...ids], digest }) => [
    name,
    target ?? name,
    state === 1 ? digest.toString('hex') : 'not hashed',
    size,
    ...[BigInt.asUintN(64, device), BigInt.asUintN(64, ids[0]), ids[1], ids[2]],
  ]);
}

/** One table of all lists but the last, as they are named, and that of the last. */
function check(lists: readonly (readonly File[])[]): void {
  const last = (lists.at(-1) ?? []).map((one) => ({ ...one, state: one.state === AGAIN ? SEEN : one.state }));
  last.sort((a, b) => comparePaths(a.name, b.name));
  const others = lists.slice(0, -1);
  const growing = GrowingTable.create(10_000, BASE);
  const targets = new Map<number, PathBytes>();
  let first = 0;
  for (const files of others) {
    const table = growing.append(
      first,
      files.map(({ name }) => name),
    );
    fill(table, files, first);
    for (const [index, target] of targetsOf(files, first)) targets.set(index, target);
    first = table.count;
  }
  const finished = finishTable(growing, first, [tableOf(last)], targets);
  assert.deepEqual(told(finished), expected([...others.flat(), ...last]));
  assert.equal(
    finished.totalBytes,
    told(finished).reduce<number>((sum, one) => sum + ((one as unknown[])[3] as number), 0),
  );
  assert.ok(finished.hashed.every((state) => state <= 1));
  assert.equal(finished.names.length, finished.nameEnd.at(-1) ?? 0);
}

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => file(`${prefix}${String(i).padStart(6, '0')}`));

describe('a table that has grown is sorted', () => {
  it('that follow each other', () => check([numbered('a/', 1000), numbered('b/', 1000), numbered('c/', 10), []]));
  it('that come in another order', () => check([numbered('c/', 1000), numbered('a/', 1000), [], numbered('b/', 10)]));
  it('of which one has its files around those of the others', () =>
    check([
      [...numbered('README', 3), ...numbered('z', 3)],
      numbered('data/', 500),
      numbered('s', 500),
      numbered('data-1/', 9),
    ]));
  it('with folders in one table that are not in order', () =>
    check([[...numbered('d/', 300), ...numbered('b/', 300)], [...numbered('c/', 300), ...numbered('a/', 300)], []]));
  it('where names are prefixes of others, or not ASCII', () =>
    check([['a', 'a/b', 'a.b', 'ä', 'ä/b', 'a-', 'a0'].map(file), ['a!', 'a/a', 'z', 'ä/a'].map(file), []]));
  it('that are empty, all but one, or all', () => {
    check([[], [], numbered('a', 3)]);
    check([[], []]);
  });
  it('of which every second file is in another', () => {
    const files = numbered('', 5000);
    check([files.filter((_, i) => i % 2 === 0), files.filter((_, i) => i % 2 === 1), []]);
  });
  it('in which nothing is in order', () => {
    const files = numbered('', 5000).sort(() => Math.random() - 0.5);
    check([files.slice(0, 2000), files.slice(2000, 4000), files.slice(4000)]);
  });
  it('of random runs, again and again', () => {
    for (let round = 0; round < 200; round++) {
      const lists: File[][] = Array.from({ length: 1 + randomInt(6) }, () => []);
      const [count, longest] = [randomInt(200), 1 + randomInt(30)];
      for (let i = 0, list = lists[0], left = 0; i < count; i++, left--) {
        if (left <= 0) [list, left] = [lists[randomInt(lists.length)], randomInt(longest)];
        list?.push(file(String(i).padStart(6, '0')));
      }
      if (round % 3 === 0) for (const list of lists) list.reverse();
      check(lists);
    }
  });
});

describe('a table that grows', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `${i}` as PathBytes);

  it('has place for files without a limit', () =>
    assert.equal(GrowingTable.create(Number.MAX_SAFE_INTEGER, BASE).append(0, names(3000)).count, 3000));

  it('takes fewer addresses where they are scarce, and says so when they are used up', () => {
    const asked: number[] = [];
    const scarce = GrowingTable.create(1_000_000, BASE, (most, device) => {
      asked.push(most);
      if (most > 100_000) throw new RangeError('Array buffer allocation failed');
      return GrowingTable.create(most / 3, device);
    });
    assert.deepEqual(asked, [3_000_000, 750_000, 187_500, 46_875]);
    assert.equal(scarce.append(0, names(40_000)).count, 40_000);
    assert.throws(() => scarce.append(40_000, names(9000)), { code: 'LIMIT_EXCEEDED' });
  });

  it('fails where there are none', () =>
    assert.throws(
      () =>
        GrowingTable.create(1_000_000, BASE, () => {
          throw new RangeError('Array buffer allocation failed');
        }),
      RangeError,
    ));
});
