// What is staged and what is published: exactly what was verified, whoever else writes there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { type FileTable, FileTableBuilder, fromText, type PathBytes } from '../../src/fs/index.ts';
import {
  destinationState,
  isLeftover,
  isOfFileSystem,
  isPrivate,
  parseMountPoints,
} from '../../src/stage/destination.ts';
import { freeBytes, Stage } from '../../src/stage/index.ts';
import { placeFile, requireOperations } from '../../src/stage/probe.ts';
import { entryOf, requirePublished, requirePublishedFile, requireVerified, treeOf } from '../../src/stage/tree.ts';
import { openStaged } from '../../src/transfer/staged-file.ts';
import { isVerified } from '../../src/verdict/index.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-stage-'));
after(() => rmSync(work, { recursive: true }));

/** Seconds since 1970: a time that can be put back exactly. */
const THEN = 1_700_000_000;

const FILES = { 'config.json': '{}', 'sub/w': 'weights' };

function verified(files: Readonly<Record<string, string>> = FILES): FileTable {
  const builder = new FileTableBuilder();
  for (const [name, { length }] of Object.entries(files)) builder.addHashed(fromText(name), length, 'a'.repeat(64));
  return builder.freeze();
}

function volume(): string {
  return mkdtempSync(join(work, 'v-'));
}

function fill(folder: string): void {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  for (const [name, content] of Object.entries(FILES)) {
    writeFileSync(join(folder, name), content);
    utimesSync(join(folder, name), THEN, THEN);
  }
}

function staged(destination: string, resume?: string): Stage {
  const keep = () => new Set(Object.keys(FILES).map(fromText));
  const plan = { destination, kind: 'folder', bytes: 0 } as const;
  const stage = new Stage(resume === undefined ? plan : { ...plan, resume: { key: resume, keep } });
  fill(stage.folder);
  return stage;
}

function isCode(code: string, message = /./) {
  return (error: unknown) =>
    error instanceof WeighlockError && error.code === code && message.test(`${error.file} ${error.message}`);
}

