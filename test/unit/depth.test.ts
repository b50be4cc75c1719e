// How many calls on a slow volume are kept in flight: the depth against volumes of every kind, in
// a simulated time.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Depth } from '../../src/transfer/depth.ts';

/** A volume in simulated milliseconds, which serves so many calls at once, each in so long. */
interface Volume {
  readonly milliseconds: number;
  readonly places: number;
  /** What a call takes longer, by its number. */
  readonly late?: (call: number) => number;
}

/** Keeps as many calls in flight as the depth says. @returns the depth after so many calls */
function after(calls: number, { milliseconds, places, late = () => 0 }: Volume, most: number, depth = new Depth()) {
  const free = Array.from({ length: places === Number.POSITIVE_INFINITY ? 0 : places }, () => 0);
  const underWay: { readonly from: number; readonly until: number }[] = [];
  let now = 0;
  let deepest = 0;
  for (let i = 0; i < calls; i++) {
    while (underWay.length < depth.now(most)) {
      free.sort((a, b) => a - b);
      const until = Math.max(now, free[0] ?? 0) + milliseconds;
      if (free.length > 0) free[0] = until;
      underWay.push({ from: now, until: until + late(i + underWay.length) });
    }
    deepest = Math.max(deepest, underWay.length);
    const first = underWay.reduce((one, other) => (other.until < one.until ? other : one));
    underWay.splice(underWay.indexOf(first), 1);
    now = Math.max(now, first.until);
    depth.completed(now - first.from, most);
  }
  return { now: depth.now(most), deepest };
}

test('it goes as deep as it may where every call takes as long as when it is alone', () => {
  for (const milliseconds of [0.6, 1, 5, 100])
    for (const most of [1, 3, 28, 56, 300])
      assert.equal(
        after(4000, { milliseconds, places: Number.POSITIVE_INFINITY }, most).now,
        most,
        `${milliseconds} ms, ${most}`,
      );
});

test('it stays near what a volume serves at once', () => {
  for (const places of [1, 2, 4, 8, 16, 32]) {
    const { now, deepest } = after(20_000, { milliseconds: 5, places }, 400);
    assert.ok(now >= Math.min(4, places) && now <= Math.max(8, 2 * places), `${places}: ${now}`);
    assert.ok(deepest <= Math.max(16, 4 * places), `${places}: ${deepest}`);
  }
});

test('some that come late, as to a thread that hashes, keep it from nothing', () => {
  const kinds = {
    'one of two 20 ms late': (call: number) => (call % 2) * 20,
    'three of five 3 ms late': (call: number) => (call % 5 < 3 ? 3 : 0),
    'one of eight, each later than the one before': (call: number) => (call % 8 === 0 ? call : 0),
    'eight of thirty 500 ms late': (call: number) => (call % 30 < 8 ? 500 : 0),
  };
  for (const [kind, late] of Object.entries(kinds))
    assert.equal(after(300, { milliseconds: 5, places: Number.POSITIVE_INFINITY, late }, 56).now, 56, kind);
});

test('what was the matter may be over: it goes deeper then', () => {
  const depth = new Depth();
  assert.ok(after(3000, { milliseconds: 5, places: 4 }, 56, depth).now <= 8);
  assert.equal(after(20_000, { milliseconds: 5, places: Number.POSITIVE_INFINITY }, 56, depth).now, 56);
});

test('a limit that falls holds at once', () => {
  const depth = new Depth();
  assert.equal(after(4000, { milliseconds: 5, places: Number.POSITIVE_INFINITY }, 56, depth).now, 56);
  assert.equal(depth.now(7), 7);
});
