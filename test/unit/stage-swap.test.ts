// Another user who owns the folder around a destination, and renames what lies in it while a copy
// is made. As root: a foreign user's calls are made with their UID.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { close, type FileTable, FileTableBuilder, fromText } from '../../src/fs/index.ts';
import { Stage, type StagePlan } from '../../src/stage/index.ts';
import { openBase, PrivateFolder, removeLeftover } from '../../src/stage/private-folder.ts';
import { CALLS, type Calls } from '../../src/stage/probe.ts';
import { listPublished, madeAt } from '../../src/stage/published.ts';
import { openStaged } from '../../src/transfer/staged-file.ts';

const OTHER = 4711;
const isRoot = process.geteuid?.() === 0;

const work = mkdtempSync(join(tmpdir(), 'weighlock-swap-'));
chmodSync(work, 0o755);
after(() => rmSync(work, { recursive: true }));

const FILES = { 'config.json': '{}', 'sub/w': 'weights' };
const EVIL = { 'config.json': '[]', 'sub/w': 'WEIGHTS' };

function verified(): FileTable {
  const builder = new FileTableBuilder();
  for (const [name, { length }] of Object.entries(FILES)) builder.addHashed(fromText(name), length, 'a'.repeat(64));
  return builder.freeze();
}

/** A folder that somebody else owns, and that everybody may use. */
function foreignFolder(): string {
  const path = mkdtempSync(join(work, 'v-'));
  chmodSync(path, 0o777);
  chownSync(path, OTHER, OTHER);
  return path;
}

/** Calls of the other user, by names in a folder: what is around it may be closed to them. */
function asOther(folder: string, action: () => void): void {
  const before = process.cwd();
  process.chdir(folder);
  process.setegid?.(OTHER);
  process.seteuid?.(OTHER);
  try {
    action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.chdir(before);
  }
}

