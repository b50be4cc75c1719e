// Links with --allow-symlinks: what they lead to must be the same wherever the volume is mounted.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { type Listing, listPath, nameAt, openPathAt, refuseLinks, toBuffer } from '../../src/fs/index.ts';
import { treeOf } from './tables.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-links-'));
let outside = '';
let folder = '';

beforeEach(() => {
  outside = mkdtempSync(join(work, 'o-'));
  folder = join(outside, 'm');
  treeOf(outside, ['secret', 'm/a', 'm/sub/b', 'm/sub/deep/c']);
});

after(() => rmSync(work, { recursive: true }));

function list(maxFiles = 1000, path = folder): Listing {
  return listPath(path, { allowSymlinks: true, maxFiles, onEntry: () => {} });
}

/** Where each name is opened. */
function targets({ files }: Listing): Record<string, string> {
  const text = (path: Parameters<typeof toBuffer>[0]) => toBuffer(path).toString();
  return Object.fromEntries(
    Array.from({ length: files.count }, (_, i) => [text(nameAt(files, i)), text(openPathAt(files, i))]),
  );
}

describe('a link', () => {
  for (const [target, leadsTo] of [
    ['a', 'a'],
    ['./a', 'a'],
    ['sub/b', 'sub/b'],
    ['sub//b', 'sub/b'],
    ['sub/../a', 'a'],
    ['sub/deep/../../sub/b', 'sub/b'],
    ['./././sub/deep/c', 'sub/deep/c'],
  ] as const) {
    it(`15.10: to ${target} leads to ${leadsTo}`, () => {
      symlinkSync(target, join(folder, 'link'));
      const listing = list();
      assert.deepEqual(listing.failures, []);
      assert.equal(targets(listing)['link'], leadsTo);
    });
  }

  for (const [what, target, message] of [
    ['an absolute path', () => join(folder, 'a'), /absolute target/],
    ['the root of the file system', () => '/', /absolute target/],
    ['the process that looks', () => '/proc/self/exe', /absolute target/],
    ['its open folders', () => `/proc/${process.pid}/cwd`, /absolute target/],
    ['the root from a descriptor', () => '/proc/self/root/etc/passwd', /absolute target/],
    ['what lies beside the artifact', () => '../secret', /leads out of the artifact/],
    ['what lies in it, by way of its parent', () => '../m/a', /leads out of the artifact/],
    ['what lies in it, by way of a folder and its parent', () => 'sub/../../m/a', /leads out of the artifact/],
    ['far above the root', () => `${'../'.repeat(60)}etc/passwd`, /leads out of the artifact/],
    ['the artifact itself', () => '.', /leads back/],
    ['itself', () => 'link', /symbolic link loop/],
    ['nothing', () => 'nothing', /symbolic link to nothing/],
    ['a file as if it were a folder', () => 'a/', /no folder/],
    ['something below a file', () => 'a/b', /no folder/],
    ['a file and back', () => 'a/../a', /no folder/],
  ] as const) {
    it(`15.10: to ${what} is refused`, () => {
      symlinkSync(target(), join(folder, 'link'));
      const { failures } = list();
      assert.deepEqual(
        failures.map(({ code, file }) => [code, file]),
        [['UNSAFE_ENTRY', 'link']],
      );
      assert.match(failures[0]?.message ?? '', message);
    });
  }

  it('15.10: that another link stands in the way of is held to the same rules at each step', () => {
    symlinkSync('sub', join(folder, 'way'));
    symlinkSync('way/deep/../b', join(folder, 'good'));
    symlinkSync(outside, join(folder, 'sub/exit'));
    symlinkSync('way/exit/m/a', join(folder, 'bad'));
    const listing = list();
    assert.equal(targets(listing)['good'], 'sub/b');
    assert.deepEqual(listing.failures.map(({ file }) => file).sort(), ['bad', 'sub/exit', 'way/exit']);
  });

  it('15.10: is followed through 40 others, as Linux does, and not through 41', () => {
    symlinkSync('a', join(folder, 'l00'));
    for (let i = 1; i <= 40; i++)
      symlinkSync(`l${String(i - 1).padStart(2, '0')}`, join(folder, `l${String(i).padStart(2, '0')}`));
    const { failures } = list();
    assert.deepEqual(
      failures.map(({ file }) => file),
      ['l40'],
    );
  });

  it('15.10: that is the artifact leads no further than the folder that it lies in', () => {
    symlinkSync('m', join(outside, 'current'));
    assert.equal(list(1000, join(outside, 'current')).files.count, 3);
    symlinkSync('m/sub/b', join(outside, 'file'));
    const file = list(1000, join(outside, 'file'));
    assert.deepEqual([file.kind, targets(file)], ['file', { b: 'b' }]);
    for (const target of [folder, '../', '/proc/self/cwd']) {
      symlinkSync(target, join(outside, 'bad'));
      assert.throws(() => list(1000, join(outside, 'bad')), { code: 'UNSAFE_ENTRY' });
      rmSync(join(outside, 'bad'));
    }
  });

  it('15.10: of procfs that leads where its text does not say is not followed', () => {
    assert.match(readlinkSync('/proc/self/fd/1'), /./);
    const { failures } = list(100_000, '/proc/self/ns');
    assert.ok(failures.length > 5);
    assert.ok(failures.every(({ code }) => code === 'UNSAFE_ENTRY'));
  });

  it('is refused without the flag, whatever it leads to', () => {
    symlinkSync('a', join(folder, 'link'));
    const { failures } = listPath(folder, { allowSymlinks: false, maxFiles: 100, onEntry: () => {} });
    assert.deepEqual(
      failures.map(({ code, file }) => [code, file]),
      [['UNSAFE_ENTRY', 'link']],
    );
  });
});

