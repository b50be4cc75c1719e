import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Changes } from '../../src/watch/changes.ts';

describe('changes below a path that is watched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
  const other = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
  after(() => {
    for (const one of [folder, other]) rmSync(one, { recursive: true });
  });
  const artifact = { path: folder };

  for (const [when, next] of [
    ['while it was verified', [artifact]],
    ['before other paths were watched', [artifact, { path: other }]],
  ] as const)
    it(`are told where they came ${when}`, async () => {
      writeFileSync(join(folder, 'a'), 'a');
      const told = Promise.withResolvers<void>();
      const changes = new Changes(told.resolve, () => {});
      after(() => changes.close());
      await changes.follow([artifact]);
      // The timers of what is tested keep no process alive.
      const alive = setInterval(() => appendFileSync(join(folder, 'a'), 'b'), 50);
      await new Promise((resolve) => setTimeout(resolve, 500));
      clearInterval(alive);
      const stays = setInterval(() => {}, 1000);
      await changes.follow(next);
      await told.promise;
      clearInterval(stays);
    });

  /** Waits until something is told of what happens again and again. */
  async function told(changes: Changes, signal: Promise<void>, act: () => void): Promise<void> {
    const again = setInterval(act, 50);
    await signal;
    clearInterval(again);
    changes.close();
  }

  it('are told of files in folders below, and of folders that came since', async () => {
    const root = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
    after(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, 'a/b'), { recursive: true });
    for (const below of ['a/b', 'a/c', '.']) {
      const signal = Promise.withResolvers<void>();
      const changes = new Changes(signal.resolve, () => {});
      await changes.follow([{ path: root }]);
      mkdirSync(join(root, 'a/c'), { recursive: true });
      await changes.follow([{ path: root }]);
      assert.deepEqual(
        [...changes.watched].sort(),
        ['', '/a', '/a/b', '/a/c'].map((one) => root + one),
      );
      await told(changes, signal.promise, () => appendFileSync(join(root, below, 'file'), 'x'));
    }
  });

  it('are told of a folder that another one was put in the place of', async () => {
    const root = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
    after(() => rmSync(root, { recursive: true }));
    for (const name of ['a', 'b']) mkdirSync(join(root, name));
    let signal = Promise.withResolvers<void>();
    const changes = new Changes(
      () => signal.resolve(),
      () => {},
    );
    await changes.follow([{ path: join(root, 'a') }]);
    const stays = setInterval(() => {}, 1000);
    renameSync(join(root, 'a'), join(root, 'c'));
    await signal.promise;
    clearInterval(stays);
    renameSync(join(root, 'b'), join(root, 'a'));
    signal = Promise.withResolvers<void>();
    await changes.follow([{ path: join(root, 'a') }]);
    await told(changes, signal.promise, () => appendFileSync(join(root, 'a/file'), 'x'));
  });

  it('are left to the interval where there are very many entries, folders or files', async () => {
    const root = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
    after(() => rmSync(root, { recursive: true }));
    const changes = new Changes(
      () => {},
      () => {},
    );
    after(() => changes.close());
    for (let i = 0; i < 2000; i++) mkdirSync(join(root, `${i}`));
    await changes.follow([{ path: root }]);
    assert.equal(changes.watched.length, 2001);
    writeFileSync(join(root, 'one more'), '');
    await changes.follow([{ path: root }]);
    assert.equal(changes.watched.length, 0);
    const file = join(root, 'one more');
    await changes.follow([{ path: file }, { path: join(root, 'absent') }]);
    assert.deepEqual(changes.watched, [file]);
    await Promise.all([changes.follow([{ path: root }]), changes.follow([{ path: file }])]);
    assert.deepEqual(changes.watched, [file], 'the last word counts');
  });
});
