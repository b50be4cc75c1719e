// What is no part of an artifact: only what the platform says, by exactly its name, kind and place;
// everything else is content.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import {
  entryText,
  fromText,
  type Listing,
  listPath,
  namesOf,
  openPathAt,
  type StoragePreset,
  type StorageRules,
} from '../../src/fs/index.ts';
import { isLostAndFound, leftOut, type RootStat } from '../../src/fs/storage-rules.ts';
import { treeOf } from './tables.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-storage-'));
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(work, 'm-'));
  treeOf(folder, ['config.json']);
});

after(() => rmSync(work, { recursive: true }));

function rulesOf(presets: StoragePreset[], omitPaths: string[] = []): StorageRules {
  return { presets, omitPaths: omitPaths.map(fromText) };
}

function list(storage: StorageRules, path = folder): Listing {
  return listPath(path, { allowSymlinks: false, maxFiles: 10_000, onEntry: () => {}, storage });
}

const content = (listing: Listing) => namesOf(listing.files).map(entryText);
const left = ({ leftOut: found }: Listing) =>
  (found?.entries ?? []).map(({ path, by }) => `${entryText(path)} by ${by}`);
const refused = ({ failures }: Listing) => failures.map(({ code, file }) => `${code} ${file}`);

/** A file is content, beside what every folder here holds. */
function isContent(storage: StorageRules, ...names: string[]): void {
  treeOf(folder, names);
  const listing = list(storage);
  assert.deepEqual([content(listing), refused(listing)], [[...names, 'config.json'].sort(), []]);
}

describe('18: bookkeeping of tools', () => {
  it('18: nothing is left out unless the platform says so', () => {
    treeOf(folder, ['.git/HEAD', '.cache/huggingface/.gitignore', '.nfs000000000000000100000002', '.stats']);
    const listing = listPath(folder, { allowSymlinks: false, maxFiles: 100, onEntry: () => {} });
    assert.equal(listing.files.count, 5);
    assert.deepEqual(left(listing), []);
    assert.equal(list(rulesOf(['ext4', 'trash'])).files.count, 5);
  });

  it('18: what git itself makes is left out whole, and counted', () => {
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...words]);
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'one');
    git('tag', 'v1.0');
    git('gc', '-q');
    git('tag', 'v1.1-rc1');
    const listing = list(rulesOf(['git']));
    assert.deepEqual([content(listing), refused(listing)], [['config.json'], []]);
    assert.deepEqual(left(listing), ['.git by git']);
    assert.ok((listing.leftOut?.entries[0]?.entries ?? 0) > 10);
    assert.ok((listing.leftOut?.entries[0]?.bytes ?? 0) > 100);
  });

  for (const name of [
    '.git/x.py',
    '.git/hooks/pre-commit.py',
    '.git/refs/heads/x.py',
    '.git/objects/pack/model.safetensors',
    '.git/objects/ab/weights.bin',
    '.git/modules/sub/HEAD',
    '.Git/HEAD',
    '.GIT/HEAD',
    'sub/.git/HEAD',
    '.git2/HEAD',
    '.gitattributes',
    '.git',
    // What HFS+, NTFS and people's eyes take for it.
    '.g\u200cit/HEAD',
    '\uff0egit/HEAD',
    '.g\u0131t/HEAD',
    '.git /HEAD',
    '.git./HEAD',
    'git~1/HEAD',
    '.git\\HEAD',
  ])
    it(`18: ${name} is content, whatever is said of git`, () => isContent(rulesOf(['git']), name));

  it('18: what huggingface_hub keeps beside a download is left out', () => {
    const base = '.cache/huggingface';
    const own = [`${base}/.gitignore`, `${base}/CACHEDIR.TAG`, `${base}/download/config.json.metadata`];
    treeOf(folder, [...own, `${base}/download/sub/w.safetensors.lock`, `${base}/upload/x.py.metadata`]);
    const listing = list(rulesOf(['huggingface']));
    assert.deepEqual([content(listing), left(listing)], [['config.json'], [`${base} by huggingface`]]);
  });

  for (const name of [
    '.cache/huggingface/x.py',
    '.cache/huggingface/download/x.py',
    '.cache/huggingface/download/model.safetensors',
    '.cache/huggingface/download/abc.def.incomplete',
    '.cache/huggingface/x.metadata',
    '.cache/other/.gitignore',
    '.Cache/huggingface/.gitignore',
    '.cache/HuggingFace/.gitignore',
    'sub/.cache/huggingface/.gitignore',
    '.cache/huggingface',
    '.cache/huggingface\u200b/.gitignore',
    '.cache/huggingface/download/..metadata/x.bin',
  ])
    it(`18: ${name} is content, whatever is said of huggingface`, () => isContent(rulesOf(['huggingface']), name));

  it('18: bookkeeping larger than any tool writes is content', () => {
    mkdirSync(join(folder, '.cache/huggingface/download'), { recursive: true });
    writeFileSync(join(folder, '.cache/huggingface/download/w.metadata'), Buffer.alloc(4097));
    assert.equal(list(rulesOf(['huggingface'])).files.count, 2);
  });
});

