// A file system that does not tell the types of its entries (DT_UNKNOWN: some network ones, XFS
// with ftype=0): Node looks at each then, by a path made of the name as text, which a name of other
// bytes does not survive.
import assert from 'node:assert/strict';
import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it, mock } from 'node:test';
import { listPath, namesOf, type PathBytes, toBuffer } from '../../src/fs/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighlock-walk-'));
const names = ['plain', 'tést/ä', '模型.bin'];

before(() => {
  mkdirSync(join(folder, 'tést'));
  for (const name of names) writeFileSync(join(folder, name), name);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/tést/`), Buffer.from([0xff])]), '');
});

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

after(() => rmSync(folder, { recursive: true }));

/** Makes Node's reading of folders fail as it does there, for names as text or for all. */
function withoutTypes(fails: (encoding: unknown, name: string) => boolean): void {
  const { opendirSync } = fs;
  mock.method(fs, 'opendirSync', (path: string, options: fs.OpenDirOptions) => {
    const opened = opendirSync(path, options);
    const readSync = () => {
      const entry = opened.readSync();
      if (entry !== null && fails(options.encoding, entry.name.toString()))
        throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return entry;
    };
    return { readSync, closeSync: () => opened.closeSync() };
  });
  syncBuiltinESMExports();
}

function list() {
  const unseen: string[] = [];
  const onUnseen = (files: readonly PathBytes[]) => {
    unseen.push(...files.map((name) => toBuffer(name).toString()));
  };
  const { files, failures } = listPath(folder, { allowSymlinks: false, maxFiles: 100, onEntry: () => {}, onUnseen });
  const seen = namesOf(files).map((name) => toBuffer(name).toString());
  return { found: [...seen, ...unseen].sort(), failures: failures.map(({ code, file }) => [code, file]) };
}

describe('a folder', () => {
  it('has the same entries whether its file system tells their types or not', () => {
    const known = list();
    assert.deepEqual(known, { found: names, failures: [['UNSAFE_ENTRY', 't\\xc3\\xa9st/\\xff']] });
    withoutTypes((encoding, name) => encoding === 'latin1' && /[^ -~]/.test(name));
    assert.deepEqual(list(), known);
  });

  it('that cannot be read either way is a failure', () => {
    withoutTypes((_, name) => name.includes('plain'));
    const { failures } = list();
    assert.ok(failures.some(([code, file]) => code === 'SOURCE_CHANGED' && file === '.'));
  });
});
