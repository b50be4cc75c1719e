// Which kernel the threads use: the one that was chosen, or, where that computes wrongly in a
// thread, the next best; and the digests are right either way.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { hexAt, nameAt, toBuffer } from '../../src/fs/index.ts';
import { createRing } from '../../src/hash/index.ts';
import type { KernelChoice } from '../../src/hash/lanes/index.ts';
import { WIDE_KERNEL } from '../../src/hash/lanes/wide-kernel.ts';
import { HashPool } from '../../src/transfer/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighlock-pool-'));
const FILES = 24;
const expected = new Map<string, string>();

before(() => {
  for (let i = 0; i < FILES; i++) {
    const path = join(folder, `shard-${i}`);
    writeFileSync(path, `weights of shard ${i}`);
    // A hole: enough to hash for a choice between kernels, and nothing to write.
    truncateSync(path, (9 << 20) - 37 * i);
  }
  for (const name of readdirSync(folder))
    expected.set(
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    );
});

after(() => rmSync(folder, { recursive: true }));

async function hashWith(choose?: () => Promise<KernelChoice>): Promise<HashPool> {
  const pool = new HashPool('wasm', choose);
  const listing = await pool.list({ path: folder, allowSymlinks: false, maxFiles: 100 });
  const { failures } = await pool.hash([{ listing }], 'wasm', 2);
  // Threads that have nothing to do are left to the end of the process; these go on.
  for (let thread = 0; thread < pool.workers; thread++) pool.serveRing(thread, createRing(), 'native').catch(() => {});
  await pool.stop();
  assert.deepEqual(failures, [[]]);
  const { files } = listing;
  const found = Array.from({ length: files.count }, (_, i) => [toBuffer(nameAt(files, i)).toString(), hexAt(files, i)]);
  assert.deepEqual(new Map(found as [string, string][]), expected);
  return pool;
}

it('the kernel that was chosen is the one that runs, and the report can say why', async () => {
  const wide = new WebAssembly.Module(Buffer.from(WIDE_KERNEL, 'base64'));
  const pool = await hashWith(async () => ({ lanes: 8, wide, reason: 'the test says so' }));
  assert.deepEqual(pool.kernels, ['multi-buffer-avx2']);
  assert.equal(pool.kernelReason, 'the test says so');
});

it('a kernel that computes wrongly in a thread is not used there', async () => {
  const wrong = Buffer.from(WIDE_KERNEL, 'base64');
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
  const pool = await hashWith(async () => ({ lanes: 8, wide: new WebAssembly.Module(wrong), reason: '' }));
  assert.deepEqual(pool.kernels, ['multi-buffer']);
});

it('without anything said the fastest is found out', async () => {
  const pool = await hashWith();
  assert.match(pool.kernelReason ?? '', /^measured here: 4 lanes \d+ MB\/s, [58] lanes \d+ MB\/s/);
  assert.match(pool.kernels.join(), /^multi-buffer(-avx2)?$/);
});
