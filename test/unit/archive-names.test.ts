// What names may take of memory: of members of archives, and of files on a volume.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { close, openFolder } from '../../src/fs/index.ts';
import { Walk } from '../../src/fs/walk.ts';
import { ArchiveStream, type ArchiveTools } from '../../src/pull/archive-stream.ts';
import { createBudget } from '../../src/pull/budget.ts';
import { plainPlacement } from '../../src/pull/member-writer.ts';
import { file, pax, tar } from '../registry/tar.ts';

const engine = { init: () => {}, update: () => {}, digest: () => Buffer.alloc(32) };
const tools = {
  packed: engine,
  unpacked: engine,
  member: engine,
  inspects: false,
  behind: {
    isFull: false,
    take: () => Buffer.alloc(1 << 20),
    give: () => {},
    settle: async () => {},
    drain: async () => {},
  },
} as unknown as ArchiveTools;

const FOLDERS = `${'folder'.repeat(20)}/`.repeat(30);

describe('15.28: names of members of an archive', () => {
  it('take of one budget, whatever the archive holds', async () => {
    for (const [count, length, isRefused] of [
      [20, 10, false],
      [90, 10, true],
      [2, 2000, false],
      [5, 2000, true],
    ] as const) {
      const stream = new ArchiveStream('none', plainPlacement(undefined), undefined, tools, createBudget(0, 100_000));
      const path = (i: number) => `${i}/${FOLDERS}`.slice(0, length - 1).concat('x');
      const members = Array.from({ length: count }, (_, i) => {
        const { content, ...head } = pax({ path: path(i) });
        return [{ ...head, content }, file('short', '')];
      });
      const bytes = tar(members.flat());
      const pushed = stream.push(bytes).then(() => stream.finish());
      if (isRefused) await assert.rejects(pushed, { code: 'LIMIT_EXCEEDED' });
      else assert.equal((await pushed).files.length, count);
      await stream.close();
    }
  });
});

describe('15.28: names of files on a volume', () => {
  const root = mkdtempSync(join(tmpdir(), 'weighlock-names-'));
  after(() => rmSync(root, { recursive: true }));

  it('are counted with the folders that they lie in', () => {
    mkdirSync(join(root, 'folder'));
    for (const name of ['a', 'b', 'c']) writeFileSync(join(root, 'folder', name), '');
    const length = 'folder'.length + 3 * 'folder/a'.length;
    for (const onUnseen of [undefined, () => {}])
      for (const most of [length, length - 1]) {
        const folder = openFolder(root);
        const options = { allowSymlinks: false, maxFiles: 100, onEntry: () => {}, ...(onUnseen && { onUnseen }) };
        const walk = () => new Walk(folder, options, most).run();
        if (most === length) walk();
        else assert.throws(walk, { code: 'LIMIT_EXCEEDED' });
        close(folder);
      }
  });
});