describe('18: bookkeeping of storage', () => {
  const silly = '.nfs000000000000000100000002';

  it('18: files that NFS keeps while somebody has them open are left out, wherever they are', () => {
    treeOf(folder, [silly, `sub/${silly}`]);
    const listing = list(rulesOf(['nfs']));
    assert.deepEqual(left(listing), [`${silly} by nfs`, `sub/${silly} by nfs`]);
    assert.deepEqual(content(listing), ['config.json']);
  });

  for (const name of [
    '.nfs1',
    `${silly}.py`,
    silly.toUpperCase(),
    `.nfs\uff10${silly.slice(5)}`,
    '.snapshot',
    `${silly}/x`,
    `x${silly}`,
    '.snapshot/x.py',
  ])
    it(`18: ${name} is content, whatever is said of nfs`, () => isContent(rulesOf(['nfs']), name));

  it("18: JuiceFS' own files are left out in the root only, and are not opened", () => {
    treeOf(folder, ['.stats', '.accesslog', 'sub/.stats']);
    const listing = list(rulesOf(['juicefs']));
    assert.deepEqual(content(listing), ['config.json', 'sub/.stats']);
    assert.deepEqual(left(listing), ['.accesslog by juicefs', '.stats by juicefs']);
  });

  for (const name of ['.config', '.control', '.trash/x.py', '.stats/x.py', '.Stats', '.statsx', '.stats\u200b'])
    it(`18: ${name} is content, whatever is said of juicefs`, () => isContent(rulesOf(['juicefs']), name));

  it('18: of a trash only its lists are left out, and never what was thrown away', () => {
    treeOf(folder, ['.Trash-1000/info/x.trashinfo', '.Trash-1000/files/x.py', '.Trash-x/info/y.trashinfo']);
    const listing = list(rulesOf(['trash']));
    assert.deepEqual(content(listing), ['.Trash-1000/files/x.py', '.Trash-x/info/y.trashinfo', 'config.json']);
    assert.deepEqual(left(listing), ['.Trash-1000 by trash']);
  });

  const own = { dev: 1n, sameType: () => true, isVolume: () => true } satisfies RootStat;
  const is = (kind: 'File' | 'Directory', fields: Record<string, bigint>) =>
    ({
      isFile: () => kind === 'File',
      isDirectory: () => kind === 'Directory',
      isSymbolicLink: () => false,
      ...{ dev: 1n, ino: 5n, size: 1n, uid: 0n, mode: 0o700n },
      ...fields,
    }) as unknown as Parameters<typeof leftOut>[2];

  for (const [what, path, kind, fields, root, isOut] of [
    ['snapshots on a file system of their own', '.snapshot', 'Directory', { dev: 2n }, own, true],
    ['a folder that is only called so', '.snapshot', 'Directory', { dev: 1n }, own, false],
    ['another kind of file system', '.snapshot', 'Directory', { dev: 2n }, { ...own, sameType: () => false }, false],
    ['a file', '.snapshot', 'File', { dev: 2n }, own, false],
    ['snapshots in a folder', 'a/.snapshot', 'Directory', { dev: 2n }, own, false],
  ] as const)
    it(`18: ${what} called ${path}: ${isOut ? 'left out' : 'content'}`, () => {
      const found = leftOut(rulesOf(['nfs']), fromText(path), is(kind, fields), root);
      assert.equal(found !== undefined, isOut);
    });

  it("18: JuiceFS' other files are known by numbers that no other file has", () => {
    const judge = (ino: bigint) => leftOut(rulesOf(['juicefs']), fromText('.config'), is('File', { ino }), own);
    assert.equal(judge(0x7fffffff00000004n)?.by, 'juicefs');
    assert.equal(judge(0x7ffffffeffffffffn), undefined);
  });

  for (const [what, path, fields, root, isOut] of [
    ["root's own, in the root of a volume", 'lost+found', {}, own, true],
    ['with the rights of an fsGroup', 'lost+found', { mode: 0o2770n }, own, true],
    ['open to everybody', 'lost+found', { mode: 0o701n }, own, false],
    ["somebody's", 'lost+found', { uid: 1000n }, own, false],
    ['in a folder', 'sub/lost+found', {}, own, false],
    ['in another letter case', 'Lost+Found', {}, own, false],
    ['where nothing is mounted', 'lost+found', {}, { ...own, isVolume: () => false }, false],
  ] as const)
    it(`18: an unreadable lost+found ${what}: ${isOut ? 'left out' : 'an open question'}`, () => {
      const stat = is('Directory', fields);
      assert.equal(isLostAndFound(rulesOf(['ext4']), fromText(path), stat, root), isOut);
      assert.equal(isLostAndFound(rulesOf(['git']), fromText(path), stat, root), false);
    });

  it('18: a lost+found that can be read is content with all that is in it', () =>
    isContent(rulesOf(['ext4']), 'lost+found/x.py'));
});

