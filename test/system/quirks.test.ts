// The program on storage as it is in the field: a FUSE file system with one quirk at a time. What
// is right passes, what was not read to its end or cannot be told does not, and only what the
// storage answers is an unanswered question.
import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FieldMount, whyNoFuse } from '../fuse/mount.ts';
import { recipe, runProcess, workFolder } from '../integration/cli.ts';

const LARGE = 300_000;

for (const [reads, depth] of [
  ['', []],
  [', many reads in flight', ['--io-depth=8']],
] as const)
  describe(`a volume${reads}`, { skip: whyNoFuse() }, () => {
    const backing = workFolder();
    let pin = '';
    let mount: FieldMount;

    before(async () => {
      mkdirSync(join(backing, 'sub'));
      writeFileSync(join(backing, 'empty'), '');
      writeFileSync(join(backing, 'small'), 'x'.repeat(5000));
      writeFileSync(join(backing, 'sub/large'), Buffer.alloc(LARGE, 'weights'));
      pin = recipe(backing);
      mount = await FieldMount.open(backing);
    });

    after(() => mount.unmount());

    /** Exit code and codes of a run with these quirks; `Ignore` tells what content can choose. */
    async function verify(rules: string, ...flags: string[]) {
      mount.rules(rules);
      const result = await runProcess(['verify', mount.path, '--sha256', pin, ...depth, ...flags]);
      return { result, found: [result.status, [...new Set(result.codes)].join()] };
    }

    for (const [what, rules] of [
      ['without a quirk', ''],
      ['that gives a few bytes at a time', '* direct_io most=1000'],
      ['of inode numbers beyond 2^63', '* ino=+9223372036854775808'],
      ['of one inode number for everything', '* ino=18446744073709551615'],
      ['of times before 1678', '* mtime=-9999999999'],
      ['of times after 2262', '* mtime=99999999999.5 ctime=99999999999'],
      ['whose mtimes move when files are first opened', '* opened.mtime=+1 opened.ctime=+1'],
      ['whose mtimes move when they are first read', '* read.mtime=+1'],
      ['that tells no types of its entries', '* dtype=0'],
    ] as const) {
      it(`15.15, 15.17: ${what} passes`, async () => {
        const { result, found } = await verify(rules);
        assert.deepEqual(found, [0, ''], result.stdout);
      });
    }

    for (const [what, rules, code] of [
      ['a small file with more bytes than it says', 'small direct_io size=4000', 'SOURCE_CHANGED'],
      ['a small file that ends before its size', 'small direct_io size=6000', 'SOURCE_CHANGED'],
      ['a large file with more bytes than it says', 'sub/large direct_io size=299999', 'SOURCE_CHANGED'],
      ['a file that says 0 and gives all', 'sub/large direct_io size=0', 'SOURCE_CHANGED'],
      ['one more byte behind pieces of one size', 'small direct_io most=1000 size=4000', 'SOURCE_CHANGED'],
      ['times that never stand still', 'small mtime=looks', 'SOURCE_CHANGED'],
      ['inode numbers that are others at each look', '* ino=looks', 'SOURCE_CHANGED'],
      ['a file that no kernel could hold', 'small size=9223372036854775807', 'UNSAFE_ENTRY'],
      ['a file that nobody may open', 'small open=EACCES', 'ACCESS_DENIED'],
      ['a folder that nobody may open', 'sub opendir=EPERM', 'ACCESS_DENIED'],
      ['a link loop for a file', 'small open=ELOOP', 'SOURCE_CHANGED'],
    ] as const) {
      it(`15.3, 15.9, 15.17: ${what} is refused`, async () => {
        const { result, found } = await verify(rules, '--failure-policy=Ignore');
        assert.deepEqual(found, [65, code], result.stdout);
      });
    }

    for (const [what, rules, name] of [
      ['fstat', '* getattr-open=ESTALE', 'ESTALE'],
      ['fstat after the read', '* getattr-open=EIO+1', 'EIO'],
      ['read', 'small direct_io read=EIO', 'EIO'],
      ['the read that looks for the end', 'small direct_io read=EREMOTEIO@5000', 'EREMOTEIO'],
      ['open', 'sub/large open=ETIMEDOUT', 'ETIMEDOUT'],
      ['opendir', 'sub opendir=ENOTCONN', 'ENOTCONN'],
      ['readdir', 'sub readdir=EIO', 'EIO'],
      ['stat', 'small getattr=EPROTO', 'EPROTO'],
    ] as const) {
      it(`15.16: ${name} by ${what} is an unanswered question that says so`, async () => {
        const { result, found } = await verify(rules);
        assert.deepEqual(found, [75, 'SOURCE_UNAVAILABLE'], result.stdout);
        assert.match(result.stdout, new RegExp(name));
      });
    }

    it('15.16: an error when a file is closed takes nothing away', async () => {
      const { result, found } = await verify('* release=EIO flush=EIO');
      assert.deepEqual(found, [0, ''], result.stdout);
    });

    it('15.9: that stands still is an unanswered question, also for --timeout', async () => {
      const { result, found } = await verify('sub/large direct_io read=hang', '--timeout=6s');
      assert.deepEqual(found, [75, 'TIMEOUT'], result.stdout);
    });

    it('15.9: of a sparse file of terabytes is refused by --timeout, since bytes move', async () => {
      const huge = join(backing, 'huge');
      writeFileSync(huge, '');
      truncateSync(huge, 2 ** 42);
      const { result, found } = await verify('', '--timeout=3s', '--failure-policy=Ignore');
      assert.deepEqual(found, [65, 'LIMIT_EXCEEDED'], result.stdout);
    });
  });
