// Folders for receipts that take none: full, or read-only. That costs the receipt, and nothing
// else.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { passed, recipe, run, workFolder, write } from '../integration/cli.ts';

const work = workFolder();
const path = join(work, 'model');
const policy = join(work, 'policy.yaml');

/** A file system in memory. @returns undefined where nothing may be mounted */
function mounted(t: TestContext, name: string): string | undefined {
  const folder = join(work, name);
  mkdirSync(folder);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status !== 0) return undefined;
  t.after(() => spawnSync('umount', ['-l', folder]));
  return folder;
}

/** No receipt is made of what was changed a moment ago. */
async function untilOld(name: string): Promise<void> {
  while (Date.now() - statSync(join(path, name)).ctimeMs < 3000) await setTimeout(100);
}

async function verify(receipts: string) {
  const flags = ['--policy', policy, '--receipts', receipts, '--receipt-key', join(work, 'receipts.key')];
  const report = join(work, 'report.json');
  const ended = await run(['verify', ...flags, '--format=json', '--report', report]);
  passed(ended);
  const { isUsed } = JSON.parse(readFileSync(report, 'utf8')).artifacts[0].receipt;
  return { stdout: ended.stdout, isUsed };
}

describe('19: a folder for receipts', () => {
  it('19: that is full, or read-only, costs the receipt and nothing else', async (t) => {
    write(path, { 'a.bin': 'a'.repeat(9000), 'b.bin': 'b' });
    passed(await run(['keygen', '--output', join(work, 'receipts')]));
    writeFileSync(
      policy,
      `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: p}
spec:
  receipts: {maxAge: 1h, key: {file: ${join(work, 'receipts.pub')}}, volumes: ReadOnly}
  artifacts: [{name: m, path: ${path}, require: [{sha256: ${recipe(path)}}]}]
`,
    );
    await untilOld('b.bin');
    const full = mounted(t, 'full');
    if (full === undefined) return t.skip('nothing may be mounted here');
    for (
      let i = 0;
      spawnSync('dd', ['if=/dev/zero', `of=${join(full, `f${i}`)}`, 'bs=4k', 'count=1']).status === 0;
      i++
    );
    const { stdout } = await verify(full);
    assert.match(stdout, /no receipt: ENOSPC/);
    assert.deepEqual(
      readdirSync(full).filter((name) => name.includes('receipt')),
      [],
    );

    const readOnly = mounted(t, 'read-only') ?? assert.fail();
    assert.equal(spawnSync('mount', ['-o', 'remount,ro', readOnly]).status, 0);
    assert.match((await verify(readOnly)).stdout, /no receipt: EROFS/);
    // What lies there is used all the same.
    assert.equal(spawnSync('mount', ['-o', 'remount,rw', readOnly]).status, 0);
    await verify(readOnly);
    assert.equal(readdirSync(readOnly).length, 1);
    assert.equal(spawnSync('mount', ['-o', 'remount,ro', readOnly]).status, 0);
    assert.equal((await verify(readOnly)).isUsed, true);
  });
});