function failing(code: string) {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

const never = () => false;

/** Everything that can be done to a folder between two looks at it. */
const CHANGES: readonly [string, (folder: string) => void, RegExp][] = [
  ['a file more', (at) => writeFileSync(join(at, 'evil.py'), ''), /evil\.py/],
  ['a file more below a folder', (at) => writeFileSync(join(at, 'sub/evil.py'), ''), /sub\/evil\.py/],
  [
    'a folder of ours by its name',
    (at) => mkdirSync(join(at, '.weighlock-x/publishing'), { recursive: true }),
    /\.weig/,
  ],
  ['a lost+found', (at) => mkdirSync(join(at, 'sub/lost+found')), /lost\+found/],
  ['a link', (at) => symlinkSync('/etc', join(at, 'code')), /code/],
  ['a hard link', (at) => linkSync(join(at, 'sub/w'), join(at, 'w2')), /w/],
  ['a second name elsewhere', (at) => linkSync(join(at, 'sub/w'), join(work, `w-${Math.random()}`)), /second name/],
  ['a file less', (at) => rmSync(join(at, 'sub/w')), /sub\/w .*missing/],
  ['another size', (at) => writeFileSync(join(at, 'sub/w'), 'weights!'), /sub\/w/],
  [
    'a folder for a file',
    (at) => {
      rmSync(join(at, 'sub/w'));
      mkdirSync(join(at, 'sub/w'));
    },
    /sub\/w/,
  ],
];

/** These leave names and sizes as they are. */
const REPLACEMENTS: readonly [string, (folder: string) => void, RegExp][] = [
  [
    'a file replaced',
    (at) => {
      writeFileSync(join(at, 'n'), 'WEIGHTS');
      renameSync(join(at, 'n'), join(at, 'sub/w'));
    },
    /sub\/w/,
  ],
  [
    'a file written to',
    (at) => {
      writeFileSync(join(at, 'sub/w'), 'WEIGHTS');
      utimesSync(join(at, 'sub/w'), 1, 1);
    },
    /sub\/w/,
  ],
  [
    'a file written to, and its time put back',
    (at) => {
      writeFileSync(join(at, 'sub/w'), 'WEIGHTS');
      utimesSync(join(at, 'sub/w'), THEN, THEN);
    },
    /sub\/w/,
  ],
  [
    'a folder replaced',
    (at) => {
      renameSync(join(at, 'sub'), join(work, `s-${Math.random()}`));
      fill(at);
    },
    /./,
  ],
];

describe('what is staged', () => {
  it('15.1: is exactly what was verified', async () => {
    const good = volume();
    fill(good);
    requireVerified(await treeOf(good), verified());
    for (const [what, change, message] of CHANGES) {
      const folder = volume();
      fill(folder);
      change(folder);
      // Folders are no content, and what is in them is.
      if (/folder of ours|lost/.test(what)) continue;
      const tree = await treeOf(folder);
      assert.throws(() => requireVerified(tree, verified()), isCode('SOURCE_CHANGED', message), what);
    }
  });

  it('15.1: is files, and not links or pipes in their places', async () => {
    const folder = volume();
    assert.equal(spawnSync('mkfifo', [join(folder, 'w')]).status, 0);
    const tree = await treeOf(folder);
    assert.throws(() => requireVerified(tree, verified({ w: '' })), isCode('SOURCE_CHANGED', /no regular file/));
  });

  it('15.1: is refused at the publication with a stranger in it, and nothing appears', async () => {
    const destination = join(volume(), 'm');
    const stage = staged(destination);
    writeFileSync(join(stage.folder, 'evil.py'), '');
    await assert.rejects(stage.publish({ verified: verified() }), isCode('SOURCE_CHANGED', /evil\.py/));
    assert.equal(existsSync(destination), false);
  });

  it('15.1: goes on in a private folder only: of this user, and of nobody else to look into', () => {
    const uid = process.getuid?.() ?? 0;
    const folder = (mode: number, owner = uid, isDirectory = true) => ({
      uid: owner,
      mode,
      isDirectory: () => isDirectory,
    });
    assert.equal(isPrivate(folder(0o40700), uid), true);
    for (const mode of [0o40701, 0o40710, 0o40720, 0o40702, 0o40777]) assert.equal(isPrivate(folder(mode), uid), false);
    assert.equal(isPrivate(folder(0o40700, uid + 1), uid), false);
    assert.equal(isPrivate(folder(0o40700, uid, false), uid), false);
    const base = volume();
    mkdirSync(join(base, '.weighlock-k'), { mode: 0o700 });
    const placeOf = () => realpathSync(staged(join(base, 'm'), 'k').folder);
    assert.equal(placeOf(), join(base, '.weighlock-k/content'));
    chmodSync(join(base, '.weighlock-k'), 0o750);
    assert.notEqual(placeOf(), join(base, '.weighlock-k/content'));
  });

  it('15.1: what was left with a second name is not gone on with: a new file takes its place', () => {
    const folder = volume();
    const [path, other] = [join(folder, 'w'), join(folder, 'other')];
    writeFileSync(path, 'beginning');
    openStaged(Buffer.from(path), 'continue');
    assert.equal(readFileSync(path, 'utf8'), 'beginning');
    linkSync(path, other);
    openStaged(Buffer.from(path), 'continue');
    writeFileSync(other, 'evil');
    assert.equal(readFileSync(path, 'utf8'), '');
  });
});

describe('what is published', () => {
  it('15.1: is exactly what was staged, and nothing else lies there', async () => {
    for (const [what, change, message] of [...CHANGES, ...REPLACEMENTS]) {
      const folder = volume();
      fill(folder);
      const before = await treeOf(folder);
      requirePublished(await treeOf(folder), before, never, never);
      change(folder);
      const tree = await treeOf(folder);
      assert.throws(() => requirePublished(tree, before, never, never), isCode('SOURCE_CHANGED', message), what);
    }
  });

  it('15.1: a file that was moved there itself is known by its number, whatever its times', async () => {
    const folder = volume();
    fill(folder);
    const before = await treeOf(folder);
    writeFileSync(join(folder, 'n'), 'WEIGHTS');
    utimesSync(join(folder, 'n'), THEN, THEN);
    renameSync(join(folder, 'n'), join(folder, 'sub/w'));
    const tree = await treeOf(folder);
    assert.throws(() => requirePublished(tree, before, never, () => true), isCode('SOURCE_CHANGED', /sub\/w/));
  });

  it('15.1: nothing in a lost+found is let be there, only the folder itself', async () => {
    const folder = volume();
    fill(folder);
    const before = await treeOf(folder);
    mkdirSync(join(folder, 'lost+found'));
    const isAllowed = (name: PathBytes) => name === 'lost+found';
    requirePublished(await treeOf(folder), before, isAllowed, never);
    writeFileSync(join(folder, 'lost+found/evil.py'), '');
    const tree = await treeOf(folder);
    assert.throws(
      () => requirePublished(tree, before, isAllowed, never),
      isCode('SOURCE_CHANGED', /lost\+found\/evil/),
    );
  });

  it('15.1: a file is the one that was staged, with one name', () => {
    const folder = volume();
    const path = join(folder, 'f');
    writeFileSync(path, 'x');
    const expected = entryOf(lstatSync(path, { bigint: true }));
    requirePublishedFile(path, expected);
    linkSync(path, join(folder, 'g'));
    assert.throws(() => requirePublishedFile(path, expected), isCode('SOURCE_CHANGED', /second name/));
    rmSync(path);
    assert.throws(() => requirePublishedFile(path, expected), isCode('SOURCE_CHANGED'));
    symlinkSync('g', path);
    assert.throws(() => requirePublishedFile(path, expected), isCode('SOURCE_CHANGED'));
    rmSync(path);
    writeFileSync(path, 'y');
    assert.throws(() => requirePublishedFile(path, expected), isCode('SOURCE_CHANGED'));
  });

  it('is published by one rename, onto an empty folder too, and nothing stays beside it', async () => {
    for (const isThere of [false, true]) {
      const base = volume();
      if (isThere) mkdirSync(join(base, 'm'));
      await staged(join(base, 'm')).publish({ verified: verified() });
      assert.deepEqual(readdirSync(base), ['m']);
      assert.equal(readFileSync(join(base, 'm/sub/w'), 'utf8'), 'weights');
    }
  });

  it('is never put over what appeared meanwhile', async () => {
    const destination = join(volume(), 'm');
    const stage = staged(destination);
    mkdirSync(destination);
    writeFileSync(join(destination, 'x'), 'theirs');
    await assert.rejects(stage.publish({ verified: verified() }), isCode('SOURCE_CHANGED', /appeared/));
    assert.deepEqual(readdirSync(destination), ['x']);
  });
});

describe('a destination', () => {
  it('15.1: that is no mount point is absent only when it is empty, whatever the names in it', () => {
    const folder = volume();
    assert.deepEqual([destinationState(join(folder, 'none')), destinationState(folder)], ['absent', 'absent']);
    mkdirSync(join(folder, '.weighlock-x/publishing'), { recursive: true, mode: 0o700 });
    assert.equal(destinationState(folder), 'present');
    const other = volume();
    mkdirSync(join(other, 'lost+found'), { mode: 0o700 });
    assert.equal(destinationState(other), 'present');
    symlinkSync(volume(), join(other, 'link'));
    assert.equal(destinationState(join(other, 'link')), 'present');
  });

  it('15.1: a lost+found is the one of the file system only as root made it', () => {
    const folder = (uid: number, mode: number, isDirectory = true) => ({ uid, mode, isDirectory: () => isDirectory });
    for (const mode of [0o40700, 0o42770]) assert.equal(isOfFileSystem(folder(0, mode)), true);
    for (const mode of [0o40755, 0o40701, 0o41777]) assert.equal(isOfFileSystem(folder(0, mode)), false);
    assert.equal(isOfFileSystem(folder(1000, 0o40700)), false);
    assert.equal(isOfFileSystem(folder(0, 0o40700, false)), false);
  });

  it('15.1: a leftover is private, and has our name', () => {
    const folder = volume();
    for (const [name, mode] of [
      ['.weighlock-a', 0o700],
      ['.weighlock-b', 0o755],
      ['other', 0o700],
    ] as const)
      mkdirSync(join(folder, name), { mode });
    assert.deepEqual(
      readdirSync(folder).filter((name) => isLeftover(folder, name)),
      ['.weighlock-a'],
    );
  });

  it('15.1: mount points of the same device are known by the kernel’s list', () => {
    const text = '36 35 98:0 /a /mnt/a\\040b rw - ext4 /dev/sda rw\n37 36 98:0 / /data/models rw - ext4 /dev/sda rw\n';
    assert.deepEqual([...parseMountPoints(text)], ['/mnt/a b', '/data/models']);
  });
});

it('15.9: a destination whose folder was taken away is a file that is missing, and no open question', () => {
  const destination = join(volume(), 'gone', 'm');
  assert.throws(() => new Stage({ destination, kind: 'folder', bytes: 0 }), isCode('FILE_MISSING', /is not there/));
});

describe('a file system that lacks an operation', () => {
  it('15.18: cannot rename a folder: refused before a byte is fetched', () => {
    for (const code of ['ENOSYS', 'ENOTSUP', 'EINVAL', 'EPERM', 'EXDEV', 'EMFILE', 'ENOTEMPTY']) {
      const calls = { rename: failing(code), link: linkSync };
      for (const kind of ['folder', 'file'] as const)
        assert.throws(() => requireOperations(volume(), kind, calls), isCode('CONFIG_INVALID', new RegExp(code)));
    }
    const broken = { rename: failing('EIO'), link: linkSync };
    assert.throws(
      () => requireOperations(volume(), 'folder', broken),
      (error) => !isCode('CONFIG_INVALID')(error),
    );
    const folder = volume();
    requireOperations(folder, 'folder');
    requireOperations(folder, 'file');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('15.18: gives a file another number with another name: refused, and says so', () => {
    const copying = (from: unknown, to: unknown) => {
      writeFileSync(`${to}`, readFileSync(`${from}`));
    };
    const calls = { rename: copying, link: linkSync };
    assert.throws(() => requireOperations(volume(), 'file', calls), isCode('CONFIG_INVALID', /another number/));
  });

  it('15.18: has no hard links: a file is renamed, and nothing is put over what is there', () => {
    const folder = volume();
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    writeFileSync(from, 'x');
    const calls = { rename: renameSync, link: failing('EPERM') };
    placeFile(from, to, calls);
    assert.deepEqual(readdirSync(folder), ['to']);
    writeFileSync(from, 'y');
    for (const link of [failing('EPERM'), linkSync])
      assert.throws(() => placeFile(from, to, { rename: renameSync, link }), { code: 'EEXIST' });
    assert.equal(readFileSync(to, 'utf8'), 'x');
  });

  it('15.18: does not say how much is free: that is not known, and not nothing', () => {
    const answer =
      (blocks: number, bavail: number, bsize = 4096) =>
      () =>
        ({ blocks, bavail, bsize }) as never;
    assert.equal(freeBytes('/', answer(0, 0)), undefined);
    assert.equal(freeBytes('/', answer(10, 5, 0)), undefined);
    assert.equal(freeBytes('/', failing('ENOSYS') as never), undefined);
    assert.equal(freeBytes('/', answer(10, 0)), 0);
    assert.equal(freeBytes('/', answer(10, 5)), 5 * 4096);
  });
});

describe('a publication', () => {
  it('15: wants everything measured, nothing failed, and every requirement met', () => {
    const measured = { kind: 'file', files: verified(), unknown: [] } as const;
    const failure = { code: 'DIGEST_MISMATCH', message: 'x' } as const;
    const met = { met: true };
    assert.equal(isVerified(measured, [met, met], []), true);
    assert.equal(isVerified(undefined, [met], []), false);
    assert.equal(isVerified(measured, [met, { met: false }], []), false);
    assert.equal(isVerified(measured, [], []), false);
    assert.equal(isVerified(measured, [met], [failure]), false);
  });
});
