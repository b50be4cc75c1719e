// Threads that die: whoever waits for them, or asks them later, hears of it at once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, mock } from 'node:test';
import { EXIT, EXIT_CODE_OF, WeighlockError } from '../../src/error/index.ts';
import { createControl, createRing } from '../../src/hash/index.ts';
import { type StartThread, ThreadGroup } from '../../src/thread/index.ts';
import { HashPool } from '../../src/transfer/index.ts';

const died = (message: RegExp) => (error: unknown) =>
  error instanceof WeighlockError && error.code === 'INTERNAL' && message.test(error.message);

it('a thread that dies fails what it was asked, and everything that is asked later', async () => {
  const group = new ThreadGroup('hash');
  // Not what a thread is to be started with.
  group.start(null);
  const request = { kind: 'list', path: '/', allowSymlinks: false, maxFiles: 1 };
  await assert.rejects(group.ask(0, request), died(/a thread failed/));
  await assert.rejects(group.ask(0, request), died(/a thread failed/));
  await assert.rejects(group.askAll(request), died(/a thread failed/));
  assert.equal(EXIT_CODE_OF['INTERNAL'], EXIT.internal);
});

it('a thread that runs out of memory fails what it was asked, and the process goes on', async () => {
  const group = new ThreadGroup('hash', () => {}, { maxOldGenerationSizeMb: 24 });
  group.start({ control: createControl(), likelyEngine: 'native' });
  const ring = { ...createRing(), streams: 50_000_000 };
  await assert.rejects(group.ask(0, { kind: 'ring', engine: 'native', ring }), died(/memory limit/));
});

it('a thread that starts after the end of a run does not keep the process', async () => {
  const started: { readonly unref: ReturnType<typeof mock.fn> }[] = [];
  const startThread: StartThread = () => {
    const thread = { postMessage() {}, unref: mock.fn(), terminate: async () => 0 };
    started.push(thread);
    return thread as never;
  };
  const group = new ThreadGroup('hash', undefined, undefined, startThread);
  group.start({});
  assert.equal(started[0]?.unref.mock.callCount(), 0);
  await group.stop();
  group.start({});
  assert.deepEqual(
    started.map(({ unref }) => unref.mock.callCount()),
    [1, 1],
  );
});

it('nothing is got ready for a run that is over', async () => {
  const pool = new HashPool();
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-threads-'));
  try {
    for (let i = 0; i < 600; i++) writeFileSync(join(folder, `${i}`), '');
    const ready = pool.getReady(folder, 'native', 4);
    await pool.stop();
    await ready;
    assert.equal(pool.workers, 1);
  } finally {
    rmSync(folder, { recursive: true });
    await pool.end();
  }
});
