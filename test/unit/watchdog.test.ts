import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { Watchdog } from '../../src/run/watchdog.ts';

function watch(limits: { timeout: number; idleTimeout: number }) {
  const state = { now: 0, progress: { entries: 0, files: 0, bytes: 0 } };
  const watchdog = new Watchdog(
    limits,
    {},
    () => state.progress,
    () => state.now,
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

  it('with both limits 0 waits for ever', () => {
    const { watchdog, at } = watch({ timeout: 0, idleTimeout: 0 });
    assert.equal(at(1e12, 0), false);
    watchdog.stop();
  });
});
