import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { Watchdog } from '../../src/run/watchdog.ts';

function watch(limits: { timeout: number; idleTimeout: number }, isReading = false) {
  const state = { now: 0, progress: { entries: 0, files: 0, bytes: 0 } };
  const watchdog = new Watchdog(
    limits,
    {},
    () => state.progress,
    () => state.now,
    () => isReading,
  );
  const at = (now: number, bytes: number) => {
    state.now = now;
    state.progress = { entries: 0, files: 0, bytes };
    watchdog.tick();
    return watchdog.signal.aborted;
  };
  return { watchdog, at };
}

describe('the watchdog', () => {
  it('lets a run go on as long as bytes move, and aborts it when they stop', () => {
    const { watchdog, at } = watch({ timeout: 0, idleTimeout: 1000 });
    assert.equal(at(900, 1), false);
    assert.equal(at(1800, 2), false);
    assert.equal(at(2700, 2), false);
    assert.equal(at(2800, 2), true);
    assert.ok(watchdog.signal.reason instanceof WeighlockError);
    assert.equal(watchdog.signal.reason.code, 'TIMEOUT');
    assert.match(watchdog.signal.reason.message, /no progress for 1 s/);
  });

  it('aborts a run that takes too long although it moves', () => {
    const { watchdog, at } = watch({ timeout: 5000, idleTimeout: 1000 });
    for (let now = 500; now < 5000; now += 500) assert.equal(at(now, now), false);
    assert.equal(at(5000, 5000), true);
    assert.match(watchdog.signal.reason.message, /not finished within 5 s/);
  });

  it('15.9: refuses a volume that has more to read than the time allows, and asks again for one that stands still', () => {
    const codeAfter = (isReading: boolean, lastMoved: number, end: number) => {
      const { watchdog, at } = watch({ timeout: end, idleTimeout: 0 }, isReading);
      for (let now = 1000; now < end; now += 1000) at(now, Math.min(now, lastMoved));
      assert.equal(at(end, lastMoved), true);
      return watchdog.signal.reason.code;
    };
    assert.equal(codeAfter(true, 59_000, 60_000), 'LIMIT_EXCEEDED');
    assert.equal(codeAfter(true, 51_000, 60_000), 'LIMIT_EXCEEDED');
    assert.equal(codeAfter(true, 50_000, 60_000), 'TIMEOUT');
    assert.equal(codeAfter(true, 0, 60_000), 'TIMEOUT');
    assert.equal(codeAfter(true, 3000, 5000), 'LIMIT_EXCEEDED');
    assert.equal(codeAfter(true, 2000, 5000), 'TIMEOUT');
    assert.equal(codeAfter(false, 59_000, 60_000), 'TIMEOUT');
  });

  it('15.9: does not take it for the storage that its own thread was busy, which content can cause', () => {
    const { watchdog, at } = watch({ timeout: 60_000, idleTimeout: 0 }, true);
    assert.equal(at(1000, 1), false);
    assert.equal(at(60_000, 1), true);
    assert.equal(watchdog.signal.reason.code, 'LIMIT_EXCEEDED');
  });

  it('with both limits 0 waits for ever', () => {
    const { watchdog, at } = watch({ timeout: 0, idleTimeout: 0 });
    assert.equal(at(1e12, 0), false);
    watchdog.stop();
  });
});
