// The cache of huggingface_hub on a volume: the one link out of an artifact that is followed
// unasked, and nothing like it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { isBlobOf, isSharedBlobOf } from '../../src/fs/hub-cache.ts';
import {
  changedFolders,
  EntryReader,
  entryText,
  fromText,
  isBlobPath,
  type Listing,
  listPath,
  namesOf,
  openPathAt,
  refuseLinks,
} from '../../src/fs/index.ts';
import { HashPool } from '../../src/transfer/index.ts';
import { twinsOf } from '../../src/transfer/twins.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-hub-'));
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const GIT = 'a'.repeat(40);
const LFS = 'b'.repeat(64);
const XET = `cd${'c'.repeat(62)}`;
let cache = '';
let repository = '';
let snapshot = '';

/**
 * As huggingface_hub 2.4 makes it (`_create_symlink`, `_shared_blobs`);
 * test/system/huggingface.test.ts has it made by that.
 */
beforeEach(() => {
  cache = mkdtempSync(join(work, 'c-'));
  repository = join(cache, 'models--org--name');
  snapshot = join(repository, 'snapshots', COMMIT);
  put('models--org--name/blobs', { [GIT]: '{}', [LFS]: 'weights' });
  put(`blobs/cd`, { [XET]: 'shared' });
  link(join(repository, 'blobs', 'd'.repeat(64)), `../../blobs/cd/${XET}`);
  link(join(snapshot, 'config.json'), `../../blobs/${GIT}`);
  link(join(snapshot, 'sub/model.safetensors'), `../../../blobs/${LFS}`);
  link(join(snapshot, 'xet.bin'), `../../blobs/${'d'.repeat(64)}`);
});

after(() => rmSync(work, { recursive: true }));

