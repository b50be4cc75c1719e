// Many files are opened by their names alone, from the artifact as the working folder: where that
// begins and ends, and that nothing else happens there.
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { AT_FDCWD, enter, fromText, isInside, isLocal, openFileBeneath, openFolder } from '../../src/fs/index.ts';
import { createRing } from '../../src/hash/index.ts';
import { ThreadGroup } from '../../src/thread/index.ts';
import { HashPool } from '../../src/transfer/index.ts';

const work = realpathSync(mkdtempSync(join(tmpdir(), 'weighlock-inside-')));
const many = join(work, 'many');
const FILES = 40_000;
const limits = { allowSymlinks: false, maxFiles: 100_000 };
const home = process.cwd();
/** Not where temporary files lie on an overlay, say: there it must never be. */
let isOnDisk = false;

before(() => {
  for (let i = 0; i < FILES; i++) {
    if (i % 1000 === 0) mkdirSync(join(many, `class-${i / 1000}`), { recursive: true });
    writeFileSync(join(many, `class-${Math.floor(i / 1000)}`, `${i}`), `${i}`);
  }
  const root = openFolder(many);
  isOnDisk = isLocal(root);
  closeSync(root);
});

afterEach(() => {
  assert.equal(isInside(), false);
  assert.equal(process.cwd(), home);
});

after(() => rmSync(work, { recursive: true }));

/** Threads that have nothing to do are left to the end of the process, so each gets something. */
async function stop(pool: HashPool): Promise<void> {
  for (let thread = 0; thread < pool.workers; thread++) pool.serveRing(thread, createRing(), 'native').catch(() => {});
  await pool.stop();
}

/** Looks where the process is until that is the artifact, or something is over. */
async function untilInside(over: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  over.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  while (!isOver && !isInside()) await setTimeout(1);
  if (isInside()) assert.equal(process.cwd(), many);
  return isInside();
}

it('an artifact is the working folder of one at a time, until that one is through', () => {
  const [root, other] = [openFolder(many), openFolder(work)];
  const comeBack = enter(root);
  assert.ok(comeBack);
  assert.equal(process.cwd(), many);
  assert.equal(enter(other), undefined);
  assert.equal(process.cwd(), many);
  comeBack();
  const second = enter(other);
  assert.ok(second);
  // What is over cannot be undone again.
  comeBack();
  assert.equal(process.cwd(), work);
  second();
  closeSync(root);
  closeSync(other);
});

it('the process comes back to where it was, wherever that lies now', () => {
  const [old, now] = [join(work, 'old'), join(work, 'now')];
  mkdirSync(old);
  process.chdir(old);
  const root = openFolder(many);
  try {
    const comeBack = enter(root);
    renameSync(old, now);
    comeBack?.();
    assert.equal(process.cwd(), now);
  } finally {
    process.chdir(home);
    closeSync(root);
  }
});

it('names are those of the folder that was opened, whatever is put in its place', () => {
  const [folder, moved] = [join(work, 'folder'), join(work, 'moved')];
  mkdirSync(join(folder, 'deep'), { recursive: true });
  writeFileSync(join(folder, 'deep/passwd'), 'ours');
  const root = openFolder(folder);
  const comeBack = enter(root);
  try {
    renameSync(folder, moved);
    mkdirSync(folder);
    symlinkSync('/etc', join(folder, 'deep'));
    const descriptor = openFileBeneath(AT_FDCWD, fromText('deep/passwd'));
    assert.equal(readFileSync(descriptor, 'utf8'), 'ours');
    closeSync(descriptor);
    assert.throws(() => openFileBeneath(AT_FDCWD, fromText('/etc/passwd')), /absolute path/);
    symlinkSync('/etc/passwd', join(moved, 'link'));
    assert.throws(() => openFileBeneath(AT_FDCWD, fromText('link')), { code: 'ELOOP' });
  } finally {
    comeBack?.();
    closeSync(root);
  }
});

it('no thread starts there: Node would look for files of its own', () => {
  const root = openFolder(many);
  const comeBack = enter(root);
  try {
    assert.throws(() => new ThreadGroup('hash').start({}), /in the folder of an artifact/);
  } finally {
    comeBack?.();
    closeSync(root);
  }
});

for (const workers of [1, 2]) {
  it(`a folder of many files is, for ${workers} threads, as long as it is listed`, async () => {
    const pool = new HashPool('native');
    const listed = pool.listHashing({ path: many, ...limits }, 'native', workers);
    assert.equal(await untilInside(listed), isOnDisk);
    const { files } = await listed;
    assert.equal(isInside(), false);
    assert.equal(files.count, FILES);
    assert.ok(files.hashed.every((hashed) => hashed === 1));
    await stop(pool);
  });
}

it('storage that may have to ask somebody is not local', () => {
  // Of procfs and of what is no descriptor nothing is known.
  const proc = openFolder('/proc');
  assert.equal(isLocal(proc), false);
  closeSync(proc);
  assert.equal(isLocal(1 << 20), false);
});

it('a run that ends early leaves it at once', async () => {
  const pool = new HashPool('native');
  const listed = pool.listHashing({ path: many, ...limits }, 'native', 2);
  assert.equal(await untilInside(listed), isOnDisk);
  const stopped = pool.stop();
  assert.equal(isInside(), false);
  assert.equal(process.cwd(), home);
  await stopped;
});

it('a listing that fails leaves it when the others are through', async () => {
  const pool = new HashPool('native');
  // Both threads are at work when the second one begins.
  await pool.listHashing({ path: many, ...limits }, 'native', 2);
  const listed = pool.listHashing({ path: many, allowSymlinks: false, maxFiles: FILES - 1 }, 'native', 2);
  const wasInside = await untilInside(listed);
  await assert.rejects(listed, { code: 'LIMIT_EXCEEDED' });
  assert.equal(wasInside, isOnDisk);
  assert.equal(isInside(), false);
  await stop(pool);
});

it('a folder of few files never is', async () => {
  const pool = new HashPool('native');
  const listed = pool.listHashing({ path: join(many, 'class-0'), ...limits }, 'native', 2);
  assert.equal(await untilInside(listed), false);
  assert.equal((await listed).files.count, 1000);
  await stop(pool);
});
