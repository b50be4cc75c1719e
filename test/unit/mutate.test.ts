// What judges the tests must itself be right: a mutation that nobody noticed must never count as
// caught.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Bench, judge, type Outcome } from '../../scripts/mutate/judge.ts';
import { mutations } from '../../scripts/mutate/lists.ts';
import { breakSource, InvalidMutation, type Mutation } from '../../scripts/mutate/mutation.ts';
import type { TestRun } from '../../scripts/mutate/run-tests.ts';
import { isGoodEnough, summary } from '../../scripts/mutate/summary.ts';

const mutation: Mutation = { id: 'one', file: 'a.ts', from: 'a < b', to: 'true', tests: ['test/a.test.ts'] };
const SOURCE = 'export const f = (a: number, b: number) => a < b;\n';
const passed = { name: 'it compares', passed: true };
const failed = { name: 'it compares', passed: false, error: 'AssertionError', message: 'no' };
const ran = (tests: TestRun['tests'], status: number | null = tests.every((one) => one.passed) ? 0 : 1): TestRun => {
  return { tests, status, milliseconds: 5, complaint: 'a complaint' };
};

/** A checkout in which tests end as told: first without, then with the mutation. */
function bench(before: TestRun, after: TestRun): Bench & { runs: string[] } {
  let content = SOURCE;
  const runs: string[] = [];
  return {
    runs,
    read: () => content,
    with: async (_, broken, action) => {
      const whole = content;
      content = broken;
      return await action().finally(() => (content = whole));
    },
    run: async () => {
      runs.push(content);
      return content === SOURCE ? before : after;
    },
  };
}

describe('a mutation', () => {
  it('is put in place of text that stands there once', () => {
    assert.equal(breakSource(SOURCE, mutation), 'export const f = (a: number, b: number) => true;\n');
  });

  for (const [what, change, message] of [
    ['is stale when its text is not there', { from: 'a > b' }, /stale/],
    ['is refused when its text is there twice', { from: 'number' }, /more than once/],
    ['is refused when its text overlaps itself', { file: 'a.yaml', from: 'aa' }, /more than once/],
    ['is refused when it changes nothing', { to: 'a < b' }, /nothing/],
    ['is refused when the broken code does not parse', { to: '(' }, /not a program/],
  ] as const)
    it(what, () => {
      const source = 'from' in change && change.from === 'aa' ? 'aaa' : SOURCE;
      assert.throws(() => breakSource(source, { ...mutation, ...change }), { message, constructor: InvalidMutation });
    });

  const good = ran([passed]);
  const cases: readonly [string, TestRun, TestRun, Outcome['result'], Partial<Mutation>?][] = [
    ['a test failed by it', good, ran([passed, failed]), 'caught'],
    ['no test failed by it', good, good, 'SURVIVED'],
    ['a test failed without it', ran([failed]), ran([failed]), 'invalid'],
    ['no test has the name', ran([]), ran([]), 'invalid'],
    ['only the file is told', ran([{ ...passed, name: '/tmp/x/test/a.test.ts' }]), ran([]), 'invalid'],
    ['the test file does not load', good, ran([{ ...failed, name: 'test/a.test.ts' }]), 'invalid'],
    ['a name is not defined', good, ran([{ ...failed, error: 'ReferenceError' }]), 'invalid'],
    ['the tests do not end', good, ran([passed], null), 'invalid'],
    ['one test does not end in time', good, ran([{ ...failed, isTimeout: true }]), 'invalid'],
    ['one test does not end, as it says', good, ran([{ ...failed, isTimeout: true }]), 'caught', { hangs: true }],
    ['the tests do not end, as it says', good, ran([passed], null), 'caught', { hangs: true }],
    ['the process of the tests fails by itself', good, ran([], 7), 'invalid'],
  ];
  for (const [when, before, after, result, change] of cases)
    it(`is ${result} when ${when}`, async () => {
      const outcome = await judge({ ...mutation, ...change }, bench(before, after), new Map());
      assert.equal(outcome.result, result, outcome.detail);
    });

  it('asks for the unbroken run of the same tests once', async () => {
    const where = bench(good, ran([failed]));
    const baselines = new Map();
    await judge(mutation, where, baselines);
    await judge({ ...mutation, id: 'two', to: 'false' }, where, baselines);
    assert.equal(where.runs.filter((content) => content === SOURCE).length, 1);
    assert.equal(where.runs.length, 3);
  });
});

describe('the lists', () => {
  it('have nothing that is stale: each breaks one place that is there, and names tests that are there', async () => {
    const root = new URL('../../', import.meta.url);
    const stale = (await mutations()).flatMap((one) => {
      try {
        breakSource(readFileSync(new URL(one.file, root), 'utf8'), one);
        return one.tests.flatMap((file) => (existsSync(new URL(file, root)) ? [] : [`${one.id}: no ${file}`]));
      } catch (error) {
        return [`${one.id}: ${error instanceof Error ? error.message : error}`];
      }
    });
    assert.deepEqual(stale, []);
  });
});

describe('a run', () => {
  const outcome = (result: Outcome['result']): Outcome => ({ mutation, result, seconds: 1, detail: 'why' });
  const outcomes = (caught: number, survived: number, invalid = 0) => [
    ...Array(caught).fill(outcome('caught')),
    ...Array(survived).fill(outcome('SURVIVED')),
    ...Array(invalid).fill(outcome('invalid')),
  ];
  for (const [caught, survived, invalid, isFull, good] of [
    [98, 2, 0, true, true],
    [97, 3, 0, true, false],
    [79, 0, 0, true, false],
    [80, 0, 0, true, true],
    [1, 0, 0, false, true],
    [0, 0, 0, false, false],
    [100, 0, 1, true, false],
  ] as const)
    it(`of ${caught} caught, ${survived} survivors and ${invalid} invalid is ${good ? 'good' : 'not'}`, () => {
      const all = outcomes(caught, survived, invalid);
      assert.equal(isGoodEnough(all, { isFull, wanted: all.length }), good);
    });

  it('that was interrupted is not good', () => {
    assert.equal(isGoodEnough(outcomes(90, 0), { isFull: true, wanted: 100 }), false);
  });

  it('names what survived', () => {
    assert.match(
      summary(outcomes(1, 1)),
      /1 caught \(50\.0 %\), 1 survived, 0 invalid\nsurvived:\n {2}one \(a\.ts\): why/,
    );
  });
});
