import assert from 'node:assert/strict';
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

  describe('before it was watched, since its verification began,', { concurrency: true }, () => {
    const cases: Readonly<Record<string, (root: string) => string | undefined>> = {
      'are told of a file that was written to': (root) => void appendFileSync(join(root, 'a/file'), 'x'),
      'are told of a new file': (root) => void writeFileSync(join(root, 'a/new'), ''),
      'are told of a file that was taken away': (root) => void rmSync(join(root, 'a/file')),
      'are told of a file that another one was put in the place of': (root) =>
        void renameSync(join(root, 'b'), join(root, 'a/file')),
      'are told of a file with its old times': (root) => {
        appendFileSync(join(root, 'a/file'), 'x');
        utimesSync(join(root, 'a/file'), 1, 1);
        return undefined;
      },
      'are told of an artifact that is one file': (root) => {
        appendFileSync(join(root, 'b'), 'x');
        return join(root, 'b');
      },
    };
    for (const [what, change] of Object.entries(cases))
      it(what, async () => {
        const root = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
        after(() => rmSync(root, { recursive: true }));
        mkdirSync(join(root, 'a'));
        for (const name of ['a/file', 'b']) writeFileSync(join(root, name), '');
        const quiet = Math.max(...['.', 'a', 'a/file', 'b'].map((name) => lstatSync(join(root, name)).ctimeMs)) + 40;
        while (Date.now() < quiet + 20) await new Promise(setImmediate);
        const artifact = { path: change(root) ?? root };
        const told = Promise.withResolvers<void>();
        const changes = new Changes(told.resolve, () => {});
        const stays = setInterval(() => {}, 1000);
        await changes.follow([artifact], quiet);
        await told.promise;
        clearInterval(stays);
        changes.close();
      });
  });

  it('before it was watched are told once, and nothing where there were none', async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'weighlock-changes-'));
    after(() => rmSync(root, { recursive: true }));
    writeFileSync(join(root, 'file'), '');
    const { ctimeMs } = lstatSync(join(root, 'file'));
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let times = 0;
    const changes = new Changes(
      () => times++,
      () => {},
    );
    await changes.follow([{ path: root }], ctimeMs + 1000);
    t.mock.timers.tick(10_000);
    assert.equal(times, 0);
    changes.close();
    const again = new Changes(
      () => times++,
      () => {},
    );
    await again.follow([{ path: root }], ctimeMs);
    t.mock.timers.tick(10_000);
    await again.follow([{ path: root }], ctimeMs);
    t.mock.timers.tick(10_000);
    assert.equal(times, 1, 'what is watched already tells of itself');
    again.close();
  });

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