function fill(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** Renames the staging folder away, and puts one with other bytes in its place. */
function swapStaging(base: string): void {
  asOther(base, () => {
    const [name = ''] = readdirSync('.').filter((one) => one.startsWith('.weighlock-'));
    renameSync(name, 'away');
    fill(join(name, 'content'), EVIL);
    for (const one of ['replaced', 'records', 'marker']) symlinkSync('/etc', join(name, one));
  });
}

/** Renames what was published away, and puts other bytes in its place. */
function swapPublished(files: Readonly<Record<string, string>>): void {
  renameSync('m', 'away');
  fill('m', files);
}

function isChanged(error: unknown): boolean {
  return error instanceof WeighlockError && error.code === 'SOURCE_CHANGED';
}

/** Does something right after a call of the publication. */
function afterRename(action: () => void): Calls {
  return {
    ...CALLS,
    rename: (from, to) => {
      CALLS.rename(from, to);
      if (basename(`${from}`) === 'content') action();
    },
    link: (from, to) => {
      CALLS.link(from, to);
      action();
    },
  };
}

function stageAt(destination: string, calls?: Calls, plan: Partial<StagePlan> = {}): Stage {
  return new Stage({ destination, kind: 'folder', bytes: 0, ...plan }, calls);
}

const publish = (stage: Stage, more = {}) => stage.publish({ verified: verified(), ...more });

describe('a staging folder in a folder of another user', { skip: !isRoot }, () => {
  it('15.1: that is replaced while the copy is made publishes what was verified', async () => {
    const base = foreignFolder();
    const stage = stageAt(join(base, 'm'), undefined, { folders: [fromText('early')] });
    writeFileSync(join(stage.folder, 'config.json'), FILES['config.json']);
    swapStaging(base);
    // What is written later, with the folders above it, goes where the rest is.
    close(openStaged(Buffer.from(join(stage.folder, 'sub/w')), 'create'));
    writeFileSync(join(stage.folder, 'sub/w'), FILES['sub/w']);
    await publish(stage, { marker: '{}' });
    for (const [name, content] of Object.entries(FILES))
      assert.equal(readFileSync(join(base, 'm', name), 'utf8'), content);
    assert.deepEqual(readdirSync(join(base, 'm')).sort(), ['config.json', 'early', 'sub']);
    assert.equal(lstatSync(join(base, 'm')).uid, 0);
  });

  it('15.1: that is replaced before the publication replaces what lay there, and nothing else', async () => {
    const base = foreignFolder();
    fill(join(base, 'm'), EVIL);
    const stage = stageAt(join(base, 'm'));
    fill(stage.folder, FILES);
    swapStaging(base);
    await publish(stage, { replace: true, marker: '{}' });
    assert.equal(readFileSync(join(base, 'm/sub/w'), 'utf8'), FILES['sub/w']);
    assert.ok(existsSync('/etc/passwd') && !existsSync('/etc/marker'));
  });

  it('15.1: that is replaced by a link leads nowhere when it is removed', () => {
    const base = foreignFolder();
    const precious = mkdtempSync(join(work, 'precious-'));
    writeFileSync(join(precious, 'file'), '');
    const stage = stageAt(join(base, 'm'));
    const name = readdirSync(base)[0] ?? '';
    asOther(base, () => {
      renameSync(name, 'away');
      symlinkSync(precious, name);
    });
    stage.discard();
    assert.deepEqual(readdirSync(precious), ['file']);
    assert.deepEqual(readdirSync(join(base, 'away')), []);
  });

  it('15.1: for one file publishes the one that was verified', async () => {
    const base = foreignFolder();
    const stage = stageAt(join(base, 'f'), undefined, { kind: 'file', fileName: fromText('config.json') });
    writeFileSync(join(stage.folder, 'config.json'), FILES['config.json']);
    swapStaging(base);
    const builder = new FileTableBuilder();
    builder.addHashed(fromText('config.json'), 2, 'a'.repeat(64));
    await stage.publish({ verified: builder.freeze() });
    assert.equal(readFileSync(join(base, 'f'), 'utf8'), '{}');
  });
});

describe('what is visible after the publication', { skip: !isRoot }, () => {
  const lookalikes: readonly [string, () => void][] = [
    ['other bytes of the same sizes', () => swapPublished(EVIL)],
    ['the same bytes', () => swapPublished(FILES)],
    [
      'a link to what was written',
      () => {
        renameSync('m', 'away');
        symlinkSync('away', 'm');
      },
    ],
    [
      'a link to other bytes',
      () => {
        renameSync('m', 'away');
        fill('evil', EVIL);
        symlinkSync('evil', 'm');
      },
    ],
    ['nothing', () => renameSync('m', 'away')],
    [
      'a file',
      () => {
        renameSync('m', 'away');
        writeFileSync('m', '');
      },
    ],
  ];
  for (const [what, swap] of lookalikes) {
    it(`15.1: is refused when it is not the folder that was written, but ${what}`, async () => {
      const base = foreignFolder();
      const stage = stageAt(
        join(base, 'm'),
        afterRename(() => asOther(base, swap)),
      );
      fill(stage.folder, FILES);
      await assert.rejects(publish(stage), (error) => error instanceof WeighlockError && error.exitCode === 65);
    });
  }

  it('15.1: is refused when the folder around it was replaced', async () => {
    const above = foreignFolder();
    const base = join(above, 'base');
    mkdirSync(base);
    const stage = stageAt(join(base, 'm'));
    fill(stage.folder, FILES);
    asOther(above, () => {
      renameSync('base', 'away');
      fill('base/m', EVIL);
    });
    await assert.rejects(publish(stage), isChanged);
  });

  it('15.1: is the folder itself, and not only what is in it', async () => {
    const base = foreignFolder();
    fill(join(base, 'm'), FILES);
    const made = madeAt(join(base, 'm'));
    await listPublished(join(base, 'm'), made);
    mkdirSync(join(base, 'other'));
    await assert.rejects(listPublished(join(base, 'other'), made), isChanged);
    await assert.rejects(listPublished(join(base, 'm'), { ...made, uid: made.uid + 1n }), isChanged);
  });

  it('15.1: is refused when one file was replaced', async () => {
    const base = foreignFolder();
    const calls = afterRename(() =>
      asOther(base, () => {
        renameSync('f', 'away');
        writeFileSync('f', '[]');
      }),
    );
    const stage = stageAt(join(base, 'f'), calls, { kind: 'file', fileName: fromText('config.json') });
    writeFileSync(join(stage.folder, 'config.json'), '{}');
    const builder = new FileTableBuilder();
    builder.addHashed(fromText('config.json'), 2, 'a'.repeat(64));
    await assert.rejects(stage.publish({ verified: builder.freeze() }), isChanged);
  });

  it('15.1: is refused when everybody may write to it', async () => {
    const base = foreignFolder();
    const stage = stageAt(
      join(base, 'm'),
      afterRename(() => chmodSync(join(base, 'm'), 0o777)),
    );
    fill(stage.folder, FILES);
    await assert.rejects(publish(stage), isChanged);
  });
});

describe('a private folder', { skip: !isRoot }, () => {
  const made = (change: (path: string) => void, key?: string, folder = foreignFolder()) => {
    const base = openBase(folder);
    try {
      return new PrivateFolder(base, key, (name) => change(join(folder, name)));
    } finally {
      close(base);
    }
  };
  const replace = (put: (path: string) => void) => (path: string) => {
    renameSync(path, join(dirname(path), 'away'));
    put(path);
  };

  it('15.1: is opened only as it was made, whatever lies at its path', () => {
    const changes: readonly [string, (path: string) => void][] = [
      ['another user’s', replace((path) => asOther(dirname(path), () => mkdirSync(basename(path), { mode: 0o700 })))],
      [
        'another user’s, for everybody',
        replace((path) =>
          asOther(dirname(path), () => {
            mkdirSync(basename(path));
            chmodSync(basename(path), 0o777);
          }),
        ),
      ],
      ['ours, but for all to look into', replace((path) => mkdirSync(path, { mode: 0o755 }))],
      [
        'ours, with something in it',
        replace((path) => {
          mkdirSync(path, { mode: 0o700 });
          writeFileSync(join(path, 'records'), '');
        }),
      ],
      ['a link to ours', replace((path) => symlinkSync('away', path))],
      ['a file', replace((path) => writeFileSync(path, ''))],
      ['nothing', replace(() => {})],
    ];
    for (const [what, change] of changes)
      assert.throws(
        () => made(change),
        (error) => error instanceof WeighlockError && error.exitCode === 65,
        what,
      );
    made(() => {}).remove();
  });

  it('15.1: of an earlier run is opened only when it is this user’s alone', () => {
    const folder = foreignFolder();
    made(() => {}, 'k', folder).close();
    assert.throws(
      () =>
        made(
          replace((path) => {
            mkdirSync(path, { mode: 0o750 });
          }),
          'k',
          folder,
        ),
      isChanged,
    );
  });

  it('15.1: is removed by its descriptor, and by its name only when that is still its own', () => {
    const folder = foreignFolder();
    const base = openBase(folder);
    const own = new PrivateFolder(base);
    writeFileSync(join(own.path, 'x'), '');
    const path = join(folder, own.name);
    renameSync(path, join(folder, 'away'));
    mkdirSync(path, { mode: 0o700 });
    own.remove();
    assert.deepEqual(readdirSync(join(folder, 'away')), []);
    assert.ok(existsSync(path));
    close(base);
  });

  it('15.1: of an earlier run that is another user’s, or open to others, is not emptied', () => {
    const folder = foreignFolder();
    const base = openBase(folder);
    for (const [mode, uid] of [
      [0o755, 0],
      [0o700, OTHER],
    ] as const) {
      const path = mkdtempSync(join(folder, '.weighlock-'));
      writeFileSync(join(path, 'x'), '');
      chmodSync(path, mode);
      chownSync(path, uid, uid);
      removeLeftover(base, basename(path));
      assert.deepEqual(readdirSync(path), ['x']);
    }
    const own = mkdtempSync(join(folder, '.weighlock-'));
    removeLeftover(base, basename(own));
    assert.equal(existsSync(own), false);
    close(base);
  });
});

it('15.1: a volume with a fsGroup, whose folders everybody of the group may write to, is published to', async () => {
  const base = mkdtempSync(join(work, 'fs-group-'));
  chmodSync(base, 0o2775);
  const stage = stageAt(join(base, 'm'));
  fill(stage.folder, FILES);
  await publish(stage);
  assert.deepEqual(readdirSync(base), ['m']);
});
