// Of a long list in a file the digests are not kept: SHA-256 of all tells whether files have them,
// and where one has not, they are read again.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SignedFiles } from '../../src/evidence/signed-files.ts';
import { SignedFilesBuilder } from '../../src/evidence/signed-files-builder.ts';
import { namedTable } from '../../src/fs/file-table.ts';
import { digestAt, type FileTable, fromText } from '../../src/fs/index.ts';
import { compareChecksums } from '../../src/verdict/compare.ts';
import { hex } from '../evidence/world.ts';

const NAMES = ['a', 'b/c', 'b/d', 'e', 'f'];

function built(names: readonly string[]): { readonly files: SignedFiles; readonly builder: SignedFilesBuilder } {
  const builder = new SignedFilesBuilder(32, 1000);
  for (const name of names) builder.add(name, hex(name));
  return { builder, files: builder.build() };
}

/** A list whose digests were given back, and how often they were read again. */
function list(names: readonly string[] = NAMES, recall = () => built(names).builder.digests) {
  const { builder, files } = built(names);
  const asked = { times: 0 };
  files.forgetDigests(builder.root(), () => {
    asked.times++;
    return recall();
  });
  return { files, asked };
}

/** A table of what was hashed. */
function hashed(names: readonly string[] = NAMES): FileTable {
  const table = namedTable(names.map(fromText), 0);
  for (const [i, name] of names.entries()) digestAt(table, i).set(Buffer.from(hex(name), 'hex'));
  table.hashed.fill(1);
  return table;
}

const codes = (table: FileTable, checksums: SignedFiles) =>
  compareChecksums(table, { checksums }).failures.map(({ code, file }) => `${code} ${file}`);

const CASES: [what: string, table: () => FileTable, failures: string[], times: number][] = [
  ['every file as it was signed', () => hashed(), [], 0],
  [
    'files that nobody listed among them',
    () => hashed(['0', ...NAMES.slice(0, 2), 'b/cc', ...NAMES.slice(2), 'z']),
    ['FILE_UNEXPECTED 0', 'FILE_UNEXPECTED b/cc', 'FILE_UNEXPECTED z'],
    0,
  ],
  ['a file missing', () => hashed(NAMES.slice(1)), ['FILE_MISSING a'], 1],
  ['the last file missing', () => hashed(NAMES.slice(0, -1)), ['FILE_MISSING f'], 1],
  ['another file in its place', () => hashed([...NAMES.slice(0, -1), 'g']), ['FILE_UNEXPECTED g', 'FILE_MISSING f'], 1],
  [
    'another digest',
    () => {
      const table = hashed();
      digestAt(table, 2)[31] = (digestAt(table, 2)[31] ?? 0) ^ 1;
      return table;
    },
    ['DIGEST_MISMATCH b/d'],
    1,
  ],
  [
    'two digests the other way round',
    () => {
      const table = hashed();
      const one = Buffer.from(digestAt(table, 0));
      digestAt(table, 0).set(digestAt(table, 1));
      digestAt(table, 1).set(one);
      return table;
    },
    ['DIGEST_MISMATCH a', 'DIGEST_MISMATCH b/c'],
    1,
  ],
  [
    'a file that could not be read',
    () => {
      const table = hashed();
      table.hashed[3] = 0;
      return table;
    },
    [],
    1,
  ],
  [
    'nothing hashed yet',
    () => {
      const table = hashed();
      table.hashed.fill(0);
      return table;
    },
    [],
    0,
  ],
];

describe('19: digests that were given back', () => {
  for (const [what, table, failures, times] of CASES)
    it(`say the same of ${what} as those that are kept`, () => {
      const { files, asked } = list();
      assert.deepEqual(codes(table(), files), failures);
      assert.deepEqual(codes(table(), built(NAMES).files), failures);
      assert.equal(asked.times, times);
    });

  it('are read again for whoever asks for one, once', () => {
    const { files, asked } = list();
    assert.equal(files.get(fromText('e')), hex('e'));
    assert.deepEqual([...files], [...built(NAMES).files]);
    assert.equal(files.digest, built(NAMES).files.digest);
    assert.equal(asked.times, 1);
  });

  it('are looked for each time in the table as it is then', () => {
    const { files } = list();
    const table = hashed();
    assert.deepEqual(codes(table, files), []);
    digestAt(table, 4)[0] = (digestAt(table, 4)[0] ?? 0) ^ 1;
    assert.deepEqual(codes(table, files), ['DIGEST_MISMATCH f']);
  });

  it('must be the same when they are read again', () => {
    for (const recall of [
      () => built(['a', 'b/c', 'b/d', 'e', 'x']).builder.digests,
      () => Buffer.alloc(0),
      () => {
        throw new Error('cut off');
      },
    ]) {
      const table = hashed();
      digestAt(table, 0).fill(0);
      assert.throws(() => codes(table, list(NAMES, recall).files), { code: 'SOURCE_CHANGED' });
    }
  });

  it('are kept where the list is in no order, and all of them would not tell', () => {
    const names = [...NAMES].reverse();
    const { files, asked } = list(names);
    assert.deepEqual(codes(hashed(), files), []);
    assert.deepEqual([files.get(fromText('a')), asked.times], [hex('a'), 0]);
  });
});