describe('18: a ConfigMap', () => {
  const moment = '..2026_11_27_05_38_36.1234567890';

  beforeEach(() => {
    treeOf(folder, [`${moment}/a.txt`, `${moment}/dir/b.txt`]);
    symlinkSync(moment, join(folder, '..data'));
    symlinkSync('..data/a.txt', join(folder, 'a.txt'));
    symlinkSync('..data/dir', join(folder, 'dir'));
  });

  it('18: has each file once, under the name that people use', () => {
    const listing = list(rulesOf(['kubernetes']));
    assert.deepEqual([content(listing), refused(listing)], [['a.txt', 'config.json', 'dir/b.txt'], []]);
    assert.equal(openPathAt(listing.files, 0), `${moment}/a.txt`);
    assert.deepEqual(left(listing), [`${moment} by kubernetes`, '..data by kubernetes']);
    assert.deepEqual(listing.leftOut?.folders.map(entryText), [moment]);
  });

  it('18: without the preset its links are refused', () =>
    assert.deepEqual(refused(list(rulesOf([]))), ['UNSAFE_ENTRY ..data', 'UNSAFE_ENTRY a.txt', 'UNSAFE_ENTRY dir']));

  it('18: what has no key of its own is content where it lies', () => {
    treeOf(folder, [`${moment}/x.py`]);
    assert.ok(content(list(rulesOf(['kubernetes']))).includes(`${moment}/x.py`));
  });

  it('18: another folder of another moment is content', () => {
    treeOf(folder, ['..2025_11_27_05_38_36.1234567890/x.py']);
    assert.ok(content(list(rulesOf(['kubernetes']))).includes('..2025_11_27_05_38_36.1234567890/x.py'));
  });

  it('18: other links in it are refused', () => {
    symlinkSync('..data/a.txt', join(folder, 'x.py'));
    symlinkSync(`${moment}/a.txt`, join(folder, 'y.py'));
    assert.deepEqual(refused(list(rulesOf(['kubernetes']))), ['UNSAFE_ENTRY x.py', 'UNSAFE_ENTRY y.py']);
  });

  it('18: a link of the name of a file in it, that leads to another one, hides nothing', () => {
    treeOf(folder, [`${moment}/x.py`]);
    symlinkSync('..data/a.txt', join(folder, 'x.py'));
    const listing = list(rulesOf(['kubernetes']));
    assert.deepEqual(refused(listing), ['UNSAFE_ENTRY x.py']);
    assert.ok(content(listing).includes(`${moment}/x.py`));
  });

  it('18: a ..data that leads elsewhere is none', () => {
    rmSync(join(folder, '..data'));
    treeOf(folder, ['other/a.txt']);
    symlinkSync('other', join(folder, '..data'));
    assert.ok(refused(list(rulesOf(['kubernetes']))).includes('UNSAFE_ENTRY ..data'));
    rmSync(join(folder, '..data'));
    renameSync(join(folder, moment), join(work, moment));
    symlinkSync(join(work, moment), join(folder, moment));
    symlinkSync(moment, join(folder, '..data'));
    assert.ok(refused(list(rulesOf(['kubernetes']))).includes('UNSAFE_ENTRY ..data'));
  });
});

