// Names that are stored as what differs from the one before: what comes back is what was given,
// asked for in any order, and how one stands to the one before it is as `memcmp` has it.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { FrontCodedNames } from '../../src/evidence/front-coded-names.ts';
import { fromText } from '../../src/fs/index.ts';

function coded(names: readonly string[], bytes = 0): { coded: FrontCodedNames; orders: number[] } {
  const all = new FrontCodedNames(bytes);
  return { coded: all, orders: names.map((name) => Math.sign(add(all, name))) };
}

/** Among other bytes, as a list has them. */
function add(all: FrontCodedNames, name: string): number {
  const bytes = Buffer.from(`"${name}",`);
  return all.add(bytes, 1, bytes.length - 2);
}

const CASES: [string, string[]][] = [
  ['none', []],
  ['numbered', Array.from({ length: 100 }, (_, i) => `shard-${i % 7}/image-${String(i).padStart(6, '0')}.jpg`)],
  ['that are prefixes of each other', ['a', 'ab', 'abc', 'ab', 'a', '', 'a', 'a']],
  ['that are not ASCII', ['ä', 'ö', 'ä/b', 'é', '\u{1f600}', '\u{1f601}', '日本', '日本語']],
  ['longer than 127 and than 16,383 bytes', ['x'.repeat(127), 'x'.repeat(128), 'x'.repeat(16_384), 'y'.repeat(70_000)]],
  ['of random letters', Array.from({ length: 500 }, () => 'ab/'.repeat(randomInt(9)) + randomInt(4))],
];

describe('front-coded names', () => {
  for (const [what, names] of CASES) {
    it(`${what} come back, whoever asks for which first`, () => {
      const { coded: all } = coded(names);
      assert.equal(all.count, names.length);
      const asked = [...names.keys(), ...names.map(() => randomInt(names.length)), ...[...names.keys()].reverse()];
      for (const i of asked) assert.equal(all.get(i), fromText(names[i] ?? ''));
    });

    it(`${what} stand to each other as bytes do`, () => {
      const { coded: all, orders } = coded(names);
      const bytes = names.map((name) => Buffer.from(name));
      for (const [i, one] of bytes.entries()) {
        const before = bytes[i - 1];
        assert.equal(orders[i], before === undefined ? -Math.sign(one.length) : Buffer.compare(before, one));
        const other = bytes[randomInt(bytes.length)] ?? one;
        const among = Buffer.concat([Buffer.from('..'), other, Buffer.from('..')]);
        assert.equal(Math.sign(all.compare(i, 0, among, 2, 2 + other.length)), Buffer.compare(one, other));
      }
    });
  }

  it('may be asked for without their ends', () => {
    const { coded: all } = coded(['model:0:8', 'model:8:16']);
    assert.equal(all.get(1, ':8:16'.length), 'model');
    assert.equal(all.compare(1, ':8:16'.length, Buffer.from('model'), 0, 5), 0);
  });

  it('are stored in the same bytes when they are the same, however much room was made', () => {
    const names = CASES.flatMap(([, some]) => some);
    assert.deepEqual(coded(names).coded.encoded, coded(names, 1 << 20).coded.encoded);
    assert.notDeepEqual(coded(['ab', 'c']).coded.encoded, coded(['a', 'bc']).coded.encoded);
  });
});
