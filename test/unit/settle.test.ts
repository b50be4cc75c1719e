// What a receipt rests on beside attributes: that each change from then on moves them, and that
// they are those of now.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { firstMoved, isAllLocal, isLocal, listPath, settle } from '../../src/fs/index.ts';

const TMPFS = 0x01021994;
const hasPython = spawnSync('python3', ['-c', '']).status === 0;
const hasMemory = existsSync('/dev/shm') && statfsSync('/dev/shm').type === TMPFS;
// The system's own folder for what stays: /tmp is in memory on many machines.
const place = (parent = '/var/tmp') => {
  const folder = mkdtempSync(join(parent, 'weighlock-settle-'));
  after(() => rmSync(folder, { recursive: true }));
  return folder;
};
const list = (path: string) => listPath(path, { allowSymlinks: false, maxFiles: 1000, onEntry: () => {} });

/**
 * Holds a file mapped, with its first page written to already; writes there again for each line.
 */
const MAPPED = `
import mmap, os, sys
with open(sys.argv[1], 'r+b') as file:
    pages = mmap.mmap(file.fileno(), 0)
    pages[0:1] = pages[0:1]
    print(flush=True)
    for line in sys.stdin:
        pages[0:4] = b'EVIL'
        print(flush=True)
`;

async function mapped(path: string): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn('python3', ['-c', MAPPED, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  after(() => child.kill());
  assert.ok(child.stdout && child.stdin);
  const { stdin, stdout } = child;
  await once(stdout, 'data');
  return async () => {
    stdin.write('\n');
    await once(stdout, 'data');
  };
}

describe('19: files that are settled', () => {
  it('19: move their ctime when a program that had them mapped writes to them', {
    skip: !hasPython && 'no python3',
  }, async () => {
    const folder = place();
    const file = join(folder, 'a.bin');
    writeFileSync(file, 'good'.repeat(1024));
    const change = await mapped(file);
    const listing = list(folder);
    assert.equal(await settle(listing), undefined);
    const { ctimeNs: before } = statSync(file, { bigint: true });
    await change();
    assert.notEqual(statSync(file, { bigint: true }).ctimeNs, before);
    assert.match((await firstMoved(listing)) ?? '', /a\.bin is not what was listed/);
  });

  it('19: lie in no memory, where nothing is ever written back', { skip: !hasMemory && 'no tmpfs' }, async () => {
    const folder = place('/dev/shm');
    writeFileSync(join(folder, 'a.bin'), 'good');
    assert.match((await settle(list(folder))) ?? '', /in memory/);
    assert.match((await settle(list(join(folder, 'a.bin')))) ?? '', /in memory/);
  });

  it('19: need no sync where they were left alone since long before', async () => {
    const folder = place();
    mkdirWith(folder);
    const listing = list(folder);
    // Only of what has to be opened is it seen that it has gone.
    rmSync(join(folder, 'sub/b.bin'));
    const later = BigInt(Date.now() + 60_000) * 1_000_000n;
    assert.equal(await settle(listing, later), undefined);
    assert.match((await settle(listing, 0n)) ?? '', /b\.bin cannot be opened/);
    assert.match((await settle(listing)) ?? '', /b\.bin cannot be opened/);
  });

  it('19: are those that were listed', async () => {
    const changes: [RegExp, (folder: string) => void][] = [
      [/a\.bin is not what was listed/, (folder) => writeFileSync(join(folder, 'a.bin'), 'more than it was')],
      [/sub\/b\.bin cannot be opened: ENOENT/, (folder) => rmSync(join(folder, 'sub/b.bin'))],
      [
        /a\.bin is not what was listed/,
        (folder) => {
          writeFileSync(join(folder, 'new'), 'good');
          renameSync(join(folder, 'new'), join(folder, 'a.bin'));
        },
      ],
    ];
    for (const [why, change] of changes) {
      const folder = place();
      mkdirWith(folder);
      const listing = list(folder);
      assert.deepEqual([await settle(listing), await firstMoved(listing)], [undefined, undefined]);
      assert.equal(isAllLocal(listing), isLocal(listing.root));
      change(folder);
      assert.match((await settle(listing)) ?? '', why);
      assert.match((await firstMoved(listing)) ?? '', why);
    }
  });

  it('19: lie on one file system', async () => {
    const folder = place();
    mkdirWith(folder);
    const listing = list(folder);
    listing.files.device[1] = 1n;
    assert.match((await settle(listing)) ?? '', /several file systems/);
    assert.match((await firstMoved(listing)) ?? '', /several file systems/);
    assert.equal(isAllLocal(listing), false);
  });
});

function mkdirWith(folder: string): void {
  const sub = join(folder, 'sub');
  mkdirSync(sub);
  writeFileSync(join(folder, 'a.bin'), 'good');
  writeFileSync(join(sub, 'b.bin'), 'good, too');
}
