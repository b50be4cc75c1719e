// The file system of the other tests does what it says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FieldMount, whyNoFuse } from '../fuse/mount.ts';

const CODES: Readonly<Record<number, string>> = { 107: 'ENOTCONN', 116: 'ESTALE', 121: 'EREMOTEIO' };

/** The name of the error; Node knows only some by name. */
function errorOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    return CODES[-(errno ?? 0)] ?? code ?? String(error);
  }
}

describe('fieldfs', { skip: whyNoFuse() }, async () => {
  const backing = mkdtempSync(join(tmpdir(), 'weighlock-fieldfs-'));
  after(() => rmSync(backing, { recursive: true, force: true }));
  writeFileSync(join(backing, 'weights'), Buffer.alloc(1 << 20, 7));
  mkdirSync(join(backing, 'folder'));
  writeFileSync(join(backing, 'folder/config.json'), '{}');
  const mounted = (rules: string) => FieldMount.open(backing, rules);
  const stat = (path: string) => lstatSync(path, { bigint: true });
  const unsigned = (value: bigint) => BigInt.asUintN(64, value);

  test('attributes lie, change at each look, at the first open and while something is read', async () => {
    await using mount = await mounted(
      'weights size=10,+5,10 ino=18446744073709551615 mtime=-99999999999.5 opened.ctime=+1\nfolder read.mtime=+1',
    );
    const path = join(mount.path, 'weights');
    const first = stat(path);
    assert.equal(first.size, (1n << 20n) + 5n);
    assert.equal(unsigned(first.ino), 2n ** 64n - 1n);
    assert.equal(first.mtimeNs, -99_999_999_999n * 1_000_000_000n + 5n);
    closeSync(openSync(path, 'r'));
    assert.equal(stat(path).size, 10n);
    assert.equal(stat(path).ctimeNs - first.ctimeNs, 1_000_000_000n);
    const folder = join(mount.path, 'folder');
    const before = stat(folder);
    readdirSync(folder);
    assert.equal(stat(folder).mtimeNs - before.mtimeNs, 1_000_000_000n);
    mount.rules('folder ino=looks');
    assert.notEqual(stat(folder).ino, stat(folder).ino);
  });

  test('reads with direct_io give more than fstat says, pieces, flipped bytes, and less once it shrank', async () => {
    await using mount = await mounted('weights direct_io open.size=0 most=1000 flip=3+1');
    const descriptor = openSync(join(mount.path, 'weights'), 'r');
    const buffer = Buffer.alloc(2 << 20);
    const read = (at: number) => readSync(descriptor, buffer, 0, buffer.length, at);
    assert.equal(fstatSync(descriptor).size, 0);
    assert.equal(read(0), 1000);
    assert.equal(buffer[3], 7);
    read(0);
    assert.equal(buffer[3], 0xf8);
    mount.rules('weights direct_io shrink=64K@512K');
    assert.equal(read(0), 512 << 10);
    assert.equal(read(0), 64 << 10);
    assert.equal(fstatSync(descriptor).size, 64 << 10);
    closeSync(descriptor);
  });

  test('operations fail with the error of choice, at an offset, once, or all of them', async () => {
    await using mount = await mounted(
      'weights direct_io read=EIO@65536+1*1 getattr-open=ESTALE\nfolder rename-folder=EXDEV readdir=ENOTCONN\n. statfs-blocks=0',
    );
    const descriptor = openSync(join(mount.path, 'weights'), 'r');
    const read = (at: number) => errorOf(() => readSync(descriptor, Buffer.alloc(8), 0, 8, at));
    assert.deepEqual([read(0), read(65536), read(65536), read(65536)], ['none', 'none', 'EIO', 'none']);
    assert.equal(
      errorOf(() => fstatSync(descriptor)),
      'ESTALE',
    );
    closeSync(descriptor);
    assert.equal(
      errorOf(() => renameSync(join(mount.path, 'folder'), join(mount.path, 'other'))),
      'EXDEV',
    );
    assert.equal(
      errorOf(() => readdirSync(join(mount.path, 'folder'))),
      'ENOTCONN',
    );
    assert.equal(statfsSync(mount.path).blocks, 0);
    assert.equal(
      errorOf(() => mount.rules('weights read=ENOSUCH')),
      'EINVAL',
    );
    mount.rules('');
    assert.deepEqual(readdirSync(join(mount.path, 'folder')), ['config.json']);
  });

  test('entries without a type, hidden and listed twice', async () => {
    await using mount = await mounted('weights dtype=0\nfolder listed=2');
    const types = readdirSync(mount.path).sort();
    assert.deepEqual(types, ['folder', 'folder', 'weights']);
    mount.rules('weights listed=0');
    assert.deepEqual(readdirSync(mount.path), ['folder']);
  });

  test('a read that never returns ends with a signal, or with the mount', async () => {
    const mount = await mounted('weights direct_io read=hang trace');
    const first = spawn('cat', [join(mount.path, 'weights')], { stdio: 'ignore' });
    await mount.saw(/^read weights 0 /);
    first.kill('SIGTERM');
    assert.deepEqual(await once(first, 'exit'), [null, 'SIGTERM']);
    mount.rules('weights direct_io read=hang-hard trace');
    const second = spawn('cat', [join(mount.path, 'weights')], { stdio: 'ignore' });
    await mount.saw(/^read weights 0 /);
    const ended = once(second, 'exit');
    await mount.unmount();
    assert.deepEqual(await ended, [1, null]);
  });

  test('many reads are served at once', async () => {
    await using mount = await mounted('* direct_io read=hang trace');
    const path = join(mount.path, 'weights');
    const all = Array.from({ length: 40 }, () => spawn('cat', [path], { stdio: 'ignore' }));
    await mount.saw(/^read weights/, 40);
    assert.equal(mount.counts().get('read')?.mostAtOnce, 40);
    for (const child of all) child.kill();
    await Promise.all(all.map((child) => once(child, 'exit')));
  });

  test('writes pass through', async () => {
    await using mount = await mounted('');
    writeFileSync(join(mount.path, 'new'), 'content');
    renameSync(join(mount.path, 'new'), join(mount.path, 'folder/new'));
    assert.equal(readFileSync(join(backing, 'folder/new'), 'utf8'), 'content');
    rmSync(join(mount.path, 'folder/new'));
    assert.deepEqual(readdirSync(join(backing, 'folder')), ['config.json']);
  });
});
