// Issue 18: what `weighlock inspect` keeps of many files at a time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Readable, readAllHeaders } from '../../src/inspect/index.ts';

const SIZE = 12 << 20;
/** What is read of a file before it counts as long. */
const SHORT = 4 << 20;

/** Files that have to be kept whole, and how many of them are read far at a time. */
function archives(count: number, fails?: number) {
  const at = new Array<number>(count).fill(0);
  const seen = { most: 0 };
  const files = Array.from({ length: count }, (_, i): Readable => {
    const read = async (start: number, length: number) => {
      at[i] = start + length;
      seen.most = Math.max(seen.most, at.filter((bytes) => bytes > SHORT && bytes < SIZE).length);
      await new Promise((resolve) => setImmediate(resolve));
      if (i === fails && at[i] > SHORT) throw new Error('it broke off');
      const bytes = Buffer.alloc(length);
      if (start === 0) bytes.write('PK\x03\x04', 'latin1');
      return bytes;
    };
    return { name: `${i}.zip`, size: SIZE, read };
  });
  return { files, seen };
}

describe('18: headers of many files', () => {
  it('of which much has to be kept are read two at a time', async () => {
    const { files, seen } = archives(8);
    const found = await readAllHeaders(files, 8);
    assert.deepEqual(new Set(found.map(({ bytesRead }) => bytesRead)), new Set([SIZE]));
    assert.equal(seen.most, 2);
  });

  it('and one that fails makes room for the next', async () => {
    const { files } = archives(3, 0);
    await assert.rejects(readAllHeaders(files, 3), /it broke off/);
  });

  it('let signals and timers have their turn, however many there are', async () => {
    let isOver = false;
    let turns = 0;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const until = performance.now() + 200;
    const read = async (_: number, length: number) => {
      while (performance.now() < until && turns === 0) await undefined;
      return Buffer.alloc(length);
    };
    const file: Readable = { name: 'a.txt', size: 10, read };
    await readAllHeaders(new Array(3).fill(file), 1);
    isOver = true;
    assert.ok(turns > 0);
  });
});
