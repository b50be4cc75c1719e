// What waits to be written: the newest of each, for as long as it takes.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { pauseAfter } from '../../src/cluster/back-off.ts';
import { outcomeOf, type WriteOutcome } from '../../src/cluster/outcome.ts';
import { WriteQueue } from '../../src/cluster/write-queue.ts';
import { statusOf } from '../kubernetes/fake-status.ts';
import { QUICK, until } from '../kubernetes/reporting.ts';

interface Sent {
  readonly what: string;
  end(outcome: WriteOutcome): void;
}

const AGAIN: WriteOutcome = { kind: 'again', who: 'object', why: 'no' };
const WRITTEN: WriteOutcome = { kind: 'written' };

/** A queue whose writes a test ends by hand. */
function queue(): { queue: WriteQueue; sent: Sent[]; put(key: string, what: string): void } {
  const sent: Sent[] = [];
  const made = new WriteQueue({ ...QUICK, notice: () => {} });
  const controller = new AbortController();
  after(() => controller.abort());
  made.start(controller.signal);
  const put = (key: string, what: string) =>
    made.put({
      key,
      name: key,
      group: 'things',
      send: () => new Promise((resolve) => sent.push({ what, end: resolve })),
    });
  return { queue: made, sent, put };
}

describe('17.6: the queue of writes', () => {
  it('17.6: tries what failed again, and never the old one where there is a newer', async () => {
    const { queue: one, sent, put } = queue();
    put('pod', 'old');
    await until(() => sent.length === 1);
    put('pod', 'newer');
    put('pod', 'newest');
    sent[0]?.end(AGAIN);
    await until(() => sent.length === 2);
    sent[1]?.end(AGAIN);
    await until(() => sent.length === 3);
    sent[2]?.end(WRITTEN);
    await one.drained();
    assert.deepEqual(
      sent.map(({ what }) => what),
      ['old', 'newest', 'newest'],
    );
    assert.deepEqual(one.counts, { written: 1, failed: 2, dropped: 0, lost: 0 });
  });

  it('17.6: never writes one thing twice at a time, and four things at most', async () => {
    const { sent, put } = queue();
    for (let i = 0; i < 8; i++) put(`k${i}`, `k${i}`);
    put('k0', 'k0 again');
    await until(() => sent.length === 4);
    put('k1', 'k1 again');
    for (let ended = 0; ended < 9; ended++) {
      await until(() => sent.length > ended);
      assert.ok(sent.length - ended <= 4, 'four at a time');
      sent[ended]?.end(WRITTEN);
    }
    const names = sent.map(({ what }) => what);
    assert.equal(new Set(names).size, names.length, names.join());
  });

  it('17.6: forgets what was dropped, also while it is being written', async () => {
    const { queue: one, sent, put } = queue();
    put('pod', 'old');
    await until(() => sent.length === 1);
    one.drop('pod');
    sent[0]?.end(AGAIN);
    await one.drained();
    assert.equal(one.size, 0);
    assert.equal(sent.length, 1);
  });
});

describe('17.6: what an answer to a write means', () => {
  const cases: readonly [number, object, string][] = [
    [200, {}, 'written'],
    [201, {}, 'written'],
    [401, {}, 'group'],
    [403, {}, 'group'],
    [404, {}, 'group'],
    [404, { kind: 'policyreports', name: 'x' }, 'group'],
    [404, { kind: 'namespaces', name: 'ml' }, 'gone'],
    [403, { causes: [{ reason: 'NamespaceTerminating' }] }, 'gone'],
    [403, { causes: [{ reason: 'FieldValueInvalid' }] }, 'group'],
    [403, { causes: 'odd' }, 'group'],
    [409, {}, 'object'],
    [410, {}, 'object'],
    [413, {}, 'object'],
    [422, {}, 'object'],
    [429, {}, 'all'],
    [500, {}, 'object'],
    [503, {}, 'all'],
    [504, {}, 'all'],
  ];
  for (const [status, details, expected] of cases)
    it(`17.6: ${status} ${JSON.stringify(details)}: ${expected}`, () => {
      const outcome = outcomeOf({
        status,
        bytes: 0,
        body: statusOf(status, 'said', details) as Record<string, unknown>,
      });
      assert.equal(outcome.kind === 'again' ? outcome.who : outcome.kind, expected);
    });

  it('17.6: pauses grow to a limit, and are never shorter than the server asks', () => {
    const pauses = { first: 1000, longest: 60_000 };
    for (const failures of [1, 2, 5, 6, 7, 1000]) {
      const most = Math.min(1000 * 2 ** (failures - 1), 60_000);
      assert.equal(pauseAfter(pauses, failures, 0, 1), most);
      assert.equal(pauseAfter(pauses, failures, 0, 0), 0.75 * most);
      assert.equal(pauseAfter(pauses, failures, 90_000, 0), 90_000);
    }
  });
});