describe('18: paths that the platform names', () => {
  it('18: a file is left out by all of its name, and no other', () => {
    treeOf(folder, ['notes/x.py', 'notes/y.py', 'x.py']);
    const listing = list(rulesOf([], ['notes/x.py']));
    assert.deepEqual(content(listing), ['config.json', 'notes/y.py', 'x.py']);
    assert.deepEqual(left(listing), ['notes/x.py by omit-paths']);
  });

  it('18: so is a link, and a pipe', () => {
    symlinkSync('config.json', join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    assert.deepEqual(left(list(rulesOf([], ['link', 'pipe']))), ['link by omit-paths', 'pipe by omit-paths']);
  });

  it('18: of a folder only what no loader opens is left out, and the rest is content', () => {
    treeOf(folder, ['tool/lock', 'tool/a.lock', 'tool/x.py', 'tool/w.safetensors', 'tool/deep/y.json', 'toolbox/z']);
    const listing = list(rulesOf([], ['tool']));
    assert.deepEqual(content(listing), [
      'config.json',
      'tool/deep/y.json',
      'tool/w.safetensors',
      'tool/x.py',
      'toolbox/z',
    ]);
    assert.deepEqual(left(listing), ['tool by omit-paths']);
  });

  it('18: links into what is left out are refused, and a second name of a file in it is content', () => {
    treeOf(folder, ['.git/HEAD']);
    symlinkSync('.git/HEAD', join(folder, 'x.py'));
    linkSync(join(folder, '.git/HEAD'), join(folder, 'y.py'));
    symlinkSync('../config.json', join(folder, '.git/ORIG_HEAD'));
    const listing = list(rulesOf(['git']));
    assert.deepEqual(refused(listing), ['UNSAFE_ENTRY .git/ORIG_HEAD', 'UNSAFE_ENTRY x.py']);
    assert.deepEqual(content(listing), ['config.json', 'y.py']);
  });

  it('18: a link that is allowed to lead there is content under its own name', () => {
    treeOf(folder, ['.git/HEAD']);
    symlinkSync('.git/HEAD', join(folder, 'x.py'));
    const listing = listPath(folder, {
      allowSymlinks: true,
      maxFiles: 100,
      onEntry: () => {},
      storage: rulesOf(['git']),
    });
    assert.deepEqual(content(listing), ['config.json', 'x.py']);
  });

  it('18: a link in the place of the folder is refused', () => {
    treeOf(work, ['elsewhere/HEAD']);
    symlinkSync(join(work, 'elsewhere'), join(folder, '.git'));
    assert.deepEqual(refused(list(rulesOf(['git']))), ['UNSAFE_ENTRY .git']);
  });
});
