import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  const artifact = { path: folder, files: 1 };

  for (const [when, next] of [
    ['while it was verified', [artifact]],
    ['before other paths were watched', [artifact, { path: other, files: 1 }]],
  ] as const)
    it(`are told where they came ${when}`, async () => {
      writeFileSync(join(folder, 'a'), 'a');
      const told = Promise.withResolvers<void>();
      const changes = new Changes(told.resolve, () => {});
      after(() => changes.close());
      changes.follow([artifact]);
      // The timers of what is tested keep no process alive.
      const alive = setInterval(() => appendFileSync(join(folder, 'a'), 'b'), 50);
      await new Promise((resolve) => setTimeout(resolve, 500));
      clearInterval(alive);
      const stays = setInterval(() => {}, 1000);
      changes.follow(next);
      await told.promise;
      clearInterval(stays);
    });
});
