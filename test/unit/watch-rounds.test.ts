// What a round of `watch` says while it goes on, and what that means for what was verified before.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Round, RoundReport, runRound } from '../../src/watch/round.ts';

const PASSED: Round = {
  exitCode: 0,
  result: 'PASSED',
  bytes: 30,
  seconds: 1,
  artifacts: [
    { name: 'model', path: '/model', files: 2, bytes: 20, passed: true },
    { name: 'data', path: '/data', files: 1, bytes: 10, passed: true },
  ],
};
const FAILED: Round = { ...PASSED, exitCode: 65, result: 'FAILED' };
const UNMEASURED: Round = {
  ...PASSED,
  artifacts: [{ name: 'm', path: '/m', files: 0, bytes: Number.NaN, passed: true }],
};

type Event = Readonly<Record<string, unknown>>;
const start = (mode = 'Enforce', failurePolicy = 'Fail'): Event => ({ event: 'start', mode, failurePolicy });
const hashing = (totalFiles: number, totalBytes: number): Event => ({
  event: 'progress',
  phase: 'hash',
  totalFiles,
  totalBytes,
});
const verdict = (result: string, exitCode: number): Event => ({ event: 'verdict', result, exitCode, bytes: 5 });

/** Everything that was doubted. */
function doubts(before: Round | undefined, events: readonly Event[], isSilent = false) {
  const found: [string, number | undefined][] = [];
  const report = new RoundReport(before, { doubt: (why, exitCode) => found.push([why, exitCode]) });
  for (const event of events) report.take(event);
  if (isSilent) report.isSilent(1000);
  return { found, report };
}

describe('what was verified before', () => {
  const cases: [string, Round | undefined, Event[], RegExp | undefined, boolean?][] = [
    ['stands while the same is hashed', PASSED, [start(), hashing(3, 30)], undefined],
    ['stands while it is listed', PASSED, [start(), { event: 'progress', phase: 'list', entries: 9 }], undefined],
    ['falls where there are more bytes', PASSED, [start(), hashing(3, 2 ** 42)], /4398046511104 bytes in 3 files/],
    ['falls where there are fewer bytes', PASSED, [start(), hashing(3, 29)], /what passed had 30 in 3/],
    ['falls where there is another file', PASSED, [start(), hashing(4, 30)], /30 bytes in 4 files/],
    ['stands where a size is only audited', PASSED, [start('Audit'), hashing(4, 30)], undefined],
    ['is nothing after a failure', FAILED, [start(), hashing(4, 30)], undefined],
    ['is nothing at first', undefined, [start(), hashing(4, 30)], undefined],
    ['has no size that was not measured', UNMEASURED, [start(), hashing(4, 30)], undefined],
    ['falls by a verdict, before the end', PASSED, [start(), verdict('FAILED', 65)], /did not verify/],
    ['falls by an unanswered question', PASSED, [start(), verdict('UNEVALUATED', 75)], /did not verify/],
    ['stands where that is let pass', PASSED, [start('Enforce', 'Ignore'), verdict('UNEVALUATED', 0)], undefined],
    ['falls where nothing is heard', PASSED, [start()], /says nothing for 1 s/, true],
    ['falls where nothing was ever heard', PASSED, [], /says nothing/, true],
    ['falls where nothing is heard in Audit', PASSED, [start('Audit')], /says nothing/, true],
    ['stands where no answer is let pass', PASSED, [start('Enforce', 'Ignore')], undefined, true],
  ];
  for (const [what, before, events, why, isSilent] of cases)
    it(what, () => {
      const { found } = doubts(before, events, isSilent);
      if (why === undefined) assert.deepEqual(found, []);
      else assert.match(found[0]?.[0] ?? 'nothing is doubted', why);
    });

  it('ends with the code of what only lacks its end', () => {
    assert.deepEqual(
      [verdict('FAILED', 65), verdict('UNEVALUATED', 75)].map((one) => doubts(PASSED, [one]).found[0]?.[1]),
      [65, 75],
    );
    assert.equal(doubts(PASSED, [], true).found[0]?.[1], 75);
    assert.equal(doubts(PASSED, [hashing(9, 9)]).found[0]?.[1], undefined, 'it goes on');
  });
});

describe('a round', () => {
  it('is what its process says it is', () => {
    const artifact = { event: 'artifact', artifact: 'm', path: '/m', files: 2, bytes: 7, result: 'PASSED' };
    for (const [events, code, exitCode, result] of [
      [[artifact, verdict('PASSED', 0)], 0, 0, 'PASSED'],
      [[verdict('PASSED', 0)], 137, 137, 'UNEVALUATED'],
      [[verdict('FAILED', 65)], 65, 65, 'FAILED'],
      [[verdict('FAILED', 0)], 0, 0, 'FAILED'],
      [[artifact], 0, 70, 'UNEVALUATED'],
      [[], 0, 70, 'UNEVALUATED'],
      [[verdict('RIGHT', 0)], 0, 0, 'UNEVALUATED'],
    ] as const) {
      const round = doubts(undefined, events).report.round(code, 1);
      assert.deepEqual([round.exitCode, round.result], [exitCode, result], JSON.stringify(events));
    }
    assert.deepEqual(doubts(undefined, [artifact]).report.round(0, 1).artifacts, [
      { name: 'm', path: '/m', files: 2, bytes: 7, passed: true },
    ]);
  });

  it('that says nothing any more is doubted before it ends', async () => {
    const doubted = Promise.withResolvers<number | undefined>();
    const program = [
      process.execPath,
      '-e',
      'console.log(JSON.stringify({ event: "start" })); setInterval(() => {}, 1e6)',
    ];
    const lines: string[] = [];
    const ended = runRound(
      [],
      {},
      {
        line: (text) => lines.push(text),
        started: (child) => void doubted.promise.then(() => child.kill('SIGKILL')),
        doubt: (_why, exitCode) => doubted.resolve(exitCode),
      },
      { before: PASSED, silence: 1000, program },
    );
    assert.equal(await doubted.promise, 75);
    const { exitCode, result } = await ended;
    assert.deepEqual([exitCode, result], [70, 'UNEVALUATED']);
  });
});