function put(folder: string, files: Record<string, string>): void {
  mkdirSync(join(cache, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cache, folder, name), text);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

function list(path = snapshot, more: { allowSymlinks?: boolean; linkRoot?: string } = {}): Listing {
  const { allowSymlinks = false, linkRoot } = more;
  const storage = linkRoot === undefined ? {} : { storage: { presets: [], omitPaths: [], linkRoot } };
  return listPath(path, { allowSymlinks, maxFiles: 1000, onEntry: () => {}, ...storage });
}

const opened = ({ files }: Listing) =>
  Object.fromEntries(namesOf(files).map((name, i) => [entryText(name), entryText(openPathAt(files, i))]));
const refused = ({ failures }: Listing) => failures.map(({ code, file }) => `${code} ${file}`);

function isRefused(target: string, name = 'evil.py'): void {
  link(join(snapshot, name), target);
  assert.deepEqual(refused(list()), [`UNSAFE_ENTRY ${name}`]);
}

describe('18: a snapshot of a cache of huggingface_hub', () => {
  it('18: has the files that its links lead to', () => {
    const listing = list();
    assert.deepEqual(refused(listing), []);
    assert.deepEqual(opened(listing), {
      'config.json': `../../../models--org--name/blobs/${GIT}`,
      'sub/model.safetensors': `../../../models--org--name/blobs/${LFS}`,
      'xet.bin': `../../../blobs/cd/${XET}`,
    });
    assert.equal(listing.files.totalBytes, 2 + 7 + 6);
  });

  it('18: has them when it is reached by another way, and where the whole cache is the artifact', () => {
    symlinkSync(repository, join(cache, 'current'));
    assert.equal(list(join(cache, 'current/snapshots', COMMIT)).files.count, 3);
    const whole = list(cache);
    assert.deepEqual(refused(whole), [
      `UNSAFE_ENTRY current`,
      `UNSAFE_ENTRY models--org--name/blobs/${'d'.repeat(64)}`,
    ]);
    rmSync(join(repository, 'blobs', 'd'.repeat(64)));
    rmSync(join(cache, 'current'));
    rmSync(join(snapshot, 'xet.bin'));
    assert.deepEqual(refused(list(cache)), []);
    assert.deepEqual(refused(list(repository)), []);
  });

  it('18: one file of it is listed alone', () => {
    const listing = list(join(snapshot, 'sub/model.safetensors'));
    assert.deepEqual(
      [listing.kind, opened(listing)],
      ['file', { 'model.safetensors': `../../../../models--org--name/blobs/${LFS}` }],
    );
    link(join(snapshot, 'x'), '../../refs/main');
    put('models--org--name/refs', { main: COMMIT });
    assert.throws(() => list(join(snapshot, 'x')), { code: 'UNSAFE_ENTRY' });
  });

  it('18: evidence in it is found behind its link, and nowhere else', () => {
    refuseLinks(snapshot, 'config.json', { allowSymlinks: false });
    put('models--org--name/refs', { main: COMMIT });
    link(join(snapshot, 'model.sig'), '../../refs/main');
    assert.throws(() => refuseLinks(snapshot, 'model.sig', { allowSymlinks: false }), { code: 'UNSAFE_ENTRY' });
    assert.throws(() => refuseLinks(repository, `snapshots/${COMMIT}/model.sig`, { allowSymlinks: false }), {
      code: 'UNSAFE_ENTRY',
    });
  });

  it('18: evidence behind a folder that is a link is refused, whatever lies there', () => {
    const elsewhere = mkdtempSync(join(work, 'e-'));
    writeFileSync(join(elsewhere, 'file.sig'), 'x');
    symlinkSync(`../../../blobs/${LFS}`, join(elsewhere, 'link.sig'));
    link(join(snapshot, 'way'), elsewhere);
    link(join(snapshot, 'here'), 'sub');
    for (const name of ['way/file.sig', 'way/link.sig', 'here/model.safetensors'])
      assert.throws(() => refuseLinks(snapshot, name, { allowSymlinks: false }), { code: 'UNSAFE_ENTRY' }, name);
    refuseLinks(snapshot, 'sub/model.safetensors', { allowSymlinks: false });
  });

  for (const [what, target] of [
    ['another repository', `../../../models--org--other/blobs/${GIT}`],
    ['a file of the cache that is no blob', '../../refs/main'],
    ['a blob by a name that is none', `../../blobs/${GIT}.py`],
    ['a blob in upper case', `../../blobs/${GIT.toUpperCase()}`],
    ['a blob in a folder', `../../blobs/sub/${GIT}`],
    ['a shared blob under another prefix', `../../../blobs/ab/${XET}`],
    ['out of the cache', '../../../../secret'],
    ['out of the cache and back', `../../../../CACHE/models--org--name/blobs/${GIT}`],
    ['an absolute path', '/etc/passwd'],
    ['a process', '/proc/self/environ'],
    ['a file in the snapshot', 'config.json'],
    ['nothing', `../../blobs/${'9'.repeat(40)}`],
  ] as const)
    it(`18: a link to ${what} is refused`, () => {
      put('models--org--other/blobs', { [GIT]: 'x' });
      put('models--org--name/refs', { main: COMMIT });
      put('models--org--name/blobs', { [`${GIT}.py`]: 'x', [GIT.toUpperCase()]: 'x' });
      put('models--org--name/blobs/sub', { [GIT]: 'x' });
      put('blobs/ab', { [XET]: 'x' });
      writeFileSync(join(work, 'secret'), 'x');
      isRefused(target.replace('CACHE', cache.slice(cache.lastIndexOf('/') + 1)));
    });

  it('18: so is one to a blob that is a folder, a pipe in words, or a longer chain of links', () => {
    mkdirSync(join(repository, 'blobs', 'e'.repeat(40)));
    isRefused(`../../blobs/${'e'.repeat(40)}`);
    rmSync(join(snapshot, 'evil.py'));
    link(join(repository, 'blobs', 'f'.repeat(40)), 'one');
    link(join(repository, 'blobs', 'one'), GIT);
    isRefused(`../../blobs/${'f'.repeat(40)}`);
    // One link, which leads to no blob that is shared.
    put('models--org--name/refs', { main: COMMIT });
    for (const target of [GIT, '../refs/main', `../../../blobs/cd/${XET}`]) {
      for (const path of [join(repository, 'blobs', 'f'.repeat(40)), join(snapshot, 'evil.py')]) rmSync(path);
      link(join(repository, 'blobs', 'f'.repeat(40)), target);
      isRefused(`../../blobs/${'f'.repeat(40)}`);
    }
  });

  it('18: so are the same links where the folders are called otherwise', () => {
    // Of the whole cache.
    const inSnapshots = () => refused(list(cache)).filter((one) => one.includes('/snapshots/')).length;
    assert.equal(inSnapshots(), 0);
    for (const name of ['model--org--name', 'models-org', 'Models--org--name']) {
      renameSync(repository, join(cache, name));
      assert.equal(list(join(cache, name, 'snapshots', COMMIT)).failures.length, 3, name);
      assert.equal(inSnapshots(), 3, name);
      renameSync(join(cache, name), repository);
    }
    for (const commit of ['main', COMMIT.toUpperCase(), COMMIT.slice(1)]) {
      renameSync(snapshot, join(repository, 'snapshots', commit));
      assert.equal(list(join(repository, 'snapshots', commit)).failures.length, 3, commit);
      assert.equal(inSnapshots(), 3, commit);
      renameSync(join(repository, 'snapshots', commit), snapshot);
    }
  });

  it('18: so is a link to a folder, whatever is in it', () => {
    link(join(snapshot, 'all'), '../../blobs');
    assert.deepEqual(refused(list()), ['UNSAFE_ENTRY all']);
  });

  it('18: what was mounted without its cache says what to mount', () => {
    renameSync(snapshot, join(cache, 'mounted'));
    const [failure] = list(join(cache, 'mounted')).failures;
    assert.match(failure?.remedy ?? '', /mount the whole cache/);
  });

  it('18: with --allow-symlinks links inside it may be there, too', () => {
    link(join(snapshot, 'again'), 'sub');
    assert.deepEqual(refused(list()), ['UNSAFE_ENTRY again']);
    assert.deepEqual(refused(list(snapshot, { allowSymlinks: true })), []);
  });
});

describe('18: what changes in a cache while it is verified', () => {
  const read = ({ root, files }: Listing) => {
    for (let index = 0; index < files.count; index++) {
      const reader = EntryReader.open({ root, table: files, index });
      while (!reader.isAtEnd) reader.read(Buffer.alloc(64));
      reader.finish();
      reader.close();
    }
  };
  const changed = (action: () => void) =>
    assert.throws(action, (error) => error instanceof WeighlockError && error.code === 'SOURCE_CHANGED');

  it('18: a blob that is replaced is not read for the one that was listed', () => {
    const listing = list();
    rmSync(join(repository, 'blobs', LFS));
    writeFileSync(join(repository, 'blobs', LFS), 'WEIGHTS');
    changed(() => read(listing));
  });

  it('18: nor is one behind folders that were exchanged', () => {
    const listing = list();
    renameSync(join(repository, 'blobs'), join(repository, 'old'));
    put('elsewhere', { [GIT]: '{}', [LFS]: 'weights' });
    symlinkSync('../elsewhere', join(repository, 'blobs'));
    changed(() => read(listing));
  });

  it('18: a link that leads elsewhere afterwards is noticed', () => {
    const listing = list();
    read(listing);
    rmSync(join(snapshot, 'config.json'));
    link(join(snapshot, 'config.json'), `../../blobs/${LFS}`);
    assert.deepEqual(
      changedFolders(listing).map(({ code, file }) => [code, file]),
      [['SOURCE_CHANGED', 'config.json']],
    );
  });

  it('18: a file that is added afterwards is noticed, and a cache that stays as it was is not', () => {
    const listing = list();
    assert.deepEqual(changedFolders(listing), []);
    writeFileSync(join(snapshot, 'sub/x.py'), 'x');
    assert.deepEqual(
      changedFolders(listing).map(({ file }) => file),
      ['sub/x.py'],
    );
  });
});

describe('18: two names of one blob', () => {
  it('18: are read once, and both have its digest', async () => {
    link(join(snapshot, 'copy.safetensors'), `../../blobs/${LFS}`);
    const listing = list();
    assert.deepEqual([...twinsOf(listing.files)].length, 1);
    const pool = new HashPool();
    try {
      const { failures } = await pool.hash([{ listing }], 'wasm', 1);
      assert.deepEqual(failures, [[]]);
      assert.equal(pool.progress.bytes, 2 + 7 + 6);
      assert.equal(pool.progress.files, 4);
      const { digests, hashed } = listing.files;
      const all = [...hashed.keys()].map((i) => Buffer.from(digests.subarray(32 * i, 32 * i + 32)).toString('hex'));
      assert.deepEqual([...hashed], [1, 1, 1, 1]);
      assert.equal(all[1], all[2]);
      assert.equal(new Set(all).size, 3);
    } finally {
      await pool.end();
    }
  });

  it('18: are two where the file was another one when the second was looked at', () => {
    link(join(snapshot, 'copy.safetensors'), `../../blobs/${LFS}`);
    const { files } = list();
    files.inode[1] = 1n;
    assert.equal(twinsOf(files).size, 0);
  });
});

describe('18: a link root that the platform names', () => {
  it('18: lets links lead beneath it, and no further', () => {
    put('shared', { 'w.bin': 'w' });
    put('shared/more', { 'x.bin': 'x' });
    link(join(cache, 'models/m/w.bin'), '../../shared/w.bin');
    link(join(cache, 'models/m/more'), '../../shared/more');
    const linkRoot = cache;
    const path = join(cache, 'models/m');
    assert.deepEqual(opened(list(path, { linkRoot })), {
      'more/x.bin': '../../shared/more/x.bin',
      'w.bin': '../../shared/w.bin',
    });
    assert.equal(list(path).failures.length, 2);
    assert.equal(list(path, { linkRoot: join(cache, 'models') }).failures.length, 2);
    assert.equal(list(path, { linkRoot: join(cache, 'shared') }).failures.length, 2);
    link(join(path, 'up'), '..');
    link(join(path, 'abs'), join(cache, 'shared/w.bin'));
    assert.deepEqual(refused(list(path, { linkRoot })), ['UNSAFE_ENTRY abs', 'UNSAFE_ENTRY up/m']);
  });
});

describe('18: names of blobs', () => {
  for (const [link_, target, isOne] of [
    [`models--o--n/snapshots/${COMMIT}/f`, `models--o--n/blobs/${GIT}`, true],
    [`a/b/datasets--o--n/snapshots/${COMMIT}/d/f`, `a/b/datasets--o--n/blobs/${LFS}`, true],
    [`spaces--o--n/snapshots/${COMMIT}/f`, `blobs/cd/${XET}`, true],
    [`a/models--o--n/snapshots/${COMMIT}/f`, `blobs/cd/${XET}`, false],
    [`models--o--n/snapshots/${COMMIT}/f`, `models--o--x/blobs/${GIT}`, false],
    [`models--o--n/snapshots/${COMMIT}`, `models--o--n/blobs/${GIT}`, false],
    [`models--o--n/refs/${COMMIT}/f`, `models--o--n/blobs/${GIT}`, false],
    [`models--o--n/snapshots/${COMMIT}/f`, `models--o--n/blobs/${GIT}0`, false],
  ] as const)
    it(`18: ${link_} -> ${target}: ${isOne}`, () =>
      assert.equal(
        isBlobOf(fromText(link_), fromText(target)) || isSharedBlobOf(fromText(link_), fromText(target)),
        isOne,
      ));

  it('18: are such outside the artifact only', () => {
    assert.equal(isBlobPath(fromText(`../../../models--o--n/blobs/${GIT}`)), true);
    assert.equal(isBlobPath(fromText(`../../../blobs/cd/${XET}`)), true);
    for (const path of [
      `models--o--n/blobs/${GIT}`,
      `../blobs/${GIT}`,
      `../models--o--n/blobs/x`,
      `../a/blobs/cd/${XET}`,
    ])
      assert.equal(isBlobPath(fromText(path)), false, path);
  });
});