describe('a name in a folder', () => {
  it('15.10: is refused where a link stands in the way of it, at its end or before', () => {
    symlinkSync('sub', join(folder, 'way'));
    symlinkSync('a', join(folder, 'end'));
    symlinkSync(outside, join(folder, 'exit'));
    const isRefused = (name: string, allowSymlinks: boolean) => {
      try {
        refuseLinks(folder, name, { allowSymlinks });
        return false;
      } catch (error) {
        assert.equal((error as { code: string }).code, 'UNSAFE_ENTRY');
        return true;
      }
    };
    for (const [name, without, withFlag] of [
      ['a', false, false],
      ['sub/deep/c', false, false],
      ['nothing', false, false],
      ['sub/nothing', false, false],
      ['way/b', true, false],
      ['end', true, false],
      ['exit/secret', true, true],
      ['../secret', true, true],
      ['sub/../../secret', true, true],
      ['a/../../secret', true, true],
    ] as const) {
      assert.equal(isRefused(name, false), without, name);
      assert.equal(isRefused(name, true), withFlag, name);
    }
  });

  it('15.10: is looked for in a folder that links may lead to, since the platform named that', () => {
    symlinkSync(folder, join(outside, 'mount'));
    refuseLinks(join(outside, 'mount'), 'a', { allowSymlinks: false });
  });
});

describe('the limit of entries', () => {
  const limited = (maxFiles: number) => {
    try {
      return list(maxFiles).files.count;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it('15.29: counts files, folders, links and what is refused', () => {
    mkdirSync(join(folder, 'empty'));
    linkSync(join(folder, 'a'), join(folder, 'a2'));
    // a, a2, empty, sub, sub/b, sub/deep, sub/deep/c
    assert.equal(limited(7), 4);
    assert.equal(limited(6), 'LIMIT_EXCEEDED');
    writeFileSync(join(folder, 'x'), '');
    assert.equal(limited(7), 'LIMIT_EXCEEDED');
  });

  it('15.29: counts folders that hold nothing', () => {
    for (let i = 0; i < 50; i++) mkdirSync(join(folder, `d${i}`));
    assert.equal(limited(54), 'LIMIT_EXCEEDED');
    assert.equal(limited(55), 3);
  });

  it('15.29: is met by links that lead to folders of links, however often each is seen', () => {
    // Thirty floors with two stairs each: 2^30 ways to the top.
    for (let i = 0; i < 30; i++) {
      mkdirSync(join(folder, `f${i}`));
      for (const stair of ['l', 'r']) symlinkSync(`../f${i + 1}`, join(folder, `f${i}`, stair));
    }
    mkdirSync(join(folder, 'f30'));
    let steps = 0;
    const options = { allowSymlinks: true, maxFiles: 5000, onEntry: () => void steps++ };
    assert.throws(() => listPath(folder, options), { code: 'LIMIT_EXCEEDED' });
    // One step was the name of the artifact itself.
    assert.equal(steps, 5002);
  });

  it('15.29: counts the steps of following a link', () => {
    symlinkSync(`${'sub/../'.repeat(500)}a`, join(folder, 'link'));
    assert.equal(limited(1000), 'LIMIT_EXCEEDED');
    assert.equal(limited(1100), 4);
  });

  it('15.29: ends a walk that finds nothing but what it must refuse', () => {
    for (let i = 0; i < 10_001; i++) symlinkSync('nothing', join(folder, `l${i}`));
    assert.throws(() => list(1_000_000), { code: 'LIMIT_EXCEEDED', message: /10000 entries must not be there/ });
  });
});
