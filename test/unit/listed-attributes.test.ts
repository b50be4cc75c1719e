// A file is the one that was listed only when nothing about it differs.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isListed } from '../../src/fs/attributes.ts';
import { fromText } from '../../src/fs/entry-path.ts';
import { FileTableBuilder } from '../../src/fs/file-table.ts';

it('each attribute of a file counts by itself: device, inode, size, mtime, ctime', () => {
  const stat = statSync(fileURLToPath(import.meta.url), { bigint: true });
  const builder = new FileTableBuilder();
  builder.add(fromText('a'), stat);
  const table = builder.freeze();
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  const attributes = { dev, ino, size, mtimeNs, ctimeNs };
  assert.equal(isListed(table, 0, attributes), true);
  for (const key of Object.keys(attributes) as (keyof typeof attributes)[])
    assert.equal(isListed(table, 0, { ...attributes, [key]: attributes[key] + 1n }), false, key);
});
