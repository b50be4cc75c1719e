// The commands of the pages for people, run as they stand there, in a folder with what they name.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linesOf, NOT_HERE, runnable } from '../docs/not-here.ts';
import { blocksOf, pages } from '../docs/pages.ts';
import { World } from '../docs/world.ts';

const blocks = pages().flatMap(({ path, text }) =>
  blocksOf(text, 'sh', 'bash').map((block, i) => ({ name: `${path}, block ${i + 1}`, block })),
);

describe('20: the commands of the pages', { concurrency: 4 }, async () => {
  const world = await World.make();

  for (const { name, block } of blocks) {
    const lines = runnable(block);
    if (lines.length === 0) continue;
    it(`20: ${name}: do what it says`, async () => {
      const { status, output } = await world.run(lines);
      assert.equal(status, 0, output);
    });
  }

  it('20: that are not run are on a page, each of them', () => {
    const all = blocks.flatMap(({ block }) => linesOf(block));
    for (const [line, instead] of NOT_HERE)
      assert.ok(
        all.some((one) => line.test(one)),
        `${line}: ${instead}`,
      );
    assert.deepEqual(world.unused(blocks.flatMap(({ block }) => runnable(block))), []);
  });

  it('20: are most of those that start the program', () => {
    const ours = blocks.flatMap(({ block }) => linesOf(block)).filter((line) => /^(\w+=\S+ )*weighlock /.test(line));
    const here = blocks.flatMap(({ block }) => runnable(block)).filter((line) => /^(\w+=\S+ )*weighlock /.test(line));
    assert.ok(here.length > ours.length * 0.75, `${here.length} of ${ours.length}`);
  });
});
